"""What keeps the process from starting: one sentence on standard error, exit code 2, no loss."""

import os
import socket
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from engine import events as e
from engine.fold import apply
from engine.ports import Step
from engine.state import State
from storage.database import Database
from storage.journal import SqlJournal
from tests.storage.story import Story
from tests.system.console import ConsoleProcess, Ended, environment, quarterdeck
from tests.system.house import House, house, settings_of

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Give a Telegram and an exchange; nothing runs between them yet."""
    async with house(tmp_path_factory.mktemp("world"), started=False) as at:
        yield at


async def run(world: House, folder: Path, **settings: str) -> Ended:
    """Try to run, with the settings of a healthy process but for a few."""
    base = settings_of(world.sandbox, world.exchange)
    env = environment(folder, **{**base, **settings})
    return await quarterdeck("run", folder=folder, env=env)


def refused(ended: Ended, *sentences: str) -> None:
    """See that these sentences were said, one a line, and nothing else."""
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert ended.sentences == list(sentences)


async def test_no_token_is_one_sentence(world: House, tmp_path: Path) -> None:
    refused(
        await run(world, tmp_path, TELEGRAM_BOT_TOKEN=""),
        "TELEGRAM_BOT_TOKEN is not set: put the token that @BotFather gave you into the "
        "environment or into .env.",
    )


async def test_a_token_that_telegram_refuses_is_one_sentence_without_the_token(
    world: House, tmp_path: Path
) -> None:
    refused(
        await run(world, tmp_path, TELEGRAM_BOT_TOKEN="111:never-heard-of"),
        "Telegram does not accept TELEGRAM_BOT_TOKEN. Copy it again from @BotFather.",
    )
    assert not (tmp_path / "quarterdeck-paper.db").exists()


async def test_a_telegram_that_does_not_answer_is_one_sentence(
    world: House, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"

        ended = await run(world, tmp_path, TELEGRAM_API_URL=closed)

    refused(
        ended,
        "Telegram does not answer (NetworkError). Check the network, and TELEGRAM_API_URL if it "
        "is set.",
    )


async def test_several_bad_settings_are_all_told_at_once(world: House, tmp_path: Path) -> None:
    ended = await run(
        world, tmp_path, CONFIRM="maybe", MAX_POSITIONS="0", OPERATORS="77:trader",
        PAPER_FAULTS="submit:stale",
    )  # fmt: skip

    assert ended.code == 2
    assert [line.partition(" ")[0] for line in ended.sentences] == [
        "OPERATORS", "CONFIRM", "MAX_POSITIONS", "PAPER_FAULTS",
    ]  # fmt: skip


async def test_live_mode_without_keys_is_refused(world: House, tmp_path: Path) -> None:
    refused(
        await run(world, tmp_path, EXECUTION_MODE="live"),
        "EXECUTION_MODE is live, so BINANCE_API_KEY and BINANCE_API_SECRET must be set; "
        "or take binance out of VENUES.",
    )


async def test_a_taken_port_is_one_sentence(world: House, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # noqa: S104 - as the process listens
        taken.listen()
        port = taken.getsockname()[1]

        ended = await run(world, tmp_path, PORT=str(port))

    refused(
        ended,
        f"Port {port} is taken: set PORT to a free one, or stop the program that listens there.",
    )


async def test_a_corrupt_database_is_one_sentence_and_stays_as_it_was(
    world: House, tmp_path: Path
) -> None:
    file = tmp_path / "quarterdeck-paper.db"
    file.write_bytes(b"this is no database at all, " * 400)
    before = file.read_bytes()

    ended = await run(world, tmp_path)

    assert (ended.code, len(ended.sentences)) == (2, 1), ended.err
    assert "quarterdeck-paper.db" in ended.err
    assert file.read_bytes() == before


async def test_a_changed_event_is_one_sentence_and_nothing_is_traded_on_it(
    world: House, tmp_path: Path
) -> None:
    await opened(tmp_path, mode="paper", accounts=("binance",))
    connection = sqlite3.connect(tmp_path / "quarterdeck-paper.db")
    changed = "update journal set payload = cast(replace(payload, '10000', '90000') as blob)"
    connection.execute(changed)
    connection.commit()
    connection.close()

    ended = await run(world, tmp_path)

    assert (ended.code, len(ended.sentences)) == (2, 1), ended.err
    assert ended.err.startswith("The journal is damaged; restore a backup. Event 1 "), ended.err


@pytest.mark.parametrize(
    ("opening", "part"),
    [
        ({"mode": "live", "accounts": ("binance",)}, "belongs to live mode"),
        ({"mode": "paper", "accounts": ("kraken",)}, "belongs to kraken, not to binance"),
        (
            {"mode": "paper", "accounts": ("binance",), "market": "simulated:7"},
            "prices are simulated:7, not public",
        ),
    ],
)
async def test_the_journal_of_another_account_is_one_sentence_and_stays_as_it_was(
    world: House, tmp_path: Path, opening: dict[str, object], part: str
) -> None:
    await opened(tmp_path, **opening)
    before = dump(tmp_path)

    ended = await run(world, tmp_path)

    assert (ended.code, len(ended.sentences)) == (2, 1), ended.err
    assert part in ended.err
    assert "DATABASE_URL" in ended.err
    assert dump(tmp_path) == before


async def opened(folder: Path, **opening: object) -> None:
    """Make a journal that was opened so."""
    event = Story().opening()[0]
    assert isinstance(event, e.JournalOpened)
    event = replace(event, **opening)  # type: ignore[arg-type] # fields by name, from a table
    state = apply(State(), event)
    database = Database(f"sqlite:///{folder / 'quarterdeck-paper.db'}")
    await database.open()
    try:
        journal = SqlJournal(database)
        await journal.open()
        await journal.append((Step(events=(event,), alerts=()),), State(), state)
    finally:
        await database.close()


def dump(folder: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "quarterdeck-paper.db")
    try:
        return connection.execute("select * from journal").fetchall()
    finally:
        connection.close()


async def test_a_second_process_on_the_same_journal_is_one_sentence(
    world: House, tmp_path: Path
) -> None:
    env = environment(tmp_path, **settings_of(world.sandbox, world.exchange))
    first = ConsoleProcess(folder=tmp_path, env=env)
    try:
        await first.start(world.sandbox)

        ended = await quarterdeck("run", folder=tmp_path, env=env)

        assert (ended.code, len(ended.sentences)) == (2, 1), ended.err
        assert "in use by process" in ended.err
        await world.owner.ask("/mode", "PAPER")
    finally:
        await first.gone()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_an_unwritable_folder_is_one_sentence(world: House, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)

    ended = await run(world, tmp_path, DATABASE_URL=f"sqlite:///{closed / 'journal.db'}")

    assert (ended.code, len(ended.sentences)) == (2, 1), ended.err


@pytest.mark.parametrize("where", ["missing/journal.db", "a-file/journal.db"])
async def test_a_journal_that_cannot_be_made_is_one_sentence(
    world: House, tmp_path: Path, where: str
) -> None:
    (tmp_path / "a-file").write_text("no folder")

    ended = await run(world, tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / where}")

    assert (ended.code, len(ended.sentences)) == (2, 1), ended.err
    assert "Traceback" not in ended.err
