"""What every market keeps: the hand-made, the simulated, the public one, and a group of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal

import pytest

from engine.instruments import InstrumentKind
from engine.markets.catalogue import catalogue
from engine.markets.group import MarketGroup
from engine.markets.manual import ManualMarket
from engine.markets.public import PublicMarket
from engine.markets.simulated import SimulatedMarket
from engine.ports import Quotes
from engine.quotes import Quote
from tests.engine.markets.stores import store_of
from tests.engine.venues.room import StillClock
from tests.exchange.binance import LocalBinance

KEY, OTHER = "binance:BTC/USDT", "binance:ETH/USDT"


@dataclass(slots=True)
class Stand:
    market: Quotes
    clock: StillClock
    manual: ManualMarket | None = None

    async def heard(self, key: str) -> Quote:
        """Follow a symbol and wait, bounded, for its first quote through a subscription."""
        first: asyncio.Future[Quote] = asyncio.get_running_loop().create_future()

        def listen(quote: Quote) -> None:
            if f"{quote.venue}:{quote.symbol}" == key and not first.done():
                first.set_result(quote)

        self.market.subscribe(listen)
        self.market.follow(key)
        if self.manual is not None:
            self.manual.set(key.partition(":")[2], Decimal(61000), Decimal(61001))
        async with asyncio.timeout(20):
            return await first


@pytest.fixture(params=["manual", "simulated", "public", "group"])
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    clock = StillClock()
    async with LocalBinance() as exchange:
        manual = ManualMarket(instruments=catalogue("binance").values(), clock=clock)
        simulated = SimulatedMarket(venue="binance", clock=clock, interval_s=0.01)
        public = PublicMarket(
            venue="binance",
            clock=clock,
            metadata=store_of(clock),
            api_url=exchange.url,
            interval_s=0.01,
            sleep=no_sleep,
        )
        other = SimulatedMarket(venue="kraken", clock=clock, interval_s=0.01)
        markets: dict[str, Quotes] = {
            "manual": manual,
            "simulated": simulated,
            "public": public,
            "group": MarketGroup(markets={"binance": public, "kraken": other}),
        }
        made = Stand(market=markets[request.param], clock=clock)
        if request.param == "manual":
            made.manual = manual
        await made.market.start()
        yield made
        await made.market.stop()


async def no_sleep(seconds: float) -> None:
    del seconds
    await asyncio.sleep(0)


async def test_instruments_stand_under_their_keys_and_can_be_traded(stand: Stand) -> None:
    instruments = stand.market.instruments()

    assert {KEY, OTHER} <= set(instruments)
    for key, each in instruments.items():
        assert key == f"{each.venue}:{each.symbol}"
        assert min(each.price_tick, each.quantity_step, each.quantity_min) > 0
        assert each.quantity_min % each.quantity_step == 0
        assert each.fee_taker >= each.fee_maker >= 0
        if each.kind is InstrumentKind.SPOT:
            assert each.leverage_max == 1


async def test_a_followed_symbol_is_heard_and_kept_as_the_latest(stand: Stand) -> None:
    quote = await stand.heard(KEY)

    kept = stand.market.latest()[KEY]
    assert (kept.venue, kept.symbol) == (quote.venue, quote.symbol) == ("binance", "BTC/USDT")
    assert 0 < quote.bid < quote.ask
    assert quote.bid <= quote.mark <= quote.ask
    assert quote.age_s(stand.clock.now()) == 0


async def test_prices_are_on_the_tick(stand: Stand) -> None:
    quote = await stand.heard(OTHER)
    tick = stand.market.instruments()[OTHER].price_tick

    assert quote.bid % tick == 0
    assert quote.ask % tick == 0


async def test_an_unknown_symbol_can_be_followed_and_stays_silent(stand: Stand) -> None:
    stand.market.follow("binance:NOPE/USDT")
    stand.market.follow("nowhere:BTC/USDT")

    await stand.heard(KEY)

    assert "binance:NOPE/USDT" not in stand.market.latest()


async def test_starting_and_stopping_twice_is_harmless(stand: Stand) -> None:
    await stand.market.start()
    await stand.market.stop()
    await stand.market.stop()
