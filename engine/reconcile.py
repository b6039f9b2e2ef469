"""Reconciliation: a venue's snapshot against State.

On a swap the venue's position is the truth and ours must equal it. On spot a position is our own
fills; the venue's total must be at least that much, and whatever else it holds is not ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.numbers import ZERO, plain
from engine.orders import OrderStatus
from engine.portfolio import is_swap
from engine.reports import VenueSnapshot
from engine.state import State

SETTLING = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing the venue shows otherwise than State, in a plain line."""

    key: str
    line: str


def differences(
    state: State, snapshot: VenueSnapshot, instruments: Mapping[str, Instrument]
) -> tuple[Difference, ...]:
    """Compare positions and open orders; symbols with an order in flight are left for later.

    A fill can be under way between the venue's answer and ours, so a symbol counts only when none
    of our orders on it is open, and none finished since shortly before the snapshot was taken.
    """
    busy = {order.key for order in state.orders.values()}
    busy |= {
        order.key
        for order in state.orders_finished.values()
        if order.finished_at is not None and order.finished_at >= snapshot.at - SETTLING
    }
    found: list[Difference] = []
    swaps = {
        instrument_key(snapshot.venue, position.symbol): position.quantity
        for position in snapshot.positions
    }
    ours = {key: p for key, p in state.positions.items() if p.venue == snapshot.venue}
    for key in sorted(set(swaps) | {key for key, p in ours.items() if is_swap(p.symbol)}):
        here = ours[key].quantity if key in ours else ZERO
        there = swaps.get(key, ZERO)
        if key not in busy and here != there:
            found.append(_line(key, here, there))
    for key, position in sorted(ours.items()):
        base = position.symbol.partition("/")[0]
        there = snapshot.balances.get(base, ZERO)
        step = instruments[key].quantity_step if key in instruments else ZERO
        if key not in busy and not is_swap(position.symbol) and there + step < position.quantity:
            found.append(_line(key, position.quantity, there))
    found.extend(_missing_orders(state, snapshot))
    return tuple(found)


def _line(key: str, here: Decimal, there: Decimal) -> Difference:
    return Difference(key=key, line=f"{key}: here {plain(here)}, at the venue {plain(there)}")


def _missing_orders(state: State, snapshot: VenueSnapshot) -> list[Difference]:
    """Find orders that the venue holds under our kind of name and that State has finished."""
    found: list[Difference] = []
    for seen in snapshot.orders:
        if seen.client_order_id is None or not seen.client_order_id.startswith("qd"):
            continue
        order = state.order(seen.client_order_id)
        gone = order is None or order.status in (OrderStatus.REJECTED, OrderStatus.NOT_SENT)
        if gone:
            key = instrument_key(seen.venue, seen.symbol)
            found.append(Difference(key=key, line=f"{key}: order {seen.client_order_id} is open"))
    return found
