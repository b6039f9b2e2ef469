"""`quarterdeck backup` and `restore`: what is saved, what comes back, and what is left alone."""

import asyncio
import base64
import gzip
import json
import re
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.assembly import Assembly
from bot.cli.arguments import BackupArguments, parse
from bot.cli.backup import back_up, check, restore, save_or_restore
from bot.cli.journal import rebuild, verify
from bot.cli.refusal import CommandRefused
from engine import commands as c
from engine.errors import JournalCorrupt, JournalMismatch, JournalUnavailable
from engine.risk_limits import TradingState
from tests.bot.cli.account import buy, names, rest, running, traded, url_of

MADE = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return url_of(tmp_path)


@pytest.fixture
def target(tmp_path: Path) -> str:
    (tmp_path / "new").mkdir()
    return url_of(tmp_path / "new")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "q.backup"


def head_in(said: list[str]) -> str:
    return next(line for line in said if line.startswith("Head: ")).removesuffix(
        ", as in the backup"
    )


def state_in(said: list[str]) -> str:
    return next(line for line in said if line.startswith("State: ")).removesuffix(
        ", as in the backup"
    )


def put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def content_of(file: Path) -> bytes:
    return file.read_bytes()


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def quiet(_line: str) -> None:
    """Say nothing."""


async def test_an_account_comes_back_halted_and_goes_on_once_somebody_resumes(
    url: str, target: str, file: Path
) -> None:
    # Given a backup that was made beside the process, with a position open and an order resting.
    saved: list[str] = []
    async with running(url) as assembly:
        await buy(assembly)
        await rest(assembly)
        assert await back_up(url, file, MADE, saved.append) == 0
        positions = assembly.engine.loop.state.positions
        # What came after it is not in it.
        await buy(assembly, "SOL/USDT")
    # When it is restored elsewhere.
    said: list[str] = []
    assert await restore(target, file, MADE, said.append) == 0
    # Then chain and State are the backup's, and both books are sound.
    assert (head_in(said), state_in(said)) == (head_in(saved), state_in(saved))
    assert any("halted" in line for line in said)
    assert await verify(target, quiet) == 0
    # And an engine starts on it halted, agrees with its venue, and takes no entry.
    async with running(target) as assembly:
        engine = assembly.engine
        state = engine.loop.state
        assert state.trading is TradingState.HALTED
        assert state.stop is not None
        assert "restored from a backup of 2026-11-23 06:30 UTC" in state.stop.reason
        assert state.positions.keys() == positions.keys() == {"binance:BTC/USDT"}
        assert not state.books_differ
        # The entry that rested at the backup leaves the venue.
        await until(assembly, lambda: not engine.loop.state.entries())
        # Until somebody resumes.
        owner = c.Actor(kind=c.ActorKind.PERSON, user_id=1, role=c.Role.OWNER)
        await engine.send(c.Resume(command_id="r", actor=owner, at=assembly.clock.now()))
        await buy(assembly, "SOL/USDT")
    assert await verify(target, quiet) == 0
    assert await rebuild(target, quiet) == 0
    assert await verify(target, quiet) == 0


async def test_what_the_venue_did_after_the_backup_is_found_at_the_start(
    url: str, target: str, file: Path
) -> None:
    # Given a venue at which a position was cut and another one opened after the backup.
    async with running(url) as assembly:
        await buy(assembly)
        await back_up(url, file, datetime.now(UTC), quiet)
        await buy(assembly, "SOL/USDT")
        cut = await assembly.engine.close_position("BTC/USDT", percent=50)
        assert cut.success
        at_the_venue = quantities(assembly)
    await restore(target, file, datetime.now(UTC), quiet)
    venue_went_on(url, target)
    # When an engine starts on the restored journal, which knows neither.
    async with running(target) as assembly:
        assert assembly.engine.loop.state.trading is TradingState.HALTED
        await until(assembly, lambda: quantities(assembly) == at_the_venue)
        # Then its positions are the venue's, and the order of before the backup is as it was.
        state = assembly.engine.loop.state
        # Nobody but us sent what the journal lost.
        assert not state.accounts_halted
        assert [order.is_finished for order in state.orders_finished.values()] == [True]


