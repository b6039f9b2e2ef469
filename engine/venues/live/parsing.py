"""Parsing: what ccxt gives for an order, a trade, a position or a balance, as reports.

A status that is not known is told, never guessed: the order then stays what it was.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.instruments import Instrument, cash_currency
from engine.markets.metadata import number
from engine.numbers import ZERO
from engine.orders import OrderSide
from engine.positions import Fill, Liquidity
from engine.reports import FillReported, OrderSeen, VenueOrderStatus, VenuePosition

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
STATUSES: Final[Mapping[str, VenueOrderStatus]] = {
    "open": VenueOrderStatus.OPEN,
    "canceling": VenueOrderStatus.OPEN,
    "closed": VenueOrderStatus.FILLED,
    "canceled": VenueOrderStatus.CANCELED,
    "cancelled": VenueOrderStatus.CANCELED,
    "expired": VenueOrderStatus.EXPIRED,
    "rejected": VenueOrderStatus.REJECTED,
}
_TRIGGERS: Final = ("stopPrice", "triggerPrice", "triggerPx", "trigger_price")
# Of what lies in a book of stops, at OKX and HTX; a plain order may carry them beside its own.
_OF_STOPS: Final = ("slTriggerPx", "tpTriggerPx", "sl_trigger_price", "tp_trigger_price")
_SIDE_KEYS: Final = ("mode", "position_side", "positionSide")
_TWO_SIDES: Final = frozenset(
    {("mode", "dual_long"), ("mode", "dual_short")}
    | {(key, side) for key in _SIDE_KEYS[1:] for side in ("long", "short")}
)
_NO_TRADES: Final = frozenset({"Funding"})
_LIQUIDITY: Final = {"maker": Liquidity.MAKER, "taker": Liquidity.TAKER}

Row = Mapping[str, Any]  # ccxt ships no types


class Unreadable(ValueError):
    """Say that a row holds no order, trade or position that can be relied on."""


def order_seen(
    row: Row, *, venue: str, symbol: str, instrument: Instrument, client_order_id: str | None
) -> OrderSeen:
    """Read an order; quantities become base currency.

    Raises: Unreadable when its id, side, size or status is missing or not known.
    """
    named, side = row.get("id"), _side(row)
    amount, filled = number(row.get("amount")), number(row.get("filled"))
    if amount is None and filled is not None:
        amount = _whole(row, filled)
    if named in (None, ""):
        raise Unreadable(f"{venue} shows an order without an id")
    if amount is None or amount <= ZERO:
        raise Unreadable(f"{venue} shows an order without a size")
    status = STATUSES.get(str(row.get("status")))
    if status is None:
        raise Unreadable(f"{venue} calls an order {_shown(row.get('status'))}")
    done = filled if filled is not None else ZERO
    if status is VenueOrderStatus.FILLED and done < amount:
        # What is closed and not whole was cancelled; without a count nobody knows.
        if filled is None:
            raise Unreadable(f"{venue} does not say how much of an order is filled")
        status = VenueOrderStatus.CANCELED
    return OrderSeen(
        client_order_id=client_order_id,
        venue_order_id=str(named),
        venue=venue,
        symbol=symbol,
        side=side,
        quantity=amount * instrument.contract_size,
        status=status,
        filled=done * instrument.contract_size,
        price_limit=_above_zero(row.get("price")),
        price_trigger=_trigger(row),
    )


def is_of_a_size(row: Row) -> bool:
    """Tell an order from a stop on whatever the position is, which has no size of its own.

    It can only close, and goes with the position: it is no order to count or to cancel.
    """
    raw = row.get("info")
    return not (
        isinstance(raw, Mapping) and raw.get("closeFraction") and number(row.get("amount")) is None
    )


def is_trade(row: Row) -> bool:
    """Tell a trade from what else a venue lists beside it: Bybit its payments of funding."""
    raw = row.get("info")
    return not (isinstance(raw, Mapping) and raw.get("execType") in _NO_TRADES)


def fill_reported(
    row: Row,
    *,
    venue: str,
    symbol: str,
    instrument: Instrument,
    client_order_id: str | None,
    is_fee_unsigned: bool = False,
) -> FillReported:
    """Read an own trade. Raises: Unreadable when its id, side, size, price or time is missing."""
    named, order_id = row.get("id"), row.get("order")
    quantity, price = number(row.get("amount")), number(row.get("price"))
    stamp_ms = number(row.get("timestamp"))
    if named in (None, "") or stamp_ms is None:
        raise Unreadable(f"{venue} shows a trade without an id or a time")
    if quantity is None or price is None or quantity <= ZERO or price <= ZERO:
        raise Unreadable(f"{venue} shows a trade without a size or a price")
    fee, currency = _fee(row, symbol)
    return FillReported(
        fill=Fill(
            venue=venue,
            symbol=symbol,
            trade_id=str(named),
            side=_side(row),
            quantity=quantity * instrument.contract_size,
            price=price,
            fee=abs(fee) if is_fee_unsigned else fee,
            fee_currency=currency,
            at=EPOCH + timedelta(milliseconds=int(stamp_ms)),
            client_order_id=client_order_id,
            venue_order_id=None if order_id in (None, "") else str(order_id),
            liquidity=_LIQUIDITY.get(str(row.get("takerOrMaker"))),
        )
    )


def position_of(row: Row, *, venue: str, instrument: Instrument) -> VenuePosition | None:
    """Read a swap position in base currency, signed; None where none is held.

    Raises: Unreadable in hedge mode, and when its size or side is missing.
    """
    contracts = number(row.get("contracts"))
    if contracts is None:
        raise Unreadable(f"{venue} shows a position without a size")
    if contracts == ZERO:
        return None
    if row.get("hedged") is True or _is_of_two_sides(row.get("info")):
        raise Unreadable(f"{venue} is in hedge mode for {instrument.symbol}: set one-way mode")
    side = row.get("side")
    if side not in ("long", "short"):
        raise Unreadable(f"{venue} shows a position without a side")
    quantity = abs(contracts) * instrument.contract_size
    return VenuePosition(
        symbol=instrument.symbol,
        quantity=quantity if side == "long" else -quantity,
        entry_price=_above_zero(row.get("entryPrice")),
    )


def amounts(balance: Row, part: str) -> dict[str, Decimal]:
    """Read the `total` or `free` part of a balance; what is zero is left out.

    Raises: Unreadable when the answer names no currency at all: it was cut.
    """
    listed = balance.get(part)
    if not isinstance(listed, Mapping) or not balance.get("info"):
        raise Unreadable("a balance without currencies came back")
    read = {str(currency): number(amount) for currency, amount in listed.items()}
    return {currency: amount for currency, amount in read.items() if amount}


def _is_of_two_sides(raw: object) -> bool:
    """Tell hedge mode where ccxt does not: at Gate, HTX and KuCoin."""
    if not isinstance(raw, Mapping):
        return False
    return not _TWO_SIDES.isdisjoint((key, str(raw.get(key)).lower()) for key in _SIDE_KEYS)


def _side(row: Row) -> OrderSide:
    side = row.get("side")
    if side not in ("buy", "sell"):
        raise Unreadable("a row came without a side")
    return OrderSide(side)


def _whole(row: Row, filled: Decimal) -> Decimal | None:
    """Add up an order's size where the venue says only what of it is left, as Bitstamp does."""
    raw = row.get("info")
    left = number(raw.get("amount_remaining")) if isinstance(raw, Mapping) else None
    return None if left is None else filled + left


def _trigger(row: Row) -> Decimal | None:
    found = _above_zero(row.get("triggerPrice"))
    raw = row.get("info")
    if found is not None or not isinstance(raw, Mapping):
        return found
    # ccxt lets a Decimal trigger of binance fall away
    beside = _OF_STOPS if raw.get("algoId") or raw.get("algo_id") else ()
    for key in (*_TRIGGERS, *beside):
        found = _above_zero(raw.get(key))
        if found is not None:
            return found
    return None


def _above_zero(value: object) -> Decimal | None:
    read = number(value)
    return read if read is not None and read > ZERO else None


def _fee(row: Row, symbol: str) -> tuple[Decimal, str]:
    """Sum the fees of one currency; a trade that states none has none."""
    stated = [row.get("fee"), *(row.get("fees") or ())]
    for each in stated:
        if isinstance(each, Mapping) and each.get("currency"):
            cost = number(each.get("cost"))
            if cost is not None:
                return cost, str(each["currency"])
    return ZERO, cash_currency(symbol)


def _shown(status: object) -> str:
    return f"'{str(status)[:30]}'" if status is not None else "nothing"
