"""A pack gives back exactly what was packed, or is refused."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.markets.listing import INFO_KEYS, Entry, Listing, MarketSource, listing_of
from engine.markets.packing import PackUnreadable, Unpacking, packed
from engine.venues.ccxt_library import client_class

VENUES = "binance bybit okx kraken kucoin gate bitget coinbase htx mexc bitfinex bitstamp".split()
SOURCE = MarketSource(venue="kraken", api_url="http://127.0.0.1:9")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
VERSION = "4.5"


def listing(markets: dict[str, Entry], **changed: object) -> Listing:
    given: dict[str, object] = {
        "source": SOURCE,
        "loaded_at": AT,
        "missing": ("swap",),
        "precision_mode": 4,
        "markets": markets,
        "extras": (),
        "currencies": {"BTC": {"id": "XXBT", "code": "BTC", "precision": Decimal("1E-8")}},
        "aliases": {"marketsByAltname": {}},
        "instruments": {},
    }
    return Listing(**(given | changed))  # type: ignore[arg-type]  # by name


def read(lines: list[bytes], source: MarketSource = SOURCE, version: str = VERSION) -> Listing:
    reading = Unpacking(source, version)
    for line in lines:
        reading.feed(line)
    return reading.listing()


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(max_size=6)
    | st.sampled_from(["=1", "#0", "?1", "~", "", "USDT", "\n", "0.1"])
    | st.decimals(allow_nan=False, allow_infinity=False, places=8)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(["id", "active", "limits", "info", "maker"])


@given(st.lists(st.dictionaries(names, values, max_size=5), max_size=4))
def test_every_value_comes_back_as_what_it_was(entries: list[Entry]) -> None:
    markets = {f"C{n}/USD": {**each, "symbol": f"C{n}/USD"} for n, each in enumerate(entries)}
    before = listing(markets, extras=tuple(markets.values()))

    after = read(list(packed(before, VERSION)))

    for name in ("markets", "extras", "currencies", "aliases", "loaded_at", "missing"):
        # by text: one, true and Decimal one are equal, and are not the same
        assert repr(getattr(after, name)) == repr(getattr(before, name))


def test_what_is_the_same_is_held_once() -> None:
    limits: Entry = {"amount": {"min": Decimal("0.1"), "max": None}}
    markets: dict[str, Entry] = {
        f"C{n}/USD": {"symbol": f"C{n}/USD", "limits": dict(limits)} for n in range(3)
    }

    after = read(list(packed(listing(markets), VERSION)))

    assert len({id(each["limits"]) for each in after.markets.values()}) == 1


@pytest.fixture(scope="module")
def pack() -> list[bytes]:
    return list(packed(listing({"A/USD": {"symbol": "A/USD", "maker": Decimal("0.1")}}), VERSION))


def test_a_cut_pack_is_refused_wherever_it_is_cut(pack: list[bytes]) -> None:
    for length in range(len(pack)):
        with pytest.raises(PackUnreadable):
            read(pack[:length])
    for line in pack:
        with pytest.raises(PackUnreadable):
            read([*pack[: pack.index(line)], line[:-3]])


def test_a_changed_pack_is_refused_wherever_it_is_changed(pack: list[bytes]) -> None:
    whole = b"".join(pack)
    for place in range(len(whole) - 1):
        changed = bytearray(whole)
        changed[place] = ord("7") if changed[place] != ord("7") else ord("8")
        with pytest.raises(PackUnreadable):
            read(bytes(changed).splitlines(keepends=True))


@pytest.mark.parametrize(
    "source",
    [
        MarketSource(venue="bybit", api_url=SOURCE.api_url),
        MarketSource(venue="kraken", api_url=None),
        MarketSource(venue="kraken", api_url=SOURCE.api_url, sandbox=True),
    ],
    ids=["another venue", "another address", "the sandbox"],
)
def test_a_pack_of_something_else_is_refused(pack: list[bytes], source: MarketSource) -> None:
    with pytest.raises(PackUnreadable, match="something else"):
        read(pack, source)
    with pytest.raises(PackUnreadable, match="something else"):
        read(pack, version="4.6")


async def test_a_client_with_shared_markets_is_as_one_that_loaded() -> None:
    made = client_class("kraken")
    loaded, shared = (made({"number": Decimal, "timeout_on_exit": 0}) for _ in range(2))
    market = {
        "id": "XXBTZUSD", "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "baseId": "XXBT",
        "quoteId": "ZUSD", "type": "spot", "spot": True, "active": True, "altname": "XBTUSD",
        "maker": Decimal("0.0016"), "taker": Decimal("0.0026"),
        "precision": {"amount": Decimal("1E-8"), "price": Decimal("0.1")}, "limits": {},
        "info": {"wsname": "XBT/USD", "fees": [[0, "0.4"]]},
    }  # fmt: skip
    second = {**market, "id": "XXBTZUSD.d"}
    loaded.set_markets([second, market])
    loaded.options["marketsByAltname"] = {"XBTUSD": loaded.markets["BTC/USD"]}

    taken = listing_of(loaded, source=SOURCE, loaded_at=AT)
    read(list(packed(taken, VERSION))).share_with([shared])

    for name in ("symbols", "ids", "codes"):
        assert getattr(shared, name) == getattr(loaded, name)
    theirs = {**loaded.market("BTC/USD"), "info": {"wsname": "XBT/USD"}}
    ours = shared.market("BTC/USD")
    assert {**ours, "tiers": None} == {**theirs, "tiers": None}
    assert ours["tiers"]["maker"][0] == [0, Decimal("0.0016")], "never a float"
    assert shared.safe_market("XXBTZUSD.d")["symbol"] == "BTC/USD"
    assert shared.currency("BTC")["id"] == "XXBT"
    assert shared.safe_currency_code("ZUSD") == loaded.safe_currency_code("ZUSD") == "USD"
    assert shared.options["marketsByAltname"]["XBTUSD"] is shared.market("BTC/USD")
    assert shared.amount_to_precision("BTC/USD", Decimal("0.123456789")) == "0.12345678"
    await loaded.close()
    await shared.close()


def test_no_venue_s_methods_read_more_of_a_market_s_description_than_is_kept() -> None:
    library = Path(ccxt.__file__).parent
    asked: set[str] = set()
    for venue in VENUES:
        for room in ("async_support", "pro"):
            source = (library / room / f"{venue}.py").read_text(encoding="utf-8")
            asked |= set(re.findall(r"market\w*\['info'\]\['(\w+)'\]", source))
            asked |= set(re.findall(r"\(market\w*\['info'\], '(\w+)'", source))
            for name, rest in re.findall(
                r"(\w*[iI]nfo) = self\.safe_dict\(market\w*, 'info'.*\n((?:.*\n){12})", source
            ):
                asked |= set(re.findall(rf"\({name}, '(\w+)'", rest))

    assert {"orderTypes", "enable_decimal", "quoteIncrement", "wsname"} <= asked
    assert asked <= INFO_KEYS
