"""Records: what the cache holds, under which keys, in which form, and for how long.

The form is public: dashboards on other machines read it (docs/redis.md). Fields may be added
within a version; a change that an old reader would misread raises VERSION, which is in every key.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, assert_never, cast

import msgspec

from engine.copies import quick
from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.quotes import Quote

VERSION: Final = 1
# Statuses of open orders and metadata are written again each minute, so that these only say how
# long the last word of a process that is gone may stand.
ORDER_TTL_S: Final = 86_400
QUOTE_TTL_S: Final = 60
MARKET_TTL_S: Final = 7_200
INSTRUMENTS_MAX: Final = 500
KEY_CHARACTERS_MAX: Final = 200
RecordT = TypeVar("RecordT")
RecordT_co = TypeVar("RecordT_co", covariant=True)

_ENCODER = msgspec.json.Encoder()


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """State where an order stood `at` a moment, as of event `seq` of the journal.

    Quantities are in base currency, prices in quote currency; the greater `seq` is the newer word.
    """

    client_order_id: str
    venue: str
    symbol: str
    side: OrderSide
    kind: OrderKind
    purpose: OrderPurpose
    status: OrderStatus
    quantity: Decimal
    filled: Decimal
    price_limit: Decimal | None
    price_trigger: Decimal | None
    price_average: Decimal | None
    fees: Decimal
    strategy: str
    venue_order_id: str | None
    submitted_at: datetime | None
    finished_at: datetime | None
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRecord:
    """Describe the instruments of a venue that are being quoted, as they were `at` a moment."""

    venue: str
    at: datetime
    instruments: tuple[Instrument, ...]


Record = OrderRecord | Quote | MarketRecord
_TTLS_S: Final = {OrderRecord: ORDER_TTL_S, Quote: QUOTE_TTL_S, MarketRecord: MARKET_TTL_S}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Generic[RecordT_co]):
    """Name a record of one class, within a journal."""

    kind: type[RecordT_co]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Give a record as Redis takes it."""

    name: str
    payload: bytes
    ttl_s: int


def order_key(client_order_id: str) -> Key[OrderRecord]:
    """Name an order's status."""
    return Key(kind=OrderRecord, name=f"order:{client_order_id}")


def quote_key(venue: str, symbol: str) -> Key[Quote]:
    """Name the latest quote of a symbol."""
    return Key(kind=Quote, name=f"quote:{venue}:{symbol}")


def market_key(venue: str) -> Key[MarketRecord]:
    """Name the instruments of a venue."""
    return Key(kind=MarketRecord, name=f"market:{venue}")


def name_of(record: Record) -> str:
    """Give the name of a record's key."""
    match record:
        case OrderRecord():
            return f"order:{record.client_order_id}"
        case Quote():
            return f"quote:{record.venue}:{record.symbol}"
        case MarketRecord():
            return f"market:{record.venue}"
        case _:
            assert_never(record)


def ttl_s_of(kind: type[Record]) -> int:
    """Give how long a record of a class may stand, in seconds."""
    return _TTLS_S[kind]


def full_name(journal_id: str, name: str) -> str:
    """Give the key as it stands in Redis: a Redis may serve many journals and programs."""
    return f"quarterdeck:{VERSION}:{journal_id}:{name}"


def encoded(record: Record) -> bytes:
    """Write a record as JSON; a Decimal is its own text, a time ends in Z."""
    return _ENCODER.encode(record)


def decoded(key: Key[RecordT], payload: bytes) -> RecordT | None:
    """Read a record back; None for whatever was not written by `encoded` for this very key."""
    try:
        found: Any = msgspec.json.decode(payload, type=key.kind)
    except (msgspec.DecodeError, ValueError, TypeError):
        return None
    record = cast(Record, found)
    return cast(RecordT, found) if name_of(record) == key.name and _is_sound(record) else None


def order_record(order: Order, *, seq: int, at: datetime) -> OrderRecord:
    """Give what others may read of an order."""
    return OrderRecord(
        client_order_id=order.client_order_id,
        venue=order.venue,
        symbol=order.symbol,
        side=order.side,
        kind=order.kind,
        purpose=order.purpose,
        status=order.status,
        quantity=order.quantity,
        filled=order.filled,
        price_limit=order.price_limit,
        price_trigger=order.price_trigger,
        price_average=order.price_average,
        fees=order.fees,
        strategy=order.strategy,
        venue_order_id=order.venue_order_id,
        submitted_at=order.submitted_at,
        finished_at=order.finished_at,
        at=at,
        seq=seq,
    )


def _is_sound(record: Record) -> bool:
    """Tell whether a record makes sense: finite numbers in their ranges, times with their zone."""
    match record:
        case OrderRecord():
            amounts = (record.quantity, record.filled)
            prices = (record.price_limit, record.price_trigger, record.price_average)
            return (
                all(amount.is_finite() and amount >= ZERO for amount in amounts)
                and all(price is None or _is_price(price) for price in prices)
                and record.fees.is_finite()
                and all(map(_is_aware, (record.at, record.submitted_at, record.finished_at)))
            )
        case Quote():
            prices = (record.bid, record.ask, record.mark)
            change_pct = record.change_pct
            return (
                all(_is_price(price) for price in prices)
                and record.bid <= record.ask
                and (change_pct is None or change_pct.is_finite())
                and _is_aware(record.at)
            )
        case MarketRecord():
            return _is_aware(record.at) and all(
                _is_instrument(each, record.venue) for each in record.instruments
            )
        case _:
            assert_never(record)


def _is_price(price: Decimal) -> bool:
    return price.is_finite() and price > ZERO


def _is_aware(at: datetime | None) -> bool:
    return at is None or at.tzinfo is not None


def _is_instrument(each: Instrument, venue: str) -> bool:
    steps = (each.price_tick, each.quantity_step, each.contract_size, each.leverage_max)
    amounts = (each.quantity_min, each.quantity_max, each.notional_min)
    fees = (each.fee_maker, each.fee_taker)
    return (
        each.venue == venue
        and all(_is_price(step) for step in steps)
        and all(amount is None or (amount.is_finite() and amount >= ZERO) for amount in amounts)
        # A maker's fee may be a rebate.
        and all(fee.is_finite() for fee in fees)
    )
