"""The kill switch from a shell: through the process, directly, and where neither is possible."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.assembly import Assembly
from bot.cli.arguments import KillArguments, KillVerb
from bot.cli.direct import assembly_of_journal
from bot.cli.faults import CommandRefused
from bot.cli.journal import verify
from bot.cli.kill import end, stop_or_flatten
from bot.settings import load_settings
from bot.side_door import SideDoor, door_path
from engine.errors import JournalMismatch
from engine.risk_limits import TradingState
from engine.venues.paper import PaperVenue
from tests.bot.cli.account import account, buy, names, rest, running, traded, url_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return url_of(tmp_path)


def given(folder: Path, verb: KillVerb) -> KillArguments:
    return KillArguments(verb=verb, demo=True, folder=folder, env_file=Path(".env"))


async def directly(url: str) -> Assembly:
    return await assembly_of_journal(url, load_settings({}, for_command="demo"))


async def test_stop_goes_through_the_running_process(url: str, tmp_path: Path) -> None:
    async with running(url) as assembly:
        door = SideDoor(door_path(url), assembly.engine, assembly.clock)
        await door.start()
        said: list[str] = []
        assert await stop_or_flatten(given(tmp_path, "stop"), {}, said.append) == 0
        assert assembly.engine.state.trading is TradingState.HALTED
        assert not any("from here" in line for line in said)
        await door.stop()


async def test_flatten_without_a_process_closes_everything_and_leaves_it_halted(
    url: str, tmp_path: Path
) -> None:
    # Given an account that a process left with a position, a swap and a resting order.
    await traded(url)
    async with running(url) as assembly:
        await rest(assembly, "SOL/USDT")
    # When a shell flattens it, then it is flat, verified, and stays halted.
    said: list[str] = []
    assert await stop_or_flatten(given(tmp_path, "flatten"), {}, said.append) == 0
    assert said[0] == "No process answers, so this is done from here."
    assert said[-1].startswith("Flat: ")
    async with running(url) as assembly:
        assert assembly.engine.state.trading is TradingState.HALTED
        assert not assembly.engine.state.positions
        assert not assembly.engine.state.orders
    assert await verify(url, lambda _: None) == 0


@pytest.mark.parametrize("with_external", [False, True])
async def test_flatten_with_external_is_said_through_the_door_and_directly(
    url: str, tmp_path: Path, with_external: bool
) -> None:
    words = replace(given(tmp_path, "flatten"), with_external=with_external)
    async with running(url) as assembly:
        door = SideDoor(door_path(url), assembly.engine, assembly.clock)
        await door.start()
        assert await stop_or_flatten(words, {}, lambda _: None) == 0
        run = assembly.engine.state.flatten
        assert run is not None
        assert run.with_external == with_external
        await door.stop()
    assert await stop_or_flatten(words, {}, lambda _: None) == 0
    async with running(url) as assembly:
        again = assembly.engine.state.flatten
        assert again is not None
        assert (again.with_external, again.since > run.since) == (with_external, True)


async def test_stop_without_a_process_is_found_by_the_next_start(url: str, tmp_path: Path) -> None:
    async with running(url) as assembly:
        await rest(assembly)
    said: list[str] = []
    assert await stop_or_flatten(given(tmp_path, "stop"), {}, said.append) == 0
    assert said[-1] == "No entry is open."
    async with running(url) as assembly:
        assert assembly.engine.state.trading is TradingState.HALTED
        assert not assembly.engine.state.orders


async def test_the_direct_way_takes_account_and_market_from_the_journal(url: str) -> None:
    made = account(url, venue="kraken")
    await made.start()
    await made.stop()
    assembly = await directly(url)
    assert assembly.plan.accounts == ("kraken",)
    assert assembly.plan.market == "simulated:7"
    assert assembly.plan.confirm == made.plan.confirm


async def test_settings_that_fit_another_journal_do_not_keep_a_shell_from_flat(url: str) -> None:
    await traded(url)
    with pytest.raises(JournalMismatch):
        await account(url, venue="kraken").start()
    assert await end("flatten", url, lambda: directly(url), lambda _: None) == 0


async def test_a_process_that_is_just_opening_its_door_is_waited_for(url: str) -> None:
    async with running(url) as assembly:
        door = SideDoor(door_path(url), assembly.engine, assembly.clock)
        tried = asyncio.Event()

        async def assemble() -> Assembly:
            tried.set()
            return await directly(url)

        ending = asyncio.create_task(end("stop", url, assemble, lambda _: None))
        await tried.wait()
        await door.start()
        assert await ending == 0
        assert assembly.engine.state.trading is TradingState.HALTED
        await door.stop()


HOLDER = """
import sys
from pathlib import Path
from storage.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Hold the journal from a process of its own that answers nobody."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "quarterdeck.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    yield process
    process.send_signal(signal.SIGKILL)
    process.communicate()


async def test_a_silent_holder_of_the_journal_is_named_with_what_to_do_by_hand(
    url: str, request: pytest.FixtureRequest
) -> None:
    await traded(url)
    process: subprocess.Popen[str] = request.getfixturevalue("holder")
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == "held\n"
    with pytest.raises(CommandRefused, match=rf"Process {process.pid} holds .*kill {process.pid}"):
        await end("flatten", url, lambda: directly(url), lambda _: None, starting_s=0)


async def test_where_there_is_no_journal_nothing_is_made(url: str, tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match="There is no journal"):
        await stop_or_flatten(given(tmp_path, "stop"), {}, lambda _: None)
    assert not names(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").touch()


@pytest.mark.usefixtures("empty")
async def test_an_empty_file_has_nothing_to_flatten(tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match="nothing was ever traded here"):
        await stop_or_flatten(given(tmp_path, "flatten"), {}, lambda _: None)


async def test_flatten_with_the_venue_down_says_still_open(url: str) -> None:
    async with running(url) as assembly:
        await buy(assembly)

    async def assemble() -> Assembly:
        made = await directly(url)
        venue = made.venues["binance"]
        assert isinstance(venue, PaperVenue)
        venue.faults.go_down()
        return made

    said: list[str] = []
    assert await end("flatten", url, assemble, said.append, flatten_s=1) == 1
    assert said[-1].startswith("Still open: binance:BTC/USDT")
    assert any("binance does not answer" in line for line in said)
    # And what was begun is not forgotten: the next process finds it under way, and is halted.
    async with running(url) as assembly:
        assert assembly.engine.state.flattening is not None
        assert assembly.engine.state.trading is TradingState.HALTED
