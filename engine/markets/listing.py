"""Listing: every market of one venue as ccxt describes them, to be shared between clients."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.markets.metadata import instrument_of

Entry = dict[str, object]

# What ccxt's clients keep of a load beside `markets`, and what some put among their options.
TABLES = (
    "markets_by_id", "symbols", "ids", "codes", "currencies", "currencies_by_id", "baseCurrencies",
    "quoteCurrencies",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSource:
    """Name where markets come from; the same source lists the same markets."""

    venue: str
    api_url: str | None = None
    sandbox: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """Hold one load of a venue's markets; everything in it is shared, and for reading only.

    `missing` names the kinds of market that did not answer.
    """

    source: MarketSource
    loaded_at: datetime
    missing: tuple[str, ...]
    markets: Mapping[str, Entry]
    tables: Mapping[str, object]
    helpers: Mapping[str, object]
    instruments: Mapping[str, Instrument]

    @property
    def is_partial(self) -> bool:
        """Tell whether a kind of market did not answer."""
        return bool(self.missing)

    def share_with(self, client: Any) -> None:  # ccxt ships no types
        """Give a client of this venue the markets, as its own load would have."""
        client.markets = self.markets
        for name, table in self.tables.items():
            setattr(client, name, table)
        client.options.update(self.helpers)


def listing_of(
    client: Any,  # ccxt ships no types
    *,
    source: MarketSource,
    loaded_at: datetime,
    missing: Iterable[str] = (),
) -> Listing:
    """Take the listing out of a client that has loaded."""
    names = client.options.get("marketHelperProps") or ()
    return Listing(
        source=source,
        loaded_at=loaded_at,
        missing=tuple(missing),
        markets=client.markets,
        tables={name: getattr(client, name) for name in TABLES},
        helpers={name: client.options[name] for name in names if name in client.options},
        instruments=instruments_of(source.venue, client.markets.values(), client.precisionMode),
    )


def instruments_of(
    venue: str, markets: Iterable[Mapping[str, object]], precision_mode: int
) -> dict[str, Instrument]:
    """Describe, by `instrument_key`, what can be traded here."""
    found = (instrument_of(venue, market, precision_mode) for market in markets)
    return {instrument_key(venue, each.symbol): each for each in found if each is not None}
