"""What the console keeps for itself: updates, cards, notes, operators."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from engine.commands import Role
from engine.errors import JournalCorrupt
from storage.cards import Card, Cards
from storage.database import Database
from storage.notes import VALUE_LENGTH_MAX, Notes
from storage.operators import Operators
from storage.updates import StoredUpdate, Updates
from tests.storage.story import START


async def test_only_new_updates_are_reported_as_new(database: Database) -> None:
    updates = Updates(database)
    assert await updates.last_id() is None
    assert await updates.store([]) == ()
    assert await updates.store([(5, START, b"a"), (6, START, b"b")]) == (5, 6)
    assert await updates.store([(6, START, b"x"), (7, START, b"c"), (7, START, b"d")]) == (7,)
    assert await updates.last_id() == 7
    assert [stored.payload for stored in await updates.unhandled()] == [b"a", b"b", b"c"]


async def test_unhandled_updates_survive_a_restart(url: str, database: Database) -> None:
    updates = Updates(database)
    await updates.store([(2, START, b"two"), (1, START, b"one")])
    await updates.handled([2])
    await updates.handled([])
    await database.close()
    restarted = Database(url)
    await restarted.open()
    again = Updates(restarted)
    assert await again.unhandled() == (
        StoredUpdate(update_id=1, received_at=START, payload=b"one"),
    )
    assert await again.store([(2, START, b"two")]) == ()
    await restarted.close()


async def test_pruning_keeps_what_is_unhandled_and_the_newest(database: Database) -> None:
    updates = Updates(database)
    await updates.store([(number, START, b"x") for number in range(10)])
    await updates.handled(list(range(1, 10)))
    assert await updates.prune(keep=3) == 6
    assert await updates.last_id() == 9
    assert [stored.update_id for stored in await updates.unhandled()] == [0]
    assert await updates.store([(9, START, b"x")]) == ()
    assert await updates.prune(keep=100) == 0


async def test_a_card_is_found_by_its_subject_and_by_its_message(database: Database) -> None:
    cards = Cards(database)
    await cards.put(1, "order:a", 10, "h1", START)
    await cards.put(2, "order:a", 10, "h1", START)
    card = Card(chat_id=1, subject="order:a", message_id=10, content_hash="h1", at=START)
    assert await cards.find(1, "order:a") == card
    assert await cards.at(1, 10) == card
    assert [found.chat_id for found in await cards.of("order:a")] == [1, 2]
    assert await cards.find(1, "order:b") is None
    assert await cards.at(3, 10) is None


async def test_a_newer_card_takes_the_place_of_the_subject_and_of_the_message(
    database: Database,
) -> None:
    cards = Cards(database)
    await cards.put(1, "order:a", 10, "h1", START)
    await cards.put(1, "order:a", 11, "h2", START)
    assert await cards.at(1, 10) is None
    await cards.put(1, "order:b", 11, "h3", START)
    assert await cards.find(1, "order:a") is None
    found = await cards.at(1, 11)
    assert found is not None
    assert (found.subject, found.content_hash) == ("order:b", "h3")


async def test_forgotten_and_old_cards_are_gone(database: Database) -> None:
    cards = Cards(database)
    await cards.put(1, "a", 10, "h", START)
    await cards.put(1, "b", 11, "h", START + timedelta(days=2))
    await cards.forget(1, 99)
    assert await cards.prune(START + timedelta(days=1)) == 1
    await cards.forget(1, 11)
    assert await cards.find(1, "b") is None


async def test_notes_are_kept_by_scope_and_name(database: Database) -> None:
    notes = Notes(database)
    assert await notes.get("chat:1", "board") is None
    await notes.put("chat:1", "board", "10")
    await notes.put("chat:1", "board", "11")
    await notes.put("chat:1", "wizard", "{}")
    await notes.put("chat:2", "board", "12")
    assert await notes.get("chat:1", "board") == "11"
    assert await notes.all("chat:1") == {"board": "11", "wizard": "{}"}
    await notes.delete("chat:1", "board")
    await notes.delete("chat:1", "board")
    assert await notes.all("chat:1") == {"wizard": "{}"}


async def test_a_note_without_measure_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="20000 characters"):
        await Notes(database).put("s", "n", "x" * (VALUE_LENGTH_MAX + 1))


async def test_operators_are_added_changed_and_removed(database: Database) -> None:
    operators = Operators(database)
    await operators.put(77, Role.VIEWER, "owner 4242", START)
    await operators.put(77, Role.TRADER, "owner 4242", START)
    await operators.put(99, Role.VIEWER, "owner 4242", START)
    await operators.remove(99)
    assert await operators.all() == {77: Role.TRADER}


async def test_nobody_becomes_an_owner_in_the_chat(database: Database) -> None:
    with pytest.raises(ValueError, match="Owners stand in OPERATORS only"):
        await Operators(database).put(77, Role.OWNER, "owner 4242", START)


async def test_a_role_that_does_not_exist_is_named(database: Database) -> None:
    operators = Operators(database)
    await operators.put(77, Role.TRADER, "owner 4242", START)
    await database.write(lambda c: c.execute(text("UPDATE operators SET role='king'")).rowcount)
    with pytest.raises(JournalCorrupt, match="Table operators, row 77"):
        await operators.all()


STRANGE = (
    "nul \0 in it",
    "half a pair \ud83d",
    "the mark \ufdd0 and its like \ufdd00000",
    "ä€🚀",
    "",
)


@pytest.mark.parametrize("text", STRANGE)
async def test_text_of_any_characters_comes_back_as_it_was(database: Database, text: str) -> None:
    notes, cards = Notes(database), Cards(database)
    await notes.put("scope " + text, "name " + text, text)
    assert await notes.get("scope " + text, "name " + text) == text
    assert await notes.all("scope " + text) == {"name " + text: text}
    await notes.delete("scope " + text, "name " + text)
    assert await notes.all("scope " + text) == {}
    await cards.put(1, text, 2, "hash", START)
    (card,) = await cards.of(text)
    assert card.subject == text