def quantities(assembly: Assembly) -> dict[str, Decimal]:
    positions = assembly.engine.loop.state.positions
    return {key: position.quantity for key, position in positions.items()}


def venue_went_on(url: str, target: str) -> None:
    """Let the paper venue of one database be the one that the other meets."""
    connection = sqlite3.connect(target.removeprefix("sqlite:///"))
    connection.execute("ATTACH ? AS old", (url.removeprefix("sqlite:///"),))
    for name in ("heads", "orders", "trades", "balances", "positions", "flows"):
        connection.execute(f"DELETE FROM paper_{name}")  # noqa: S608 - a table's name
        connection.execute(f"INSERT INTO paper_{name} SELECT * FROM old.paper_{name}")  # noqa: S608
    connection.commit()
    connection.close()


async def until(assembly: Assembly, is_so: Callable[[], bool]) -> None:
    moved = asyncio.Event()
    assembly.engine.loop.subscribe(lambda *_: moved.set())
    async with asyncio.timeout(20):
        while not is_so():
            moved.clear()
            await moved.wait()


async def test_a_backup_takes_no_files_place_without_being_told(url: str, file: Path) -> None:
    await traded(url)
    put(file, b"the only good backup")
    with pytest.raises(CommandRefused, match=r"is there already\. .*--overwrite"):
        await back_up(url, file, MADE, quiet)
    assert content_of(file) == b"the only good backup"
    assert await back_up(url, file, MADE, quiet, overwrites=True) == 0
    assert await check(file, MADE, quiet) == 0


async def test_a_backup_is_for_its_owners_eyes(url: str, file: Path) -> None:
    await traded(url)
    await back_up(url, file, MADE, quiet)
    assert mode_of(file) == 0o600
    assert [name for name in names(file.parent) if ".backup" in name] == [file.name]


async def test_a_backup_that_fails_leaves_nothing_and_the_old_one_alone(
    url: str, file: Path
) -> None:
    await traded(url)
    await back_up(url, file, MADE, quiet)
    good = content_of(file)
    await damaged(url)
    with pytest.raises(JournalCorrupt, match="Event 4 is missing"):
        await back_up(url, file, MADE, quiet, overwrites=True)
    assert content_of(file) == good
    other = file.with_name("other.backup")
    with pytest.raises(JournalCorrupt):
        await back_up(url, other, MADE, quiet)
    assert [name for name in names(file.parent) if "backup" in name] == [file.name]


async def damaged(url: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM journal WHERE seq = 4")
    connection.close()


async def test_where_there_is_nothing_there_is_nothing_to_save(url: str, file: Path) -> None:
    with pytest.raises(JournalUnavailable, match="There is no journal"):
        await back_up(url, file, MADE, quiet)
    assert names(file.parent) == []


async def test_a_place_that_cannot_be_written_is_a_sentence(url: str, tmp_path: Path) -> None:
    await traded(url)
    with pytest.raises(CommandRefused, match="cannot be written: No such file"):
        await back_up(url, tmp_path / "nowhere" / "q.backup", MADE, quiet)


async def test_a_restore_never_goes_over_a_journal(url: str, file: Path) -> None:
    await traded(url)
    await back_up(url, file, MADE, quiet)
    before: list[str] = []
    await verify(url, before.append)
    with pytest.raises(JournalMismatch, match="a restore never overwrites"):
        await restore(url, file, MADE, quiet)
    async with running(url):
        with pytest.raises(CommandRefused, match=r"in use by process \d+.*that nobody uses"):
            await restore(url, file, MADE, quiet)
    after: list[str] = []
    assert await verify(url, after.append) == 0
    assert before


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", gzip.compress(b"{}\n", mtime=0), None],
    ids=["empty", "text", "packed", "no file"],
)
async def test_a_file_that_is_no_backup_touches_no_target(
    target: str, file: Path, content: bytes | None
) -> None:
    if content is not None:
        put(file, content)
    with pytest.raises((JournalCorrupt, CommandRefused), match=r"no whole backup|cannot be read"):
        await restore(target, file, MADE, quiet)
    assert names(file.parent / "new") == []


