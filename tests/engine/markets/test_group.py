from decimal import Decimal

import pytest

from engine.markets.catalogue import catalogue
from engine.markets.group import MarketGroup
from engine.markets.manual import ManualMarket
from engine.ports import VenueUnavailable
from engine.quotes import Quote
from tests.engine.venues.room import StillClock


class SilentMarket(ManualMarket):
    async def start(self) -> None:
        raise VenueUnavailable("kraken is not reachable.")


class BrokenMarket(ManualMarket):
    async def start(self) -> None:
        raise RuntimeError("a bug of ours")


def one(venue: str, kind: type[ManualMarket] = ManualMarket) -> ManualMarket:
    return kind(instruments=catalogue(venue).values(), clock=StillClock())


async def test_two_venues_stand_side_by_side() -> None:
    binance, kraken = one("binance"), one("kraken")
    group = MarketGroup(markets={"binance": binance, "kraken": kraken})
    heard: list[Quote] = []
    group.subscribe(heard.append)
    await group.start()

    binance.set("BTC/USDT", Decimal(1), Decimal(2))
    kraken.set("BTC/USDT", Decimal(3), Decimal(4))
    group.follow("kraken:BTC/USDT")

    assert {key: quote.bid for key, quote in group.latest().items()} == {
        "binance:BTC/USDT": Decimal(1),
        "kraken:BTC/USDT": Decimal(3),
    }
    assert len(group.instruments()) == 2 * len(catalogue("binance"))
    assert [quote.venue for quote in heard] == ["binance", "kraken"]
    assert kraken.is_followed("kraken:BTC/USDT")
    assert not binance.is_followed("kraken:BTC/USDT")
    assert group.latest().get("bybit:BTC/USDT") is None


async def test_a_silent_venue_is_named_and_the_others_run() -> None:
    group = MarketGroup(markets={"kraken": one("kraken", SilentMarket), "binance": one("binance")})

    with pytest.raises(VenueUnavailable, match="kraken is not reachable"):
        await group.start()

    assert "binance:BTC/USDT" in group.instruments()


async def test_a_bug_in_one_market_is_not_taken_for_silence() -> None:
    group = MarketGroup(markets={"kraken": one("kraken", BrokenMarket)})

    with pytest.raises(RuntimeError, match="a bug of ours"):
        await group.start()


def test_a_hand_made_market_knows_its_symbols() -> None:
    market = one("binance")

    with pytest.raises(KeyError, match="0 venues"):
        market.set("NOPE/USDT", Decimal(1), Decimal(2))
