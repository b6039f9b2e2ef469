"""The stop ladder: halted, stops set aside, resumed. What flattens is `flatten`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.views.scene import Listing, Scene, listing
from bot.views.stops import stop_of
from engine.decide.factors import needs_code
from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus
from engine.portfolio import is_dust
from engine.positions import Position
from engine.protection import stops_on
from engine.quotes import Quote
from engine.risk_limits import TradingState
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderView:
    """Show what stands after STOP; `since` is when trading was halted.

    `external` counts the orders on the held symbols that nobody here sent.
    """

    scene: Scene
    since: datetime
    positions: int
    gross: Decimal
    resting: int
    watched: int
    entries: int
    canceled: tuple["CanceledEntry", ...]
    aside: tuple["StopAside", ...]
    external: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAside:
    """Name a stop that was set aside; `is_done` once none rests for it any more."""

    listing: Listing
    price: Decimal | None
    is_done: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CanceledEntry:
    """Name an entry that STOP cancelled, or is cancelling."""

    listing: Listing
    order: Order
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeView:
    """Show what resuming would allow, and what was checked.

    `halted_accounts` are venues where somebody else sends orders under our names, and why we think.
    """

    scene: Scene
    since: datetime
    venues: tuple[str, ...]
    also: tuple[str, ...]
    books_differ: tuple[str, ...]
    checked_at: datetime | None
    positions: int
    orders: int
    unknown: int
    breakers: tuple[str, ...]
    silent: tuple[str, ...]
    halted_accounts: tuple[tuple[str, str], ...]
    needs_code: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumedView:
    """Show that trading goes on; `trading` may still be held back by a breaker."""

    scene: Scene
    at: datetime
    by: str
    by_viewer: bool
    halted_for: timedelta | None
    with_code: bool
    trading: TradingState


def ladder_view(
    scene: Scene,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> LadderView:
    """Show the first and the second rung: halted, and stops set aside."""
    since = halted_since(state) or scene.now
    held = [p for p in state.positions.values() if not is_dust(p, instruments, quotes)]
    stops = [stop for position in held if (stop := stop_of(position, state)) is not None]
    return LadderView(
        scene=scene,
        since=since,
        positions=len(held),
        gross=sum((value_of(position, quotes) for position in held), ZERO),
        resting=sum(stop.resting for stop in stops),
        watched=sum(not stop.resting for stop in stops),
        entries=len(state.entries()),
        external=external_on(state, {position.key for position in held}),
        canceled=canceled_entries(state, since, instruments),
        aside=tuple(
            StopAside(
                listing=listing(key, instruments),
                price=protection.stop,
                is_done=not stops_on(state, key),
            )
            for key, protection in state.set_aside.items()
        ),
    )


def external_on(state: State, keys: set[str]) -> int:
    """Count the open orders on some instruments that nobody here sent."""
    orders = (order for found in state.external_orders.values() for order in found)
    return sum(order.key in keys for order in orders)


def halted_since(state: State) -> datetime | None:
    """Give when trading was halted, by a person or by a breaker, whichever came first."""
    times = [breaker.since for breaker in state.breakers.values() if not breaker.scope.key]
    if state.stop is not None:
        times.append(state.stop.since)
    return min(times, default=None)


def value_of(position: Position, quotes: Mapping[str, Quote]) -> Decimal:
    """Give what a position is worth at its mark, in quote currency."""
    quote = quotes.get(position.key)
    return abs(position.quantity) * (quote.mark if quote is not None else position.entry_price)


def canceled_entries(
    state: State, since: datetime, instruments: Mapping[str, Instrument]
) -> tuple[CanceledEntry, ...]:
    """Give the entries that were cancelled since a time, and those being cancelled."""
    leaving = [order for order in state.entries() if order.cancel_requested]
    gone = [
        order
        for order in state.orders_finished.values()
        if not order.is_exit
        and order.status is OrderStatus.CANCELED
        and order.cancel_requested
        and order.finished_at is not None
        and order.finished_at >= since
    ]
    return tuple(
        CanceledEntry(
            listing=listing(order.key, instruments), order=order, is_done=order.is_finished
        )
        for order in (*gone, *leaving)
    )


def resume_view(
    scene: Scene,
    state: State,
    *,
    also: Sequence[str] = (),
    checked_at: datetime | None = None,
) -> ResumeView:
    """Show what a resume would allow; `also` names strategies and sources of signals."""
    orders = state.orders.values()
    return ResumeView(
        scene=scene,
        since=halted_since(state) or scene.now,
        venues=state.journal.accounts if state.journal is not None else (),
        also=tuple(also),
        books_differ=tuple(state.books_differ),
        checked_at=checked_at,
        positions=len(state.positions),
        orders=len(orders),
        unknown=sum(order.status is OrderStatus.UNKNOWN for order in orders),
        breakers=tuple(each.kind for each in state.breakers.values() if not each.scope.key),
        silent=tuple(state.venues_silent),
        halted_accounts=tuple(state.accounts_halted.items()),
        needs_code=needs_code(state, scene.user_id),
    )


def resumed_view(
    scene: Scene,
    state: State,
    *,
    at: datetime,
    by: str,
    halted_since: datetime | None = None,
    with_code: bool = False,
) -> ResumedView:
    """Show a resume that happened; `by` names the person as the journal does."""
    return ResumedView(
        scene=scene,
        at=at,
        by=by,
        by_viewer=by.rsplit(" ", maxsplit=1)[-1] == str(scene.user_id),
        halted_for=at - halted_since if halted_since is not None else None,
        with_code=with_code,
        trading=state.trading,
    )
