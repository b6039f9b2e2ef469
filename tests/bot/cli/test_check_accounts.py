"""The doctor looks at a live account: rights, money, least order and stream, in plain words."""

from collections.abc import AsyncIterator

import pytest

from bot.cli.check_accounts import check_account
from bot.cli.findings import Verdict
from bot.secret import Secret
from bot.venue_settings import VenueSettings
from tests.exchange.server import TestExchange


@pytest.fixture
async def exchange() -> AsyncIterator[TestExchange]:
    async with TestExchange() as running:
        yield running


def settings(exchange: TestExchange, venue: str, **fields: object) -> VenueSettings:
    given: dict[str, object] = {
        "venue": venue,
        "api_key": Secret(exchange.api_key),
        "api_secret": Secret(exchange.api_secret),
        "api_url": exchange.url,
        "ws_url": exchange.ws_url,
    }
    return VenueSettings(**(given | fields))  # type: ignore[arg-type]  # made of literals above


async def found(exchange: TestExchange, venue: str, **fields: object) -> list[tuple[Verdict, str]]:
    findings = await check_account(settings(exchange, venue, **fields), "USDT")
    told = " ".join(each.line for each in findings)
    assert exchange.api_secret not in told
    assert exchange.api_key not in told
    assert "127.0.0.1" not in told
    return [(each.verdict, each.sentence) for each in findings]


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_sound_account_is_told_line_by_line(exchange: TestExchange, venue: str) -> None:
    lines = await found(exchange, venue)
    assert {verdict for verdict, _ in lines} == {Verdict.OK}
    texts = [text for _, text in lines]
    assert texts[0] == "Its key may trade, and may not withdraw."
    assert texts[1] == "It holds 100000 USDT."
    assert any(text.startswith("The least order of BTC/USDT") for text in texts)
    assert texts[-1] == "Its stream of orders stands."
    assert exchange.ledger.orders == {}


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_key_with_the_wrong_rights_fails(exchange: TestExchange, venue: str) -> None:
    exchange.can_withdraw = True
    verdict, text = (await found(exchange, venue))[0]
    assert verdict is Verdict.FAIL
    assert "may withdraw money" in text
    exchange.can_withdraw, exchange.can_trade = False, False
    verdict, text = (await found(exchange, venue))[0]
    assert verdict is Verdict.FAIL
    assert "may not trade" in text


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_a_wrong_key_and_a_venue_that_is_away_fail(
    exchange: TestExchange, venue: str
) -> None:
    ((verdict, text),) = await found(exchange, venue, api_secret=Secret("a-secret-of-nobody"))
    assert verdict is Verdict.FAIL
    assert "is the key right" in text
    ((verdict, text),) = await found(exchange, venue, api_key=None)
    assert verdict is Verdict.FAIL
    assert f"{venue.upper()}_API_KEY" in text
    await exchange.stop()
    ((verdict, _),) = await found(exchange, venue)
    assert verdict is Verdict.FAIL


async def test_a_clock_that_is_minutes_off_is_made_up_for(exchange: TestExchange) -> None:
    # Requests are stamped by the venue's time; how far off ours is says the line on the clock.
    exchange.skew_ms = 180_000
    assert {verdict for verdict, _ in await found(exchange, "binance")} == {Verdict.OK}


async def test_without_a_stream_orders_are_polled(exchange: TestExchange) -> None:
    verdict, text = (await found(exchange, "binance", ws_url=None))[-1]
    assert verdict is Verdict.WARN
    assert "orders are polled" in text
    nowhere = "ws://127.0.0.1:9"
    verdict, text = (await found(exchange, "binance", ws_url=nowhere))[-1]
    assert verdict is Verdict.WARN
    assert "polled" in text
