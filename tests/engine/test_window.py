"""State's window of known commands and fills, and the journal behind it."""

import asyncio

from engine import commands as c
from engine.state import COMMANDS_TAIL
from tests.engine.world import World, world


def stranger(w: World) -> c.NoteStranger:
    made: c.NoteStranger = w.named(c.NoteStranger, user_id=1, messages=1)
    return made


async def test_a_command_that_its_own_batch_pushes_out_of_the_window_is_still_a_repeat() -> None:
    async with world() as w:
        first = stranger(w)
        await w.engine.send(first)
        while first.command_id != next(iter(w.engine.state.commands_known)):
            await w.engine.send(stranger(w))
        assert len(w.engine.state.commands_known) == COMMANDS_TAIL
        seq = w.engine.state.seq

        new = [stranger(w) for _ in range(100)]
        receipts = await asyncio.gather(*(w.engine.send(each) for each in (*new, first)))

        assert first.command_id not in w.engine.state.commands_known
        assert [each.is_repeat for each in receipts] == [False] * 100 + [True]
        assert w.engine.state.seq == seq + 100


async def test_a_command_that_left_the_window_long_ago_is_known_to_the_journal() -> None:
    async with world() as w:
        first = stranger(w)
        once = await w.engine.send(first)
        while first.command_id in w.engine.state.commands_known:
            await w.engine.send(stranger(w))

        again = await w.engine.send(first)

        assert again.is_repeat
        assert again.events == once.events
