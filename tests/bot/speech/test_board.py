import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from telegram import Bot

from bot.sandbox.faults import FaultKind
from bot.sandbox.seen import SeenMessage
from bot.sandbox.server import Sandbox
from tests.bot.speech.conftest import GROUP, OWNER, TRADER
from tests.bot.speech.world import SpeakingWorld, speaking_world, until


@pytest.fixture
async def world(bot: Bot, tmp_path: Path) -> AsyncIterator[SpeakingWorld]:
    async with speaking_world(bot, tmp_path) as made:
        yield made


@asynccontextmanager
async def kept(world: SpeakingWorld) -> AsyncIterator[None]:
    task = asyncio.create_task(world.board.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def board_of(phones: Sandbox, chat_id: int) -> SeenMessage:
    await until(lambda: phones.pinned(chat_id))
    (board,) = await phones.pinned(chat_id)
    return board


async def shows(phones: Sandbox, chat_id: int, words: str) -> bool:
    return any(words in seen.text for seen in await phones.pinned(chat_id))


async def test_a_bound_private_chat_gets_a_silent_pinned_board_and_a_group_none(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(OWNER)
    await world.bind(GROUP, OWNER)
    async with kept(world):
        board = await board_of(phones, OWNER)
        await world.bind(TRADER)
        await board_of(phones, TRADER)

    assert "ACTIVE" in board.text
    assert board.silent
    assert await phones.messages(GROUP) == []


async def test_a_stop_shows_on_the_board_without_waiting_for_its_tick(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(OWNER)
    async with kept(world):
        board = await board_of(phones, OWNER)
        await world.happen(world.halt())
        await until(lambda: shows(phones, OWNER, "HALTED"))

    (same,) = await phones.pinned(OWNER)
    assert same.message_id == board.message_id


async def test_a_refresh_edits_the_board_and_a_restart_goes_on_with_it(
    bot: Bot, phones: Sandbox, tmp_path: Path
) -> None:
    async with speaking_world(bot, tmp_path) as world:
        await world.bind(OWNER)
        async with kept(world):
            board = await board_of(phones, OWNER)

    async with speaking_world(bot, tmp_path) as world, kept(world):
        world.board.refresh()
        await until(lambda: phones.calls("editMessageText"))

    # What Telegram itself writes about a pin is no message of ours.
    ours = [seen for seen in await phones.messages(OWNER) if seen.pinned_id is None]
    assert [seen.message_id for seen in ours] == [board.message_id]


async def test_a_board_that_was_deleted_comes_again(world: SpeakingWorld, phones: Sandbox) -> None:
    await world.bind(OWNER)
    async with kept(world):
        board = await board_of(phones, OWNER)
        await world.delivery.delete(OWNER, board.message_id)
        world.board.refresh()
        again = await board_of(phones, OWNER)

    assert again.message_id != board.message_id


async def test_many_refreshes_at_once_are_few_edits(world: SpeakingWorld, phones: Sandbox) -> None:
    await world.bind(OWNER)
    async with kept(world):
        await board_of(phones, OWNER)
        for _ in range(50):
            world.board.refresh()
        await until(lambda: phones.calls("editMessageText"))

    assert len(await phones.calls("editMessageText")) <= 2


async def test_trouble_in_one_chat_leaves_the_other_boards_alone(
    world: SpeakingWorld, phones: Sandbox
) -> None:
    await world.bind(OWNER)
    await world.bind(TRADER)
    await phones.block(OWNER)
    await phones.fail("pinChatMessage", FaultKind.REFUSE, chat_id=TRADER)
    async with kept(world):
        await until(lambda: phones.messages(TRADER))
        world.board.refresh()
        await until(lambda: phones.calls("editMessageText"))

    assert len(await phones.messages(TRADER)) == 1
