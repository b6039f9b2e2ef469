"""The stop ladder: halted, stops set aside, flattening, flat or still open, resumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bot.views.scene import Listing, Scene, listing
from bot.views.stops import StopLevel, stop_of
from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus
from engine.portfolio import is_dust
from engine.positions import Position
from engine.quotes import Quote
from engine.risk_limits import TradingState
from engine.state import FlattenRun, State


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderView:
    """Show what stands after STOP; `since` is when trading was halted."""

    scene: Scene
    since: datetime
    positions: int
    gross: Decimal
    resting: int
    watched: int
    entries: int
    canceled: tuple["CanceledEntry", ...]
    aside: tuple["StopAside", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAside:
    """Name a stop that was set aside."""

    listing: Listing
    price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanceledEntry:
    """Name an entry that STOP cancelled, or is cancelling."""

    listing: Listing
    order: Order
    is_done: bool


class FlattenStep(StrEnum):
    """How far one position of a flatten has come."""

    CLOSED = "closed"
    CLOSING = "closing"
    UNKNOWN = "unknown"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenItem:
    """Show one position of a flatten; `quantity` is signed and of the moment it began.

    `average` is of the fills so far, `realised` after the closing fees.
    """

    listing: Listing
    quantity: Decimal
    step: FlattenStep
    done: Decimal
    left: Decimal
    average: Decimal | None
    realised: Decimal
    value: Decimal
    stop: StopLevel | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenView:
    """Show a flatten: its items, the entries STOP cancelled, and each venue's verdict."""

    scene: Scene
    since: datetime
    items: tuple[FlattenItem, ...]
    canceled: tuple[CanceledEntry, ...]
    verified: tuple[tuple[str, datetime | None], ...]
    attempt: int
    is_flat: bool
    still_open: tuple[str, ...]
    silent: tuple[tuple[str, timedelta | None], ...]
    acknowledged: bool
    next_try_at: datetime | None
    seen_at: datetime | None

    @property
    def open_items(self) -> tuple[FlattenItem, ...]:
        """Give what is not closed yet."""
        return tuple(item for item in self.items if item.step is not FlattenStep.CLOSED)


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
        gross=sum((_value(position, quotes) for position in held), ZERO),
        resting=sum(stop.resting for stop in stops),
        watched=sum(not stop.resting for stop in stops),
        entries=len(state.entries()),
        canceled=_canceled(state, since, instruments),
        aside=tuple(
            StopAside(listing=listing(key, instruments), price=protection.stop)
            for key, protection in state.set_aside.items()
        ),
    )


def halted_since(state: State) -> datetime | None:
    """Give when trading was halted, by a person or by a breaker, whichever came first."""
    times = [breaker.since for breaker in state.breakers.values()]
    if state.stop is not None:
        times.append(state.stop.since)
    return min(times, default=None)


def flatten_view(
    scene: Scene,
    run: FlattenRun,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
    *,
    verified_at: Mapping[str, datetime] | None = None,
    silent_since: Mapping[str, datetime] | None = None,
    next_try_at: datetime | None = None,
    seen_at: datetime | None = None,
) -> FlattenView:
    """Show a flatten, running or ended.

    State knows neither when each venue verified nor since when one is silent; `verified_at`,
    `silent_since`, `next_try_at` and `seen_at` (of a stop at a venue) add what the caller knows.
    """
    verified, silences = verified_at or {}, silent_since or {}
    return FlattenView(
        scene=scene,
        since=run.since,
        items=tuple(
            _item(key, quantity, run.since, state, quotes, instruments=instruments)
            for key, quantity in zip(run.keys, run.quantities, strict=True)
        ),
        canceled=_canceled(state, halted_since(state) or run.since, instruments),
        verified=tuple((venue, verified.get(venue, run.ended_at)) for venue in run.verified),
        attempt=run.attempt,
        is_flat=run.ended_at is not None,
        still_open=run.still_open,
        silent=tuple(
            (venue, scene.now - silences[venue] if venue in silences else None)
            for venue in state.venues_silent
        ),
        acknowledged=run.acknowledged,
        next_try_at=next_try_at,
        seen_at=seen_at,
    )


def _item(
    key: str,
    quantity: Decimal,
    since: datetime,
    state: State,
    quotes: Mapping[str, Quote],
    *,
    instruments: Mapping[str, Instrument],
) -> FlattenItem:
    exits = [
        order
        for order in (*state.orders_finished.values(), *state.orders.values())
        if order.key == key
        and order.is_exit
        and order.submitted_at is not None
        and order.submitted_at >= since
    ]
    position = state.positions.get(key)
    done = sum((order.filled for order in exits), ZERO)
    worth = sum((order.filled * (order.price_average or ZERO) for order in exits), ZERO)
    refusals = [order.refusal for order in exits if order.refusal]
    is_gone = position is None or is_dust(position, instruments, quotes)
    return FlattenItem(
        listing=listing(key, instruments),
        quantity=quantity,
        step=FlattenStep.CLOSED if is_gone else _step(exits),
        done=done,
        left=abs(position.quantity) if position is not None else ZERO,
        average=worth / done if done > ZERO else None,
        realised=sum((order.realised_pnl for order in exits), ZERO),
        value=_value(position, quotes) if position is not None else ZERO,
        stop=stop_of(position, state) if position is not None else None,
        reason=refusals[-1] if refusals and not is_gone else "",
    )


def _step(exits: Sequence[Order]) -> FlattenStep:
    if any(order.status is OrderStatus.UNKNOWN for order in exits):
        return FlattenStep.UNKNOWN
    if any(not order.is_finished for order in exits):
        return FlattenStep.CLOSING
    return FlattenStep.WAITING


def _value(position: Position, quotes: Mapping[str, Quote]) -> Decimal:
    quote = quotes.get(position.key)
    return abs(position.quantity) * (quote.mark if quote is not None else position.entry_price)


def _canceled(
    state: State, since: datetime, instruments: Mapping[str, Instrument]
) -> tuple[CanceledEntry, ...]:
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
    needs_code: bool = False,
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
        breakers=tuple(breaker.kind for breaker in state.breakers.values()),
        silent=tuple(state.venues_silent),
        halted_accounts=tuple(state.accounts_halted.items()),
        needs_code=needs_code,
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
