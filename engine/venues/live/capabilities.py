"""Capabilities: what each venue can do, and how it is asked; wire tests prove it."""

from engine.errors import InvalidInput
from engine.venues.live.capabilities_deep import BINANCE, BYBIT
from engine.venues.live.capabilities_terms import Capabilities
from engine.venues.live.capabilities_wire import (
    BITGET,
    BITSTAMP,
    COINBASE,
    GATE,
    HTX,
    KRAKEN,
    KUCOIN,
    MEXC,
    OKX,
)

_ALL = (BINANCE, BYBIT, OKX, KRAKEN, GATE, BITGET, COINBASE, MEXC, BITSTAMP, KUCOIN, HTX)
TABLE = {each.venue: each for each in _ALL}


def of(venue: str) -> Capabilities:
    """Give what a venue can do. Raises: InvalidInput for one that is not in the table."""
    found = TABLE.get(venue)
    if found is None:
        raise InvalidInput(f"{venue} cannot be traded live; these can: {', '.join(sorted(TABLE))}.")
    return found
