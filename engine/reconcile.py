"""Reconciliation: a venue's snapshot against State.

On a swap the venue's position is the truth and ours must equal it. On spot a position is our own
fills; the venue's total must be at least that much, and whatever else it holds is a holding. An
order that the journal does not know is external, or, where its name is of our form, an impostor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from engine.external import HOLDINGS_MAX, ORDERS_SHOWN_MAX, Differing, ExternalOrder, FlowReason
from engine.identities import form_of, instrument_key, is_our_form
from engine.instruments import Instrument, cash_currency
from engine.numbers import ZERO, plain
from engine.orders import Order, OrderStatus
from engine.portfolio import is_swap
from engine.reports import OrderSeen, OrdersOpen, VenuePosition, VenueSnapshot
from engine.state import State

SETTLING = timedelta(seconds=2)
HOLDING_MIN = Decimal("1e-8")
CASH_TOLERANCE = Decimal("0.01")
"""What roundings of fees may add up to before the venue's cash is taken over."""
ENTRY_ROUNDING = Decimal("2e-6")
"""How far apart two entry prices are, as a share, when only one of them was rounded."""
FUNDING_SHARE_MAX = Decimal("0.005")
"""The largest share of the open swaps' worth that is taken for what they paid or received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing the venue shows otherwise than State, in a plain line."""

    key: str
    line: str
    differing: Differing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersThere:
    """Sort the open orders of a venue.

    `external` nobody here sent; `impostors` bear our names and are not in the journal; `back` were
    given up and are there after all; `lingering` have finished here.
    """

    external: tuple[ExternalOrder, ...]
    impostors: tuple[str, ...]
    back: tuple[tuple[Order, OrderSeen], ...]
    lingering: tuple[Difference, ...]


def orders_there(
    state: State, snapshot: VenueSnapshot | OrdersOpen, known: Mapping[str, Order]
) -> OrdersThere:
    """Sort what stands open at the venue; `known` are the journal's orders outside State."""
    external: list[ExternalOrder] = []
    impostors: list[str] = []
    back: list[tuple[Order, OrderSeen]] = []
    lingering: list[Difference] = []
    for seen in snapshot.orders:
        name = seen.client_order_id
        order = (state.order(name) or known.get(name)) if name is not None else None
        if order is None:
            external.append(_external(seen))
            if name is not None and looks_ours(name, seen.venue, seen.symbol):
                impostors.append(name)
        elif order.is_given_up:
            back.append((order, seen))
        elif order.finished_at is not None and order.finished_at < snapshot.at - SETTLING:
            line = f"{order.key}: order {order.short_id} is open there, {order.status} here"
            lingering.append(Difference(key=order.key, line=line))
    external.sort(key=lambda order: order.venue_order_id)
    return OrdersThere(
        external=tuple(external[:ORDERS_SHOWN_MAX]),
        impostors=tuple(impostors),
        back=tuple(back),
        lingering=tuple(lingering),
    )


def looks_ours(client_order_id: str, venue: str, symbol: str) -> bool:
    """Tell whether an order is named as only we name them."""
    return is_our_form(client_order_id, form_of(venue, is_swap=is_swap(symbol)))


def _external(seen: OrderSeen) -> ExternalOrder:
    return ExternalOrder(
        venue=seen.venue,
        venue_order_id=seen.venue_order_id,
        client_order_id=seen.client_order_id,
        symbol=seen.symbol,
        side=seen.side,
        quantity=seen.quantity,
        filled=seen.filled,
        price_limit=seen.price_limit,
        price_trigger=seen.price_trigger,
    )


def busy_keys(state: State, snapshot: VenueSnapshot) -> set[str]:
    """Name the instruments on which a fill may be under way between the venue's answer and ours.

    An order that rests there with what we count as filled moves nothing. One that has finished
    since shortly before the snapshot was taken may have.
    """
    resting = {seen.client_order_id: seen.filled for seen in snapshot.orders}
    busy = {
        order.key
        for order in state.orders.values()
        if order.venue == snapshot.venue
        and (
            order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
            or resting.get(order.client_order_id) != order.filled
        )
    }
    return busy | {
        order.key
        for order in state.orders_finished.values()
        if order.finished_at is not None and order.finished_at >= snapshot.at - SETTLING
    }


