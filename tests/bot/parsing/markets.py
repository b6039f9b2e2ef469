"""A small market: a few spot symbols on two venues, two swaps."""

from decimal import Decimal

from bot.parsing.symbols import Market
from engine.instruments import Instrument, InstrumentKind

SPOT = ("BTC", "ETH", "SOL", "XRP", "BNB", "LTC", "BCH", "DOGE", "1INCH")


def instrument(venue: str, base: str, quote: str = "USDT", *, swap: bool = False) -> Instrument:
    return Instrument(
        venue=venue,
        symbol=f"{base}/{quote}" + (f":{quote}" if swap else ""),
        base=base,
        quote=quote,
        kind=InstrumentKind.SWAP if swap else InstrumentKind.SPOT,
        price_tick=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        quantity_min=Decimal("0.00001"),
    )


LISTED = (
    *(instrument("binance", base) for base in SPOT),
    instrument("binance", "ETH", "BTC"),
    instrument("bybit", "BTC"),
    instrument("bybit", "TON"),
    instrument("bybit", "BTC", swap=True),
    instrument("bybit", "ETH", swap=True),
)
MARKET = Market(
    venues=("binance", "bybit"),
    instruments={f"{each.venue}:{each.symbol}": each for each in LISTED},
)
