"""Protection decided: what rests at the venue follows what is wished and what is held.

Runs after every message, for the instruments that it touched, and each second for all: to place
what has waited for its time. At most one stop is on its way to an instrument. On a swap the new one
is acknowledged before the old one is cancelled, since neither can do more than close. On spot it
binds the balance, so the old one ends first; the engine watches in the meantime.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from engine import events as e
from engine.commands import ENGINE, TendStops
from engine.decide.attempts import bound_again
from engine.decide.exits import exit_quantity
from engine.decide.turn import Turn
from engine.exits import reached
from engine.identities import instrument_key
from engine.instruments import Instrument, Toward
from engine.numbers import BPS, ZERO, plain
from engine.orders import Order, OrderKind, OrderPurpose, OrderStatus
from engine.portfolio import is_swap
from engine.positions import Position
from engine.protection import (
    StopRest,
    failures,
    held_back,
    is_resting,
    rest_place,
    stops_on,
)

WAIT_S_MAX = 3
"""How long an exit on spot waits for the end of a stop, where nothing else could be sold by it."""
REPLACE_EVERY_S = 3
TRY_AGAIN_S = 5
TRY_AGAIN_S_MAX = 600
BOUND_BPS = Decimal(500)
"""How far behind its trigger a stop that needs a limit price has it."""

_UNANSWERED = (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


def tend(turn: Turn, message: object) -> None:
    """Bring what rests into line, on every instrument that the turn has touched."""
    keys = _all(turn) if isinstance(message, TendStops) else _touched(turn)
    for key in keys:
        _tend(turn, key)


def _all(turn: Turn) -> tuple[str, ...]:
    state = turn.state
    kept = [key for key, on in state.open_on.items() if on.exits]
    return tuple(dict.fromkeys((*state.positions, *kept)))


def _touched(turn: Turn) -> Iterable[str]:
    """Give the instruments on which something happened that a stop depends on."""
    keys: dict[str, None] = {}
    for event in turn.events:
        match event:
            case e.FillBooked(fill=fill):
                keys[fill.key] = None
            case (
                e.OrderAccepted()
                | e.OrderNotSent()
                | e.OrderRejected()
                | e.OrderUnknown()
                | e.OrderCancelRequested()
                | e.OrderCanceled()
                | e.OrderExpired()
            ):
                order = turn.state.order(event.client_order_id)
                if order is not None and order.is_exit:
                    keys[order.key] = None
            case e.OrderSubmitted(order=order) if order.is_exit:
                keys[order.key] = None
            case e.ProtectionChanged(key=key) | e.PositionAdopted(key=key):
                keys[key] = None
            case e.StopFollowed(key=key):
                keys[key] = None
            case e.ProtectionsSetAside() | e.ProtectionsRestored() | e.FlattenStarted():
                return _all(turn)
            case _:
                pass
    return tuple(keys)


def _tend(turn: Turn, key: str) -> None:
    state = turn.state
    on, position = state.open_on.get(key), state.positions.get(key)
    has_exits = on is not None and bool(on.exits)
    if not has_exits and (position is None or position.stop is None):
        return
    for order in held_back(state, key):
        _release(turn, order)
    position = turn.state.positions.get(key)
    if turn.state.flattening is not None and position is not None:
        return  # it cancels what it must, and leaves a swap's stop until the end
    waits = bool(held_back(turn.state, key))
    if position is None or position.stop is None or waits:
        why = "an exit takes its place" if waits else "nothing is left to protect"
        _cancel(turn, stops_on(turn.state, key), why)
        return
    _guard(turn, position, position.stop)


def _release(turn: Turn, order: Order) -> None:
    """Let an exit go that was held back, once no stop binds its balance any more."""
    position = turn.state.positions.get(order.key)
    if order.cancel_requested:
        _not_sent(turn, order, "cancelled before it was sent")
    elif position is None or position.exit_side is not order.side:
        _not_sent(turn, order, "its position is closed already")
    else:
        stops = stops_on(turn.state, order.key)
        hurried = _has_waited(turn, order) and not _has_more(turn, position)
        if not hurried and any(stop.status is not OrderStatus.UNKNOWN for stop in stops):
            return
        quantity = exit_quantity(
            turn, position, order.quantity, but=order, counts_unknown_stops=not hurried
        )
        if quantity > ZERO:
            quote = turn.context.fresh(order.key, turn.state)
            bound = bound_again(turn, order)
            turn.add(
                e.ExitReleased(
                    at=turn.now,
                    client_order_id=order.client_order_id,
                    quantity=quantity,
                    price_arrival=quote.mid if quote is not None else None,
                    price_limit=bound,
                    at_market=order.price_limit is not None and bound is None,
                )
            )
        elif not stops:
            _not_sent(turn, order, "other exits, or too small a rest, leave nothing to close")


def _has_waited(turn: Turn, order: Order) -> bool:
    since = order.submitted_at
    return since is None or abs(turn.now - since) >= timedelta(seconds=WAIT_S_MAX)


def _has_more(turn: Turn, position: Position) -> bool:
    """Tell whether the account holds more of a currency than the position: it must stay unsold.

    Where it does not, the venue itself lets an exit and a stop sell no more than the position.
    """
    base = position.symbol.partition("/")[0]
    more = turn.state.holdings.get(instrument_key(position.venue, base), ZERO)
    instrument = turn.context.instruments.get(position.key)
    if instrument is None:
        return more > ZERO
    return not instrument.is_dust(more, position.entry_price)


def _not_sent(turn: Turn, order: Order, why: str) -> None:
    turn.add(e.OrderNotSent(at=turn.now, client_order_id=order.client_order_id, reason=why))


def _guard(turn: Turn, position: Position, stop: Decimal) -> None:
    """Have one stop rest for what is held, where and as far as the venue supports it."""
    key = position.key
    rest = turn.context.rests.get(rest_place(position.venue, position.symbol))
    instrument = turn.context.instruments.get(key)
    open_stops = stops_on(turn.state, key)
    if rest is None:
        _cancel(turn, open_stops, "the console watches it")
        return
    if instrument is None:
        return  # the market is being loaded; the next second sees to it
    price = instrument.price_rounded(stop, Toward.UP if position.is_long else Toward.DOWN)
    quantity = _quantity(turn, position, instrument, price)
    side = position.exit_side
    current = [o for o in open_stops if o.side is side and not o.cancel_requested]
    _cancel(turn, [o for o in open_stops if o.side is not side], "it protects nothing")
    if quantity <= ZERO:
        _cancel(turn, current, "nothing is left to protect")
        return
    # Of several that rest the newest counts; it was acknowledged before the older ones go.
    resting = [order for order in current if is_resting(order)]
    _cancel(turn, resting[:-1], "another has taken its place")
    last = resting[-1] if resting else None
    if any(order.status in _UNANSWERED for order in current):
        return
    if last is not None and (last.price_trigger, last.remaining) == (price, quantity):
        return
    _replace(turn, position, last, price=price, quantity=quantity, rest=rest)


def _quantity(turn: Turn, position: Position, instrument: Instrument, price: Decimal) -> Decimal:
    """Give what a stop may cover: all that is held, less what other exits bind on spot."""
    held = abs(position.quantity)
    if not is_swap(position.symbol):
        held -= turn.state.exits_pending(position.key)
    if instrument.quantity_max is not None:
        held = min(held, instrument.quantity_max)
    if held <= ZERO or instrument.is_dust(held, price):
        return ZERO
    return instrument.quantity_rounded(held)


def _replace(
    turn: Turn,
    position: Position,
    last: Order | None,
    *,
    price: Decimal,
    quantity: Decimal,
    rest: StopRest,
) -> None:
    """Place the stop that is wished: on spot once the last one has ended, on a swap before."""
    swap = is_swap(position.symbol)
    open_stops = stops_on(turn.state, position.key)
    if last is not None:
        binds_too_much = not swap and last.remaining > quantity
        if not binds_too_much and not _is_due(turn, last):
            return
        if not swap:
            _cancel(turn, (last,), "another takes its place")
            return
    if len(open_stops) > (1 if swap and last is not None else 0):
        return  # a cancel is under way; its end sees to it
    if not _may_try(turn, position):
        return
    _place(turn, position, price=price, quantity=quantity, rest=rest)


def _is_due(turn: Turn, last: Order) -> bool:
    """Tell whether a resting stop may be replaced already: a trailing one would be without end."""
    since = last.submitted_at
    return since is None or abs(turn.now - since) >= timedelta(seconds=REPLACE_EVERY_S)


def _may_try(turn: Turn, position: Position) -> bool:
    """Tell whether a stop may be sent now: it is not reached yet, and the backoff has passed."""
    if position.venue in turn.state.venues_silent:
        return False
    quote = turn.context.quotes.get(position.key)
    leg = reached(position, quote) if quote is not None else None
    if leg is not None and leg.leg == "stop":
        return False  # the watch closes; a stop here would be refused
    count = failures(turn.state, position)
    if count == 0:
        return True
    wait = timedelta(seconds=min(TRY_AGAIN_S_MAX, TRY_AGAIN_S * 2 ** min(count - 1, 8)))
    ended = [
        order.finished_at
        for order in turn.state.orders_finished.values()
        if order.position_id == position.position_id
        and order.kind is OrderKind.STOP
        and order.finished_at is not None
    ]
    return abs(turn.now - max(ended)) >= wait


def _place(
    turn: Turn, position: Position, *, price: Decimal, quantity: Decimal, rest: StopRest
) -> None:
    instrument = turn.context.instruments[position.key]
    limit: Decimal | None = None
    if rest is StopRest.LIMIT:
        share = 1 + BOUND_BPS / BPS * position.exit_side.sign
        toward = Toward.DOWN if position.is_long else Toward.UP
        limit = instrument.price_rounded(price * share, toward)
    intent = f"stop:{position.position_id}:{turn.state.seq}"
    name = turn.order_name(position.venue, position.symbol, intent, "stop", 0)
    order = Order(
        client_order_id=name,
        venue=position.venue,
        symbol=position.symbol,
        side=position.exit_side,
        kind=OrderKind.STOP,
        purpose=OrderPurpose.EXIT,
        quantity=quantity,
        intent=intent,
        price_trigger=price,
        price_limit=limit,
        leverage=position.leverage,
        strategy=position.strategy,
        reason=f"stop {plain(price)}",
        actor=ENGINE.text,
        position_id=position.position_id,
    )
    turn.add(e.OrderSubmitted(at=turn.now, order=order))


def _cancel(turn: Turn, orders: Iterable[Order], why: str) -> None:
    for order in orders:
        if order.cancel_requested:
            continue
        turn.add(
            e.OrderCancelRequested(
                at=turn.now, client_order_id=order.client_order_id, actor=ENGINE, reason=why
            )
        )
