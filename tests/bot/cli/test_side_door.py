"""The side door: who gets in, what is answered, and what a dead process leaves behind."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.assembly import Assembly
from bot.side_door import (
    LINE_BYTES_MAX,
    PATH_BYTES_MAX,
    DoorTaken,
    DoorUnsafe,
    SideDoor,
    database_file,
    door_path,
    knock,
)
from engine.risk_limits import TradingState
from engine.venues.paper import PaperVenue
from tests.bot.cli.account import account, buy, rest, text_of, url_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return door_path(url_of(tmp_path))


@pytest.fixture
async def assembly(tmp_path: Path) -> AsyncIterator[Assembly]:
    made = account(url_of(tmp_path))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def door(path: Path, assembly: Assembly) -> AsyncIterator[SideDoor]:
    opened = SideDoor(path, assembly.engine, assembly.clock)
    await opened.start()
    yield opened
    await opened.stop()


async def said_raw(path: Path, request: bytes) -> list[dict[str, object]]:
    """Send bytes as they are, and give everything that is answered."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return [json.loads(line) for line in answer.splitlines()]


async def test_the_door_stands_beside_the_database_and_is_its_owners_alone(
    door: SideDoor, path: Path, tmp_path: Path
) -> None:
    found = os.stat(path)  # noqa: PTH116 - beside the loop there is nothing to block
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


async def test_status_says_how_things_stand(door: SideDoor, path: Path, assembly: Assembly) -> None:
    await buy(assembly)
    said: list[str] = []
    assert await knock(path, "status", said.append, 5) == 0
    assert said[0] == "Trading is ACTIVE."
    assert said[1].startswith("1 positions and 0 open orders")


async def test_stop_halts_cancels_entries_and_names_who_it_was(
    door: SideDoor, path: Path, assembly: Assembly
) -> None:
    order = await rest(assembly)
    said: list[str] = []
    assert await knock(path, "stop", said.append, 20) == 0
    assert assembly.engine.state.trading is TradingState.HALTED
    assert said[0].startswith("Halted since ")
    assert any(order.short_id in line and "canceled" in line for line in said)
    assert said[-1] == "No entry is open."
    stop = assembly.engine.state.stop
    assert stop is not None
    assert stop.by.startswith("shell ")


async def test_a_second_stop_is_answered_too(door: SideDoor, path: Path) -> None:
    said: list[str] = []
    assert await knock(path, "stop", said.append, 20) == 0
    assert await knock(path, "stop", said.append, 20) == 0


async def test_flatten_tells_each_item_and_ends_flat(
    door: SideDoor, path: Path, assembly: Assembly
) -> None:
    await buy(assembly)
    await buy(assembly, "ETH/USDT:USDT", 400)
    await rest(assembly, "SOL/USDT")
    said: list[str] = []
    assert await knock(path, "flatten", said.append, 60) == 0
    assert said[-1].startswith("Flat: ")
    for key in ("binance:BTC/USDT", "binance:ETH/USDT:USDT"):
        assert any(line.startswith(f"{key}: closed at ") for line in said), said
    assert "binance shows itself flat." in said
    assert not assembly.engine.state.positions
    assert not assembly.engine.state.orders


async def test_flatten_that_cannot_be_verified_says_what_is_still_open(
    path: Path, assembly: Assembly
) -> None:
    await buy(assembly)
    venue = assembly.venues["binance"]
    assert isinstance(venue, PaperVenue)
    venue.faults.go_down()
    opened = SideDoor(path, assembly.engine, assembly.clock, flatten_s=1.0)
    await opened.start()
    said: list[str] = []
    assert await knock(path, "flatten", said.append, 30) == 1
    assert said[-1].startswith("Still open: ")
    assert "binance:BTC/USDT" in said[-1]
    venue.faults.come_up()
    await opened.stop()


async def test_two_shells_may_flatten_at_once(
    door: SideDoor, path: Path, assembly: Assembly
) -> None:
    await buy(assembly)
    codes = await asyncio.gather(
        *(knock(path, "flatten", lambda _: None, 60) for _ in range(2)),
        knock(path, "stop", lambda _: None, 60),
    )
    assert codes == [0, 0, 0]


@pytest.mark.parametrize(
    "request_line",
    [b'{"verb": "resume"}\n', b'{"verb": 7}\n', b"[]\n", b"stop\n", b"\xff\xfe\n", b"\n"],
)
async def test_whatever_is_no_verb_does_nothing(
    door: SideDoor, path: Path, assembly: Assembly, request_line: bytes
) -> None:
    before = assembly.engine.state.seq
    answers = await said_raw(path, request_line)
    assert answers[-1] == {"exit": 1}
    assert "not understood" in str(answers[0])
    assert assembly.engine.state.seq == before


