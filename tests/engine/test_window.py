"""State's window of known commands and fills, and the journal behind it."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from engine import commands as c
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.errors import JournalUnavailable
from engine.journal_memory import MemoryJournal
from engine.orders import Order
from engine.reports import FillReported
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


class Unreadable(MemoryJournal):
    """Find no order while it cannot be read."""

    is_down = False

    async def find_order(self, client_order_id: str) -> Order | None:
        if self.is_down:
            raise JournalUnavailable("the disk does not answer")
        return await super().find_order(client_order_id)


async def test_a_fill_told_again_asks_the_journal_for_no_order_that_left_the_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.fold_orders.ORDERS_TAIL", 1)
    journal = Unreadable()
    async with world(journal=journal, confirm=ConfirmPolicy(mode=ConfirmMode.NEVER)) as w:
        for quantity in ("0.001", "0.002"):
            await w.buy(quantity=Decimal(quantity))
        await w.until(lambda: len(w.venue.ledger.trades) == 2 and not w.engine.state.orders)
        first = (await w.venue.fills(w.engine.clock.now() - timedelta(hours=1)))[0]
        assert w.engine.state.order(first.fill.client_order_id or "") is None
        seq = w.engine.state.seq
        journal.is_down = True

        w.engine.loop.post(FillReported(fill=first.fill))
        await w.engine.send(stranger(w))

        assert w.engine.loop.journal_down_since_s is None
        assert w.engine.state.seq == seq + 1