async def test_a_check_proves_the_file_and_stores_nothing(
    url: str, file: Path, tmp_path: Path
) -> None:
    await traded(url)
    await back_up(url, file, MADE, quiet)
    before = names(tmp_path)
    said: list[str] = []
    given = parse(["restore", str(file), "--check"])
    assert isinstance(given, BackupArguments)
    assert await save_or_restore(given, {"DATABASE_URL": url}, said.append) == 0
    assert said[-1] == "The backup is good. Nothing was stored."
    assert names(tmp_path) == before


async def test_neither_a_setting_nor_a_key_is_in_a_backup(url: str, file: Path) -> None:
    await traded(url)
    secrets = {
        "TELEGRAM_BOT_TOKEN": "123456789:" + "AAE" + "token" * 6,
        "OPERATORS": "4242:owner",
        "BINANCE_API_KEY": "keykeykeykeykey1",
        "BINANCE_API_SECRET": "secretsecretsecret2",
        "SECRET_KEY": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=",
        "METRICS_TOKEN": "metricsmetricsmetrics3",
    }
    given = parse(["backup", str(file)])
    assert isinstance(given, BackupArguments)
    assert await save_or_restore(given, secrets | {"DATABASE_URL": url}, quiet) == 0
    assert whole_text(file).count("JournalOpened") == 1
    for name, secret in secrets.items():
        assert secret not in whole_text(file), name


def whole_text(file: Path) -> str:
    """Give all that a backup says, its packed bytes unpacked."""
    text = gzip.decompress(file.read_bytes()).decode()
    packed = re.findall(r'\{"b64":"([^"]*)"\}', text)
    return text + "\n".join(base64.b64decode(each).decode() for each in packed)


async def test_a_cancelled_backup_leaves_no_file(url: str, file: Path) -> None:
    await traded(url)
    task = asyncio.create_task(back_up(url, file, MADE, quiet))
    while not [name for name in names(file.parent) if name.startswith(".q.backup")]:
        assert not task.done()
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [name for name in names(file.parent) if "backup" in name]


def test_the_words_of_the_shell_arrive_where_they_belong() -> None:
    read = parse("backup there --overwrite --database sqlite:///a.db".split())
    assert isinstance(read, BackupArguments)
    assert (read.verb, read.file, read.may_overwrite) == ("backup", Path("there"), True)
    assert (read.database, read.demo, read.only_checks) == ("sqlite:///a.db", False, False)
    read = parse("restore here --folder x".split())
    assert isinstance(read, BackupArguments)
    assert (read.verb, read.file, read.may_overwrite) == ("restore", Path("here"), False)
    assert (read.demo, read.folder) == (True, Path("x"))


async def test_two_journals_at_once_are_refused(url: str, file: Path) -> None:
    given = parse(["backup", str(file), "--demo", "--database", url])
    assert isinstance(given, BackupArguments)
    with pytest.raises(CommandRefused, match="give one of them"):
        await save_or_restore(given, {}, quiet)


def test_a_line_of_a_backup_is_json(tmp_path: Path) -> None:
    url, file = url_of(tmp_path), tmp_path / "q.backup"
    asyncio.run(traded(url))
    asyncio.run(back_up(url, file, MADE, quiet))
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert lines[0]["quarterdeck_backup"] == 1
    assert lines[-1]["rows"]["journal"] == lines[-1]["seq"]
