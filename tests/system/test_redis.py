"""The real process with a real Redis beside it: filled, killed, held still, and never missed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.storage.redis_server import RedisServer
from tests.system.console import until
from tests.system.house import House, house

pytestmark = pytest.mark.system


def stored(server: RedisServer, part: str) -> dict[str, dict[str, Any]]:
    """Give what stands in Redis under keys with `part` in them, by key."""
    with server.client as client:
        names = [name.decode() for name in client.keys(f"quarterdeck:1:*:{part}:*")]
        found = {name: client.get(name) for name in names}
    return {name: json.loads(value) for name, value in found.items() if isinstance(value, bytes)}


async def bought(at: House, text: str) -> None:
    """Buy, and see it filled."""
    card = await at.owner.ticket(text)
    await at.owner.pressed(card, "Confirm")
    await at.owner.see("Bought")


def sound(at: House) -> None:
    """See that nothing broke, warned or stayed behind in any of the process's lives."""
    for sign in ("level=error", "level=critical", "Warning", "Traceback", "was destroyed"):
        assert sign not in at.console.log, at.console.log[-3000:]


def notes(at: House, words: str) -> list[str]:
    """Give the lines of the log that say something."""
    return [line for line in at.console.log.splitlines() if words in line]


@pytest.fixture
def server(tmp_path: Path) -> RedisServer:
    folder = tmp_path / "redis"
    folder.mkdir()
    return RedisServer(folder=folder)


async def test_orders_and_quotes_stand_in_redis_and_trading_goes_on_when_it_is_killed(
    tmp_path: Path, server: RedisServer
) -> None:
    server.start()
    try:
        async with house(tmp_path, CONFIRM="always", REDIS_URL=server.url) as at:
            await at.bind(at.owner)
            await bought(at, "/buy btc 300 usdt")

            (ours,) = await at.console.events("OrderSubmitted")
            order = ours["order"]
            assert isinstance(order, dict)
            (journal,) = await at.console.events("JournalOpened")
            name = f"quarterdeck:1:{journal['journal_id']}:order:{order['client_order_id']}"
            await until(
                lambda: stored(server, "order").get(name, {}).get("status") == "filled",
                "the fill never came to Redis",
            )
            there = stored(server, "order")[name]
            assert (there["quantity"], there["filled"]) == (order["quantity"], order["quantity"])
            (quote,) = stored(server, "quote").values()
            assert quote["symbol"] == "BTC/USDT"
            with server.client as client:
                market = client.get(f"quarterdeck:1:{journal['journal_id']}:market:binance")
            assert isinstance(market, bytes)
            assert [one["symbol"] for one in json.loads(market)["instruments"]] == ["BTC/USDT"]

            server.kill()
            await bought(at, "/buy btc 200 usdt")
            await at.console.until_logged("Redis does not answer")
            await at.owner.ask("/status", "Redis is away, trading goes on")
            await at.owner.tap("STOP")
            await at.owner.see("HALTED")

            assert await at.console.terminate() == 0
            sound(at)
            away, back = (len(notes(at, words)) for words in ("does not answer", "well again"))
            assert away == back + 1
            await at.console.verified()
    finally:
        server.kill()


async def test_a_redis_that_stands_still_and_comes_back_is_filled_again(
    tmp_path: Path, server: RedisServer
) -> None:
    server.start()
    try:
        async with house(tmp_path, CONFIRM="always", REDIS_URL=server.url) as at:
            await at.bind(at.owner)
            await until(lambda: len(stored(server, "quote")) == 1, "no quote came to Redis")

            server.pause()
            await bought(at, "/buy btc 300 usdt")
            await at.console.until_logged("Redis does not answer")
            server.resume()
            await at.console.until_logged("Redis is well again")

            await until(
                lambda: [one["status"] for one in stored(server, "order").values()] == ["filled"],
                "the fill never came to Redis",
            )
            await at.owner.ask("/status", "Breakers: none tripped")
            server.pause()
            assert await at.console.terminate() == 0
            sound(at)
    finally:
        server.kill()


async def test_without_redis_at_the_start_the_console_starts_and_fills_it_once_it_is_there(
    tmp_path: Path, server: RedisServer
) -> None:
    async with house(tmp_path, CONFIRM="always", REDIS_URL=server.url) as at:
        await at.bind(at.owner)
        await bought(at, "/buy btc 300 usdt")
        await at.console.until_logged("Redis does not answer")

        server.start()
        try:
            await until(
                lambda: [one["status"] for one in stored(server, "order").values()] == ["filled"],
                "the fill never came to Redis",
            )
            assert await at.console.terminate() == 0
            sound(at)
        finally:
            server.kill()


async def test_a_wrong_password_is_said_once_and_never_shown(
    tmp_path: Path, server: RedisServer
) -> None:
    server.password = "swordfish-swordfish"
    server.start()
    wrong = RedisServer(folder=server.folder, password="tunafish-tunafish")
    try:
        async with house(tmp_path, CONFIRM="always", REDIS_URL=wrong.url) as at:
            await at.bind(at.owner)
            await at.console.until_logged("Redis does not accept the password")
            await bought(at, "/buy btc 300 usdt")

            assert len(notes(at, "does not accept")) <= 1 + len(notes(at, "does not answer"))
            assert await at.console.terminate() == 0
            assert "tunafish" not in at.console.log
            sound(at)
    finally:
        server.kill()
