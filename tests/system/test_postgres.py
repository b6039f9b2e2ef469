"""The real process on a real Postgres that is taken away under it, and given back."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.postgres_server import PostgresServer, started
from tests.system.house import House, house

pytestmark = [pytest.mark.system, pytest.mark.postgres]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    built = started()
    yield built
    built.remove()


async def journaled(at: House, *kinds: str) -> list[str]:
    """Give the kinds of the journal's events, of some or of all."""
    ended = await at.console.shell("journal", "export")
    assert ended.code == 0, ended.err
    found = [str(json.loads(line)["kind"]) for line in ended.out.splitlines()]
    return [kind for kind in found if not kinds or kind in kinds]


@pytest.mark.parametrize("way", ["stopped as by a crash", "standing still"])
async def test_a_console_whose_postgres_is_away_answers_stops_and_goes_on_when_it_is_back(
    tmp_path: Path, server: PostgresServer, way: str
) -> None:
    url = server.url(server.fresh())
    async with house(tmp_path, CONFIRM="always", DATABASE_URL=url) as at:
        await at.bind(at.owner, at.owner_too)
        first = await at.owner.ticket("/buy btc 300 usdt")
        await at.owner.pressed(first, "Confirm")
        await at.owner.see("Bought")
        pending = await at.owner.ticket("/buy btc 200 usdt")

        # when the database goes away under it
        if way == "standing still":
            server.pause()
        else:
            await asyncio.to_thread(server.stop, "immediate")

        # then a tap, an order and a look are answered, and say so
        await at.owner.pressed(pending, "Confirm")
        await at.owner.see("Nothing was sent. STOP works.")
        if way != "standing still":
            await at.owner.ask("/buy btc 250 usdt", "Nothing was sent. STOP works.")
        board = await at.owner.ask("/status", "Database away since")
        assert "NO ENTRIES" in board.text
        # and STOP stops, behind more than one answer of Telegram can hold
        for _ in range(25):
            await at.sandbox.say(at.stranger.user_id, "let me in")
        await at.owner_too.tap("STOP")
        await at.owner_too.see("HALTED, not yet journaled")
        board = await at.owner.ask("/status", "Not written down yet")
        assert "HALTED" in board.text

        # when it is back
        if way == "standing still":
            server.resume()
        else:
            server.start()

        # then the stop is written down by itself, and nothing that was refused is run
        await at.owner_too.see("HALTED at")
        await at.owner.ask("/status", "Halted by owner 4343")
        assert await at.console.terminate() == 0
        assert await journaled(at, "TradingHalted", "OrderSubmitted", "TicketOpened") == [
            "TicketOpened", "OrderSubmitted", "TicketOpened", "TradingHalted",
        ]  # fmt: skip
        for phone in (at.owner, at.owner_too):
            assert len([one for one in await phone.history() if "Bought" in one.text]) == 1
        verified = await at.console.shell("journal", "verify")
        assert (verified.code, verified.err) == (0, ""), verified.out + verified.err
        for sign in ("level=error", "level=critical", "Traceback", "was destroyed"):
            assert sign not in at.console.log, at.console.log[-3000:]
        assert server.url("x").split("@")[1].split("/")[0] not in "".join(
            one.text for one in await at.owner.history()
        )
