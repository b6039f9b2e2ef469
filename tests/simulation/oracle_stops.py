"""The oracle's eye on stops that rest at the venue, by what the venue itself holds.

Whatever else happens, a stop can only close: reduce-only on a swap, and one at a time on spot. At
rest there is never more protection than position, what counts as resting does rest, and no exit
waits any more for the end of one.
"""

from collections import Counter
from collections.abc import Collection
from decimal import Decimal

from engine.orders import Order, OrderKind, OrderStatus
from engine.state import State
from engine.venues.account import Account
from engine.venues.ledger import VenueOrder

RESTS = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


def _standing(ledger: Account) -> list[VenueOrder]:
    return [one for one in ledger.open.values() if one.kind is OrderKind.STOP]


def check_stops(ledger: Account, given_up: Collection[str]) -> None:
    """Judge what stands at the venue in this moment.

    One that arrives after it was given up, past every settle window, stands beside its successor
    until it is cancelled.
    """
    known = [one for one in _standing(ledger) if one.client_order_id not in given_up]
    spot = Counter(one.symbol for one in known if ":" not in one.symbol)
    for symbol, count in spot.items():
        assert count == 1, f"S1: {count} stops rest on {symbol}, which all bind its balance"
    for one in _standing(ledger):
        assert one.reduce_only or ":" not in one.symbol, f"S2: a stop on {one.symbol} can flip"


def check_stops_at_rest(state: State, ledger: Account) -> None:
    """Judge protection against position, once everything has come to rest."""
    covered: Counter[str] = Counter()
    for one in _standing(ledger):
        covered[one.symbol] += one.remaining  # type: ignore[assignment]  # it sums decimals, too
    for symbol, quantity in covered.items():
        position = state.positions.get(f"binance:{symbol}")
        held = abs(position.quantity) if position is not None else Decimal(0)
        assert quantity <= held, f"S3: {quantity} {symbol} protected, {held} held"
    names = {one.client_order_id for one in _standing(ledger)}
    for order in state.orders.values():
        assert not order.held, f"S5: the exit {order.short_id} still waits"
        if _is_said_to_rest(order):
            assert order.client_order_id in names, f"S4: the stop {order.short_id} rests nowhere"


def _is_said_to_rest(order: Order) -> bool:
    return order.kind is OrderKind.STOP and order.status in RESTS