async def test_an_endless_line_is_cut_off(door: SideDoor, path: Path) -> None:
    answers = await said_raw(path, b"x" * (LINE_BYTES_MAX * 4))
    assert answers[-1] == {"exit": 1}


async def test_a_visitor_that_leaves_does_not_stop_what_it_asked_for(
    door: SideDoor, path: Path, assembly: Assembly
) -> None:
    await buy(assembly)
    halted = asyncio.Event()
    assembly.engine.loop.subscribe(lambda *_: halted.set())
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"verb": "flatten"}\n')
    await writer.drain()
    async with asyncio.timeout(10):
        await halted.wait()
    writer.transport.abort()
    said: list[str] = []
    assert await knock(path, "flatten", said.append, 60) == 0


async def test_a_socket_that_a_dead_process_left_is_replaced(
    path: Path, assembly: Assembly
) -> None:
    # Given a socket nobody listens on any more.
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(str(path))
    dead.close()
    assert await knock(path, "status", lambda _: None, 5) is None
    # When the door opens, then it is ours and answers.
    opened = SideDoor(path, assembly.engine, assembly.clock)
    await opened.start()
    assert await knock(path, "status", lambda _: None, 5) == 0
    await opened.stop()
    assert await knock(path, "status", lambda _: None, 5) is None


async def test_a_second_door_at_the_same_place_is_refused(
    door: SideDoor, path: Path, assembly: Assembly
) -> None:
    second = SideDoor(path, assembly.engine, assembly.clock)
    with pytest.raises(DoorTaken, match="A running process"):
        await second.start()
    await second.stop()
    assert await knock(path, "status", lambda _: None, 5) == 0


async def test_who_holds_the_lease_takes_the_door_of_a_process_that_was_paused(
    door: SideDoor, path: Path, assembly: Assembly
) -> None:
    second = SideDoor(path, assembly.engine, assembly.clock, takes_over=True)
    await second.start()
    # The first one wakes up and ends: it leaves the door of its successor alone.
    await door.stop()
    assert await knock(path, "status", lambda _: None, 5) == 0
    await second.stop()
    assert await knock(path, "status", lambda _: None, 5) is None


@pytest.fixture
def notes(path: Path) -> str:
    path.write_text("somebody's notes")
    return "somebody's notes"


async def test_a_file_in_the_doors_place_is_not_removed(
    path: Path, assembly: Assembly, notes: str
) -> None:
    with pytest.raises(DoorUnsafe, match="is in the way"):
        await SideDoor(path, assembly.engine, assembly.clock).start()
    assert text_of(path) == notes
    assert await knock(path, "status", lambda _: None, 5) is None


async def test_where_nobody_is_nobody_answers(tmp_path: Path) -> None:
    assert await knock(tmp_path / "none.door", "stop", lambda _: None, 5) is None


def test_a_door_whose_path_would_be_too_long_moves_to_the_users_own_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    path = door_path(url_of(deep))
    assert path.parent != deep
    assert len(os.fsencode(path)) <= PATH_BYTES_MAX
    assert path == door_path(url_of(deep))
    assert path != door_path(url_of(tmp_path / ("deep" * 31)))


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////there/a.db", Path("/there/a.db")),
        ("sqlite:////there/a.db?timeout=5", Path("/there/a.db")),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql+psycopg://user@host/database", None),
        ("postgresql+psycopg://user@/database?host=/run/postgresql", None),
    ],
)
def test_only_a_sqlite_file_is_a_file(url: str, file: Path | None) -> None:
    assert database_file(url) == file


def test_a_database_without_a_file_has_a_door_that_does_not_tell_its_address() -> None:
    path = door_path("postgresql+psycopg://user:secret@host/database")
    assert "secret" not in str(path)
    assert path != door_path("postgresql+psycopg://user:secret@host/other")


async def test_a_door_in_the_users_own_folder_answers(assembly: Assembly, tmp_path: Path) -> None:
    path = door_path(f"postgresql+psycopg://{tmp_path}")
    opened = SideDoor(path, assembly.engine, assembly.clock)
    await opened.start()
    folder = os.stat(path.parent)  # noqa: PTH116 - beside the loop there is nothing to block
    assert stat.S_IMODE(folder.st_mode) == 0o700
    assert await knock(path, "status", lambda _: None, 5) == 0
    await opened.stop()