def differences(
    state: State, snapshot: VenueSnapshot, instruments: Mapping[str, Instrument]
) -> tuple[Difference, ...]:
    """Compare positions; symbols with an order in flight are left for later."""
    busy = busy_keys(state, snapshot)
    found: list[Difference] = []
    swaps = {instrument_key(snapshot.venue, each.symbol): each for each in snapshot.positions}
    ours = {key: p for key, p in state.positions.items() if p.venue == snapshot.venue}
    for key in sorted(set(swaps) | {key for key, p in ours.items() if is_swap(p.symbol)}):
        here = ours[key].quantity if key in ours else ZERO
        there = swaps[key].quantity if key in swaps else ZERO
        if key not in busy and here != there:
            found.append(_line(key, here, there, swaps[key].entry_price if key in swaps else None))
    for key, position in sorted(ours.items()):
        base = position.symbol.partition("/")[0]
        there = snapshot.balances.get(base, ZERO)
        step = instruments[key].quantity_step if key in instruments else ZERO
        if key not in busy and not is_swap(position.symbol) and there + step < position.quantity:
            found.append(_line(key, position.quantity, there))
    return tuple(found)


def _line(
    key: str, here: Decimal, there: Decimal, entry_price: Decimal | None = None
) -> Difference:
    return Difference(
        key=key,
        line=f"{key}: here {plain(here)}, at the venue {plain(there)}",
        differing=Differing(key=key, here=here, there=there, entry_price=entry_price),
    )


def holdings(state: State, snapshot: VenueSnapshot) -> dict[str, Decimal]:
    """Give what the account owns beside our spot positions and cash, by currency.

    A currency that one of our orders may be moving keeps what was seen last.
    """
    ours: dict[str, Decimal] = {}
    for position in state.positions.values():
        if position.venue == snapshot.venue and not is_swap(position.symbol):
            base = position.symbol.partition("/")[0]
            ours[base] = ours.get(base, ZERO) + position.quantity
    moving = {key.partition(":")[2].partition("/")[0] for key in busy_keys(state, snapshot)}
    found: dict[str, Decimal] = {}
    for currency in sorted({*snapshot.balances, *moving}):
        left = snapshot.balances.get(currency, ZERO) - ours.get(currency, ZERO)
        if currency in moving:
            left = state.holdings.get(instrument_key(snapshot.venue, currency), ZERO)
        if currency == state.currency or instrument_key(snapshot.venue, currency) in state.cash:
            continue
        if left >= HOLDING_MIN and len(found) < HOLDINGS_MAX:
            found[currency] = left
    return found


def cash_gap(state: State, snapshot: VenueSnapshot, currency: str) -> Decimal | None:
    """Give by how much the venue's cash exceeds ours; None while a fill may be under way.

    What swaps have earned and what is still open in them share out by the order in which fills were
    booked, which may be another one there; only their sum is the same. What spot positions hold of
    a currency is no cash. A snapshot without any balance says nothing about cash.
    """
    if not snapshot.balances or busy_keys(state, snapshot):
        return None
    there = snapshot.balances.get(currency, ZERO) - _shared_otherwise(state, snapshot, currency)
    for position in state.positions.values():
        base = position.symbol.partition("/")[0]
        if base == currency and position.venue == snapshot.venue and not is_swap(position.symbol):
            there -= position.quantity
    return there - state.cash.get(instrument_key(snapshot.venue, currency), ZERO)


def _shared_otherwise(state: State, snapshot: VenueSnapshot, currency: str) -> Decimal:
    """Give what the venue counts as earned, and we as still open in the same swaps."""
    total = ZERO
    for swap in snapshot.positions:
        ours = state.positions.get(instrument_key(snapshot.venue, swap.symbol))
        if ours is None or swap.entry_price is None or ours.quantity != swap.quantity:
            continue
        apart = swap.entry_price - ours.entry_price
        is_rounded = abs(apart) <= ours.entry_price * ENTRY_ROUNDING
        if not is_rounded and cash_currency(swap.symbol) == currency:
            total += apart * swap.quantity
    return total


def flow_reason(gap: Decimal, snapshot: VenueSnapshot, currency: str) -> FlowReason:
    """Tell what moved cash without a fill: an open swap pays and receives little by little."""
    swaps = swaps_in(snapshot, currency)
    worth = sum((abs(p.quantity) * (p.entry_price or ZERO) for p in swaps), start=ZERO)
    if abs(gap) <= worth * FUNDING_SHARE_MAX:
        return FlowReason.FUNDING
    return FlowReason.DEPOSIT if gap > ZERO else FlowReason.WITHDRAWAL


def swaps_in(snapshot: VenueSnapshot, currency: str) -> list[VenuePosition]:
    """Give the open swaps that settle in a currency."""
    return [each for each in snapshot.positions if cash_currency(each.symbol) == currency]
