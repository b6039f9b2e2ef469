"""`quarterdeck journal`: what is proved, what is found, and what is left alone."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.arguments import JournalArguments
from bot.cli.faults import CommandRefused
from bot.cli.journal import export, rebuild, verify, work_on
from engine.errors import JournalUnavailable
from storage.database import Database
from storage.journal import SqlJournal
from tests.bot.cli.account import buy, names, rest, running, traded, url_of


@pytest.fixture
def url(tmp_path: Path) -> str:
    return url_of(tmp_path)


def change(url: str, *statements: str) -> None:
    """Lay hands on the file, as somebody with a SQLite shell would."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount >= 1, statement
    connection.close()


async def test_a_sound_journal_is_proved_against_tables_and_ledger(url: str) -> None:
    await traded(url)
    said: list[str] = []
    assert await verify(url, said.append) == 0
    assert said[-1] == "Sound."
    text = "\n".join(said)
    assert "Chain: " in text
    assert "Ledger of binance: " in text
    assert " 3 orders, " in text
    assert not any(line.startswith("Fault") for line in said)


async def test_a_journal_is_verified_beside_the_process_that_writes_it(url: str) -> None:
    async with running(url) as assembly:
        await buy(assembly)
        await rest(assembly)
        said: list[str] = []
        assert await verify(url, said.append) == 0, said
        await buy(assembly, "SOL/USDT")
        assert await verify(url, said.append) == 0, said


async def test_what_verify_prints_is_the_head_that_the_journal_has(url: str) -> None:
    await traded(url)
    said: list[str] = []
    await verify(url, said.append)
    database = Database(url, is_reader=True)
    await database.open()
    seq, head = await SqlJournal(database).head()
    await database.close()
    assert f"Head: event {seq}, {head}" in said


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE journal SET payload = x'7b7d' WHERE seq = 1",
            "was changed after it was stored",
        ),
        ("DELETE FROM journal WHERE seq = 3", "Event 3 is missing"),
        ("UPDATE orders SET document = x'7b7d'", "Table orders"),
        ("DELETE FROM fills", "it is missing"),
        ("UPDATE paper_trades SET document = x'7b7d'", "no readable"),
    ],
)
async def test_a_changed_row_is_found_and_named(url: str, statement: str, sentence: str) -> None:
    await traded(url)
    change(url, statement)
    said: list[str] = []
    assert await verify(url, said.append) == 1
    assert any(line.startswith("Fault: ") and sentence in line for line in said), said
    assert said[-1].startswith("NOT sound")


