"""Capabilities: what each venue can do, and how it is asked; wire tests prove it."""

from engine.errors import InvalidInput
from engine.venues.live.capabilities_deep import BINANCE, BYBIT
from engine.venues.live.capabilities_spot import BITFINEX, BITSTAMP, COINBASE, KRAKEN
from engine.venues.live.capabilities_terms import Capabilities
from engine.venues.live.capabilities_wire import BITGET, GATE, HTX, KUCOIN, MEXC, OKX

_ALL = (
    *(BINANCE, BYBIT),
    *(OKX, KRAKEN, KUCOIN, GATE, BITGET, COINBASE, HTX, MEXC, BITFINEX, BITSTAMP),
)
TABLE = {each.venue: each for each in _ALL}


def of(venue: str) -> Capabilities:
    """Give what a venue can do. Raises: InvalidInput for one that is not in the table."""
    found = TABLE.get(venue)
    if found is None:
        raise InvalidInput(f"{venue} cannot be traded live; these can: {', '.join(sorted(TABLE))}.")
    return found
