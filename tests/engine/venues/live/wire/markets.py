"""The two small markets of each venue, under its own names."""

from decimal import Decimal
from typing import Any

from tests.engine.venues.live.wire import wire
from tests.engine.venues.live.wire.wire import SPOT, SWAP

_TYPES = "LIMIT MARKET STOP STOP_MARKET STOP_LOSS STOP_LOSS_LIMIT TAKE_PROFIT".split()
_NAMES: dict[str, tuple[str, str | None]] = {
    "binance": ("BTCUSDT", "BTCUSDT"),
    "bybit": ("BTCUSDT", "BTCUSDT"),
    "okx": ("BTC-USDT", "BTC-USDT-SWAP"),
    "kraken": ("XBTUSDT", None),
    "kucoin": ("BTC-USDT", "XBTUSDTM"),
    "gate": ("BTC_USDT", "BTC_USDT"),
    "bitget": ("BTCUSDT", "BTCUSDT"),
    "coinbase": ("BTC-USDT", None),
    "htx": ("btcusdt", "BTC-USDT"),
    "mexc": ("BTCUSDT", None),
    "bitfinex": ("tBTCUST", None),
    "bitstamp": ("btcusdt", None),
}
# What differs from BTC and USDT.
_CURRENCIES = {
    "kraken": ("XXBT", "USDT"), "bitfinex": ("BTC", "UST"), "htx": ("btc", "usdt"),
    "bitstamp": ("btc", "usdt"),
}  # fmt: skip
_SIZED_IN_BASE = frozenset({"binance", "bybit", "bitget"})
CONTRACT = Decimal("0.01")


def _of(venue: str) -> list[dict[str, Any]]:
    spot, swap = _NAMES[venue]
    fields: dict[str, Any] = {"info": {"orderTypes": _TYPES}}
    if venue == "bitfinex":
        # Digits after the point, and significant digits.
        fields["precision"] = {"amount": 8, "price": 5}
    base, quote = _CURRENCIES.get(venue, ("BTC", "USDT"))
    made = [wire.market(SPOT, spot, **fields, baseId=base, quoteId=quote)]
    if swap is not None:
        settle = "usdt" if venue == "gate" else "USDT"
        contract = Decimal(1) if venue in _SIZED_IN_BASE else CONTRACT
        made.append(wire.market(SWAP, swap, **fields, settleId=settle, contractSize=contract))
    return made


MARKETS = {venue: _of(venue) for venue in _NAMES}


def prepared(client: Any) -> Any:
    """Spare a client what ccxt asks once before the first order, where it asks anything."""
    if client.id == "htx":
        client.accounts = [{"id": "77", "type": "spot"}]
    return client
