"""What is kept behind the buttons of refusals is bounded, and belongs to who was refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.callbacks import TakeSuggestion, suggestion_name
from bot.handlers.suggestions import MESSAGES_MAX, Suggestions
from storage.database import Database
from storage.notes import Notes
from tests.bot.chat.world import OWNER, TRADER, ChatWorld

COMMANDS = ("/buy BTC/USDT 5 usdt", "/buy BTC/USDT 10 usdt")


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[Notes]:
    database = Database(f"sqlite:///{tmp_path / 'journal.db'}")
    await database.open()
    yield Notes(database)
    await database.close()


def button(message_id: int, command: str = COMMANDS[0]) -> TakeSuggestion:
    return TakeSuggestion(message_id=message_id, name=suggestion_name(command))


async def test_a_chat_that_is_refused_for_months_keeps_only_its_last_refusals(
    notes: Notes,
) -> None:
    # given more refusals than are kept
    kept = Suggestions(notes)
    for message_id in range(1, MESSAGES_MAX + 11):
        await kept.keep(OWNER, message_id, OWNER, COMMANDS)
    # then the newest stand, each with all its buttons, and the oldest have gone
    assert len(await notes.all(f"kept:{OWNER}")) == MESSAGES_MAX * len(COMMANDS)
    assert await kept.find(OWNER, OWNER, button(10)) is None
    for command in COMMANDS:
        assert await kept.find(OWNER, OWNER, button(11, command)) == command


async def test_a_suggestion_is_for_who_was_refused_and_for_that_chat(notes: Notes) -> None:
    kept = Suggestions(notes)
    await kept.keep(OWNER, 7, OWNER, COMMANDS)
    assert await kept.find(OWNER, TRADER, button(7)) is None
    assert await kept.find(TRADER, OWNER, button(7)) is None


async def test_the_chat_keeps_what_it_suggests_where_old_ones_are_forgotten(
    world: ChatWorld,
) -> None:
    # when something is refused with a suggestion
    await world.said(OWNER, "/buy BTCC/USDT 100 usdt", part="Closest")
    # then it is kept in the chat's own bounded place
    assert await world.assembly.notes.all(f"kept:{OWNER}")
