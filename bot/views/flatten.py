"""A flatten as it stands: each position, the venues' verdicts, and the dust that is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bot.views.ladder import CanceledEntry, canceled_entries, external_on, halted_since, value_of
from bot.views.scene import Listing, Scene, listing
from bot.views.stops import StopLevel, stop_of
from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus
from engine.portfolio import is_dust
from engine.quotes import Quote
from engine.state import State
from engine.stops import FlattenRun


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
    external: int = 0
    dust: tuple["DustLeft", ...] = ()

    @property
    def open_items(self) -> tuple[FlattenItem, ...]:
        """Give what is not closed yet."""
        return tuple(item for item in self.items if item.step is not FlattenStep.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DustLeft:
    """Show a remainder that no venue takes an order for; `quantity` is signed."""

    listing: Listing
    quantity: Decimal


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
    dust = [p for p in state.positions.values() if is_dust(p, instruments, quotes)]
    later = _opened_later(run, state, [p.key for p in dust])
    quantities = dict(zip(run.keys, run.quantities, strict=True)) | later
    return FlattenView(
        scene=scene,
        since=run.since,
        items=tuple(
            _item(key, quantity, run.since, state, quotes, instruments=instruments)
            for key, quantity in quantities.items()
        ),
        canceled=canceled_entries(state, halted_since(state) or run.since, instruments),
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
        external=0 if run.with_external else external_on(state, set(quantities)),
        dust=tuple(
            DustLeft(listing=listing(p.key, instruments), quantity=p.quantity) for p in dust
        ),
    )


def _opened_later(run: FlattenRun, state: State, dust: Sequence[str]) -> dict[str, Decimal]:
    """Give what was opened since the flatten began, with its signed size: by hand, or by a fill."""
    found: dict[str, Decimal] = {}
    for order in (*state.orders_finished.values(), *state.orders.values()):
        if order.intent == run.intent and order.key not in run.keys:
            found[order.key] = found.get(order.key, ZERO) - order.filled * order.side.sign
    for key, position in state.positions.items():
        if key not in run.keys and (key in found or key not in dust):
            found[key] = found.get(key, ZERO) + position.quantity
    return found


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
        value=value_of(position, quotes) if position is not None else ZERO,
        stop=stop_of(position, state) if position is not None else None,
        reason=refusals[-1] if refusals and not is_gone else "",
    )


def _step(exits: Sequence[Order]) -> FlattenStep:
    if any(order.status is OrderStatus.UNKNOWN for order in exits):
        return FlattenStep.UNKNOWN
    if any(not order.is_finished for order in exits):
        return FlattenStep.CLOSING
    return FlattenStep.WAITING
