"""Listing: every market of one venue as ccxt describes them, to be shared between clients."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.markets.metadata import instrument_of

Entry = dict[str, object]

# What ccxt's methods read of a venue's own description of a market; the rest of it, two thirds of
# the memory, is let go. tests/engine/markets/test_listing.py looks through ccxt's source for more.
INFO_KEYS = frozenset(
    "orderTypes quoteIncrement enable_decimal wsname taker_fee_rate pair contractType ruleType "
    "instFamily uly fundingInterval contract_type alias_to underlying underlying_price".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSource:
    """Name where markets come from; the same source lists the same markets."""

    venue: str
    api_url: str | None = None
    sandbox: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """Hold one load of a venue's markets; everything in it is shared, and for reading only.

    `missing` names the kinds of market that did not answer, `aliases` the indices of its own that
    a venue's client keeps among its options, from a name to a symbol. `extras` are markets whose
    symbol another one bears.
    """

    source: MarketSource
    loaded_at: datetime
    missing: tuple[str, ...]
    precision_mode: int
    markets: dict[str, Entry]
    extras: tuple[Entry, ...]
    currencies: dict[str, Entry]
    aliases: Mapping[str, Mapping[str, str]]
    instruments: Mapping[str, Instrument]
    _indices: "list[_Indices]" = field(default_factory=list, init=False, repr=False)

    @property
    def is_partial(self) -> bool:
        """Tell whether a kind of market did not answer."""
        return bool(self.missing)

    def share_with(self, clients: Iterable[Any]) -> None:  # ccxt ships no types
        """Give clients of this venue the markets, as a load of their own would have."""
        if not self._indices:
            self._indices.append(_indices(self))
        (indices,) = self._indices
        for client in clients:
            vars(client).update(indices.attributes)
            client.options.update(indices.options)


@dataclass(frozen=True, slots=True)
class _Indices:
    """Hold what ccxt's clients keep beside their markets: one of each, for all clients."""

    attributes: Mapping[str, object]
    options: Mapping[str, object]


def _indices(listing: Listing) -> _Indices:
    by_id: dict[str, list[Entry]] = {}
    for market in (*listing.markets.values(), *listing.extras):
        by_id.setdefault(str(market["id"]), []).append(market)
    attributes = {
        "markets": listing.markets,
        "markets_by_id": by_id,
        "symbols": sorted(listing.markets),
        "ids": sorted(by_id),
        "currencies": listing.currencies,
        "currencies_by_id": {each["id"]: each for each in listing.currencies.values()},
        "codes": sorted(listing.currencies),
    }
    options = {
        name: {alias: listing.markets[symbol] for alias, symbol in symbols.items()}
        for name, symbols in listing.aliases.items()
    }
    return _Indices(attributes, options)


def listing_of(
    client: Any,  # ccxt ships no types
    *,
    source: MarketSource,
    loaded_at: datetime,
    missing: Iterable[str] = (),
) -> Listing:
    """Take the listing out of a client that has loaded."""
    markets = {symbol: _trimmed(market) for symbol, market in client.markets.items()}
    others = (market for named in client.markets_by_id.values() for market in named)
    extras = [each for each in others if markets[each["symbol"]]["id"] != each["id"]]
    return Listing(
        source=source,
        loaded_at=loaded_at,
        missing=tuple(missing),
        precision_mode=client.precisionMode,
        markets=markets,
        extras=tuple(_trimmed({**markets[each["symbol"]], **each}) for each in extras),
        currencies={code: _trimmed(each) for code, each in client.currencies.items()},
        aliases={
            name: _symbols(client.options[name])
            for name in client.options.get("marketHelperProps") or ()
        },
        instruments=dict(
            _instruments(source.venue, markets.values(), client.precisionMode, loaded_at)
        ),
    )


def _symbols(index: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    return {name: str(market["symbol"]) for name, market in index.items()}


def _trimmed(entry: Mapping[str, object]) -> Entry:
    info = entry.get("info")
    kept = {k: v for k, v in info.items() if k in INFO_KEYS} if isinstance(info, Mapping) else {}
    return {**entry, "info": kept}


def _instruments(
    venue: str, markets: Iterable[Entry], precision_mode: int, loaded_at: datetime
) -> Iterable[tuple[str, Instrument]]:
    for market in markets:
        instrument = instrument_of(venue, market, precision_mode, loaded_at)
        if instrument is not None:
            yield instrument_key(venue, instrument.symbol), instrument
