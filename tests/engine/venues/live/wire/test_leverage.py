"""Leverage is set over a real socket, and what the venue says that it is counts."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from engine.venues.live import calls, capabilities
from engine.venues.live.asking import ask
from engine.venues.live.leverage import fault
from tests.engine.venues.live.wire import wire
from tests.engine.venues.live.wire.markets import MARKETS
from tests.engine.venues.live.wire.wire import SWAP, Wire

THREE = Decimal(3)
ANSWERS = {
    "binance": '{"leverage":%s,"maxNotionalValue":"1000000","symbol":"BTCUSDT"}',
    "okx": '{"code":"0","data":[{"instId":"BTC-USDT-SWAP","lever":"%s","mgnMode":"cross"}]}',
    "gate": '{"leverage":"0","cross_leverage_limit":"%s","contract":"BTC_USDT"}',
    "htx": '{"code":200,"data":{"contract_code":"BTC-USDT","lever_rate":%s},"ts":1}',
}
UNSTATED = {
    "bybit": '{"retCode":0,"retMsg":"OK","result":{}}',
    "bitget": '{"code":"00000","msg":"success","data":"success"}',
    "kucoin": '{"code":"200000","data":true}',
}


@pytest.fixture
async def listening() -> AsyncIterator[Wire]:
    async with Wire() as found:
        yield found


async def set_at(listening: Wire, venue: str) -> object:
    client = wire.client(venue, listening.url, MARKETS[venue])
    try:
        return await ask(client, calls.leverage(capabilities.of(venue), SWAP, THREE))
    except Exception as raised:  # task boundary: whatever ccxt raises is what is judged
        return raised
    finally:
        await client.close()


@pytest.mark.parametrize("venue", ANSWERS)
async def test_a_leverage_that_the_venue_made_another_is_not_traded_at(
    listening: Wire, venue: str
) -> None:
    listening.body = ANSWERS[venue] % 3
    assert fault(venue, await set_at(listening, venue), THREE) is None
    listening.body = ANSWERS[venue] % 2
    told = fault(venue, await set_at(listening, venue), THREE)
    assert told == f"the leverage 3x could not be set: {venue} says that it is 2x"


@pytest.mark.parametrize("venue", UNSTATED)
async def test_a_yes_without_a_number_is_a_yes(listening: Wire, venue: str) -> None:
    listening.body = UNSTATED[venue]
    assert fault(venue, await set_at(listening, venue), THREE) is None


@pytest.mark.parametrize("venue", [*ANSWERS, *UNSTATED])
async def test_a_server_that_fails_has_set_nothing(listening: Wire, venue: str) -> None:
    listening.status, listening.body = 500, "<html></html>"
    told = fault(venue, await set_at(listening, venue), THREE)
    assert told is not None
    assert "http" not in told


async def test_bybits_word_for_unchanged_is_a_yes(listening: Wire) -> None:
    listening.body = '{"retCode":110043,"retMsg":"leverage not modified"}'
    assert fault("bybit", await set_at(listening, "bybit"), THREE) is None


def test_every_venue_with_swaps_is_tried_here() -> None:
    with_swaps = {venue for venue, each in capabilities.TABLE.items() if each.swap is not None}
    assert with_swaps == {*ANSWERS, *UNSTATED}
