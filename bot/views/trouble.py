"""Trouble: limits nearly used or reached, books that differ, silent venues, what was set aside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.views.scene import Listing, Scene, listing
from bot.views.stops import StopLevel, stop_of
from engine.events import BacklogSetAside, BooksDiffer, StrangerNoted
from engine.identities import short
from engine.instruments import Instrument
from engine.quotes import Quote
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksView:
    """Show what a venue holds otherwise than State.

    `here` and `there` are set when exactly one position differs and both sides are known.
    """

    scene: Scene
    venue: str
    listings: tuple[Listing, ...]
    lines: tuple[str, ...]
    at: datetime
    name: str
    here: Decimal | None = None
    there: Decimal | None = None
    mark: Decimal | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldThere:
    """Show a position at a silent venue, at its last known value."""

    listing: Listing
    quantity: Decimal
    value: Decimal
    value_at: datetime | None
    stop: StopLevel | None
    position_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentView:
    """Show a silent venue: since when, what is held there, and which others answer."""

    scene: Scene
    venue: str
    since: datetime
    held: tuple[HeldThere, ...]
    others: tuple[str, ...]
    ask_every_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredView:
    """Show a venue that answers again."""

    scene: Scene
    venue: str
    since: datetime | None
    at: datetime
    positions: int
    orders: int
    books_differ: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogView:
    """Show commands that were set aside; `redone` counts from 0."""

    scene: Scene
    seq: int
    items: tuple[str, ...]
    done: tuple[str, ...]
    down_since: datetime | None
    at: datetime
    redone: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerView:
    """Show that somebody without a role wrote; no word of theirs."""

    scene: Scene
    user_id: int
    messages: int
    since: datetime
    next_at: datetime


def books_view(
    scene: Scene,
    event: BooksDiffer,
    state: State,
    instruments: Mapping[str, Instrument],
    *,
    name: str | None = None,
    there: Mapping[str, Decimal] | None = None,
    quotes: Mapping[str, Quote] | None = None,
) -> BooksView:
    """Show a difference; `there` gives the venue's quantity by key, where it is known."""
    keys = event.keys
    only = keys[0] if len(keys) == 1 else None
    quote = (quotes or {}).get(only) if only is not None else None
    position = state.positions.get(only) if only is not None else None
    return BooksView(
        scene=scene,
        venue=event.venue,
        listings=tuple(listing(key, instruments) for key in keys),
        lines=event.lines,
        at=event.at,
        name=name or short(f"{event.venue}:{event.at.isoformat()}", "D"),
        here=position.quantity if position is not None else None,
        there=(there or {}).get(only) if only is not None else None,
        key=only,
        mark=quote.mark if quote is not None else None,
    )


def silent_view(
    scene: Scene,
    venue: str,
    since: datetime,
    state: State,
    quotes: Mapping[str, Quote],
    *,
    instruments: Mapping[str, Instrument],
    ask_every_s: int = 5,
) -> SilentView:
    """Show a silent venue."""
    accounts = state.journal.accounts if state.journal is not None else ()
    held = []
    for position in state.positions.values():
        if position.venue != venue:
            continue
        quote = quotes.get(position.key)
        price = quote.mark if quote is not None else position.entry_price
        held.append(
            HeldThere(
                listing=listing(position.key, instruments),
                quantity=position.quantity,
                value=abs(position.quantity) * price,
                value_at=quote.at if quote is not None else None,
                stop=stop_of(position, state),
                position_id=position.position_id,
            )
        )
    return SilentView(
        scene=scene,
        venue=venue,
        since=since,
        held=tuple(held),
        others=tuple(
            name for name in accounts if name != venue and name not in state.venues_silent
        ),
        ask_every_s=ask_every_s,
    )


def answered_view(
    scene: Scene, venue: str, state: State, *, at: datetime, since: datetime | None = None
) -> AnsweredView:
    """Show a venue that answers again; `since` is when it fell silent."""
    return AnsweredView(
        scene=scene,
        venue=venue,
        since=since,
        at=at,
        positions=sum(position.venue == venue for position in state.positions.values()),
        orders=sum(order.venue == venue for order in state.orders.values()),
        books_differ=venue in state.books_differ,
    )


def backlog_view(
    scene: Scene, event: BacklogSetAside, seq: int, redone: frozenset[int] = frozenset()
) -> BacklogView:
    """Show what was set aside; `seq` is the event's number."""
    return BacklogView(
        scene=scene,
        seq=seq,
        items=event.items,
        done=event.done,
        down_since=event.down_since,
        at=event.at,
        redone=redone,
    )


def stranger_view(
    scene: Scene,
    event: StrangerNoted,
    *,
    since: datetime | None = None,
    every: timedelta = timedelta(hours=1),
) -> StrangerView:
    """Show a stranger's knocking; the next notice comes `every` later."""
    return StrangerView(
        scene=scene,
        user_id=event.user_id,
        messages=event.messages,
        since=since or event.at,
        next_at=event.at + every,
    )