async def edited(url: str, table: str, edit: Callable[[dict[str, object]], object]) -> None:
    """Change the first document of one of the ledger's tables."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    key, document = connection.execute(
        f"SELECT key, document FROM {table} ORDER BY number"  # noqa: S608 - a table's name
    ).fetchone()
    fields = json.loads(document)
    edit(fields)
    connection.execute(
        f"UPDATE {table} SET document = ? WHERE key = ?",  # noqa: S608 - a table's name
        (json.dumps(fields).encode(), key),
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("table", "field", "value", "sentence"),
    [
        ("paper_trades", "price", "1.5", "has the price 1.5 in the ledger"),
        ("paper_trades", "trade_id", "other", "the ledger has none of that name"),
        ("paper_trades", "fee", "7", "has the fee 7 in the ledger"),
        ("paper_positions", "quantity", "9", "the position is 9 in the ledger and"),
        ("paper_balances", "total", "123", "its entries add up to"),
        ("paper_orders", "client_order_id", "qdelsewhere", "no event submitted it"),
        ("paper_orders", "status", "open", "rests at the venue, the journal has finished it"),
        ("paper_flows", "amount", "5", "the ledger began with 5 USDT, the journal with 10000"),
    ],
)
async def test_a_ledger_that_tells_another_story_is_found(
    url: str, table: str, field: str, value: str, sentence: str
) -> None:
    await traded(url)
    await edited(url, table, lambda fields: fields.__setitem__(field, value))
    said: list[str] = []
    assert await verify(url, said.append) == 1
    assert any(line.startswith("Fault: ") and sentence in line for line in said), said


async def test_an_execution_that_is_still_on_its_way_is_no_fault(url: str) -> None:
    # Given a ledger ahead of the journal, as after a kill between execution and booking.
    await traded(url)
    kept = sqlite3.connect(url.removeprefix("sqlite:///"))
    tables = ("journal", "fills", "orders", "positions", "equity", "journal_meta", "outbox")
    before = {name: kept.execute(f"SELECT * FROM {name}").fetchall() for name in tables}  # noqa: S608
    async with running(url) as assembly:
        await buy(assembly, "SOL/USDT")
    for name, rows in before.items():
        kept.execute(f"DELETE FROM {name}")  # noqa: S608 - a table's name
        if rows:
            marks = ",".join("?" * len(rows[0]))
            kept.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608
    kept.commit()
    kept.close()
    # When it is verified, then the execution is counted, and its order is the only fault.
    await _rebuilt(url)
    said: list[str] = []
    await verify(url, said.append)
    assert any("executions are not booked yet" in line for line in said), said
    faults = [line for line in said if line.startswith("Fault")]
    assert len(faults) == 1, faults
    assert "no event submitted it" in faults[0]


async def _rebuilt(url: str) -> None:
    await rebuild(url, lambda _: None)


async def test_a_truncated_file_is_not_sound(url: str, tmp_path: Path) -> None:
    await traded(url)
    file = tmp_path / "quarterdeck.db"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    said: list[str] = []
    assert await verify(url, said.append) == 1
    assert "is damaged" in "\n".join(said)


async def test_where_there_is_no_journal_there_is_nothing_to_verify(url: str) -> None:
    with pytest.raises(JournalUnavailable, match="There is no journal"):
        await verify(url, lambda _: None)


@pytest.fixture
def empty(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").touch()


@pytest.mark.usefixtures("empty")
async def test_an_empty_file_holds_no_journal(url: str) -> None:
    for command in (verify(url, lambda _: None), export(url, None, lambda _: None)):
        with pytest.raises(CommandRefused, match="holds no journal"):
            await command


async def test_an_export_holds_every_event_once_in_order(url: str, tmp_path: Path) -> None:
    await traded(url)
    output = tmp_path / "events.jsonl"
    said: list[str] = []
    assert await export(url, output, said.append) == 0
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["kind"] == "JournalOpened"
    assert all(list(line)[:3] == ["seq", "at", "kind"] for line in lines)
    assert all(list(line)[-1] == "hash" for line in lines)
    assert said == [f"{len(lines)} events written to {output}."]
    # And the chain in the export is the chain in the database.
    database = Database(url, is_reader=True)
    await database.open()
    assert await SqlJournal(database).head() == (lines[-1]["seq"], lines[-1]["hash"])
    await database.close()


async def test_an_export_that_fails_leaves_the_old_file_alone(url: str, tmp_path: Path) -> None:
    await traded(url)
    output = tmp_path / "events.jsonl"
    output.write_text("the last good export")
    change(url, "DELETE FROM journal WHERE seq = 4")
    with pytest.raises(Exception, match="Event 4 is missing"):
        await export(url, output, lambda _: None)
    assert output.read_text() == "the last good export"
    assert not [name for name in names(tmp_path) if name.startswith(".events")]


async def test_an_export_into_a_folder_that_is_not_there_says_so(url: str, tmp_path: Path) -> None:
    await traded(url)
    with pytest.raises(CommandRefused, match="cannot be written"):
        await export(url, tmp_path / "nowhere" / "events.jsonl", lambda _: None)


async def test_rebuild_mends_tables_that_somebody_changed(url: str) -> None:
    await traded(url)
    change(url, "DELETE FROM fills", "UPDATE orders SET document = x'7b7d'")
    assert await verify(url, lambda _: None) == 1
    said: list[str] = []
    assert await rebuild(url, said.append) == 0
    assert "every table made again" in said[0]
    assert await verify(url, lambda _: None) == 0


async def test_rebuild_does_not_touch_a_journal_in_use(url: str) -> None:
    async with running(url):
        with pytest.raises(CommandRefused, match=r"in use by process \d+.*nobody uses them"):
            await rebuild(url, lambda _: None)


async def test_rebuild_makes_no_journal_where_none_is(url: str, tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match="There is no journal"):
        await rebuild(url, lambda _: None)
    assert not names(tmp_path)


async def test_the_demos_journal_is_found_in_its_folder(url: str, tmp_path: Path) -> None:
    await traded(url)
    given = JournalArguments(
        action="verify",
        demo=True,
        folder=tmp_path,
        env_file=Path(".env"),
        database=None,
        output=None,
    )
    assert await work_on(given, {"DATABASE_URL": "nonsense"}, lambda _: None) == 0


async def test_two_journals_at_once_are_refused(url: str, tmp_path: Path) -> None:
    given = JournalArguments(
        action="verify",
        demo=True,
        folder=tmp_path,
        env_file=Path(".env"),
        database=url,
        output=None,
    )
    with pytest.raises(CommandRefused, match="give one of them"):
        await work_on(given, {}, lambda _: None)
