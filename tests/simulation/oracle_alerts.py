"""The oracle's ear in the chats: whatever must be told is told in every chat that asked for it
(invariant 18). It reads what Telegram shows, never the outbox.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from engine import events as e
from engine.commands import ActorKind, AlertKind, AlertMode
from engine.identities import short
from engine.orders import Order, OrderKind
from tests.simulation.outside import OWNERS
from tests.simulation.telegram import Shown

REPEAT = "repeat, it may stand above already"
# For so long after a person did something in a chat, what comes there may be an answer to it.
ANSWER_S = 10.0
FLAT_S = 5.0
TITLE = re.compile(r"(?:Bought|Sold|Found: \w+ (?:bought|sold)) ?([\d,.]*)")


@dataclass(slots=True, kw_only=True)
class Duty:
    """What a chat is to be told: every word of `words`, in something shown at or after `since_s`.

    `until` names what makes it old news, if that comes before it was told.
    """

    event: str
    chat_id: int
    since_s: float
    words: tuple[str, ...]
    until: tuple[str, ...] = ()
    is_done: bool = False


@dataclass(slots=True)
class Hearing:
    """Know what each chat must have been told, and find it among what it shows."""

    orders: dict[str, Order] = field(default_factory=dict)
    filled: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    chats: dict[int, bool] = field(default_factory=dict)
    duties: list[Duty] = field(default_factory=list)
    _off: set[tuple[int, AlertKind]] = field(default_factory=set)
    _flat_s: dict[int, float] = field(default_factory=dict)
    _read: int = 0
    _last: dict[tuple[int, str], tuple[int, Fraction]] = field(default_factory=dict)
    _said: Counter[tuple[int, str]] = field(default_factory=Counter)
    _tickets: dict[str, str | None] = field(default_factory=dict)
    _signals: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)

    def take(self, seq: int, event: e.Event, now_s: float) -> None:
        """Take in one durable event: what it makes old news, and whom it must be told."""
        self._follow(event)
        for name in _ends(event):
            for duty in self.duties:
                duty.is_done |= name in duty.until
        told = self._told(seq, event)
        if told is None:
            return
        kind, words, until = told
        for chat_id in self._audience(event):
            if (chat_id, kind) in self._off:
                continue
            self.duties.append(
                Duty(
                    event=f"{type(event).__name__} {seq}",
                    chat_id=chat_id,
                    since_s=now_s,
                    words=words,
                    until=until,
                    is_done=self._was_flat(event, chat_id, now_s),
                )
            )

    def _follow(self, event: e.Event) -> None:
        match event:
            case e.OrderSubmitted(order=order):
                self.orders[order.client_order_id] = order
            case e.ChatBound(chat_id=chat_id, is_group=is_group):
                self.chats[chat_id] = is_group
            case e.AlertModeSet(chat_id=chat_id, kind=kind, mode=mode):
                if mode is AlertMode.OFF:
                    self._off.add((chat_id, kind))
                else:
                    self._off.discard((chat_id, kind))
            case e.SignalReceived(signal_id=signal_id, actor=actor):
                is_person = actor.kind is ActorKind.PERSON
                self._signals[signal_id] = (actor.user_id, actor.chat_id if is_person else None)
            case e.FillBooked(fill=fill) if fill.client_order_id is not None:
                self.filled[fill.client_order_id] += fill.quantity
            case _:
                return

    def _audience(self, event: e.Event) -> Sequence[int]:
        match event:
            case e.StrangerNoted():
                return [chat for chat in self.chats if chat in OWNERS]
            case e.BacklogSetAside(chat_id=chat_id):
                return [chat_id]
            case _:
                return list(self.chats)

    def _only_protected(self, name: str) -> bool:
        """Tell a stop that rested and sold nothing: its end rings only if it was the venue's own.

        Whether it was the first of a row of such ends is judged by tests of its own.
        """
        return self.orders[name].kind is OrderKind.STOP and not self.filled[name]

    def _told(
        self, seq: int, event: e.Event
    ) -> tuple[AlertKind, tuple[str, ...], tuple[str, ...]] | None:
        """Give what kind of alert an event is, the words to look for, and what makes it old."""
        match event:
            case e.FillBooked(fill=fill):
                order = self.orders.get(fill.client_order_id or "")
                name = fill.trade_id if order is None else order.short_id
                return AlertKind.FILL, (name,), ()
            case e.OrderRejected() | e.OrderNotSent() | e.OrderCanceled() | e.OrderExpired() if (
                self._only_protected(event.client_order_id)
            ):
                return None
            case (
                e.OrderUnknown()
                | e.OrderRejected()
                | e.OrderNotSent()
                | e.OrderCanceled()
                | e.OrderExpired()
            ):
                return AlertKind.TROUBLE, (self.orders[event.client_order_id].short_id,), ()
            case e.OrderReappeared(client_order_id=name):
                return AlertKind.STOP, (self.orders[name].short_id,), ()
            case e.TradingHalted():
                return AlertKind.STOP, ("HALT|FLAT|Flatten|open",), ("resumed",)
            case e.TradingResumed():
                return AlertKind.STOP, ("ACTIVE|Still HALTED",), ("halted",)
            case e.FlattenStarted():
                return AlertKind.STOP, ("FLAT|Flatten|[Ss]till open",), ()
            case e.FlattenEnded():
                return AlertKind.STOP, ("FLAT",), ("flattening",)
            case e.BreakerTripped(breaker_id=breaker_id):
                return AlertKind.BREAKER, ("Breaker",), (f"armed {breaker_id}", "seen")
            case e.BreakerWarned():
                return AlertKind.WARNING, ("of limit|at \\d+%",), ()
            case e.ExitTriggered(position_id=position_id):
                return AlertKind.FILL, ("reached", short(position_id, "P")), ()
            case e.BooksDiffer(venue=venue):
                return AlertKind.TROUBLE, ("Books",), (f"equal {venue}",)
            case e.VenueWentSilent():
                return AlertKind.TROUBLE, ("silent|answers again",), ()
            case e.DayReported(day=day):
                return AlertKind.REPORT, (f"{day.day} {day:%b}",), ()
            case e.StrangerNoted(user_id=user_id):
                return AlertKind.STRANGER, (str(user_id),), ()
            case e.BacklogSetAside():
                return AlertKind.BACKLOG, ("Back",), ()
            case e.OrderDenied(actor=actor, symbol=symbol) if actor.kind is not ActorKind.PERSON:
                return AlertKind.SIGNAL, ("Denied", symbol.partition("/")[0]), ()
            case e.TicketOpened(ticket=ticket) if ticket.owner_id is None:
                ends = (f"ticket {ticket.ticket_id}",)
                return AlertKind.TICKET, (ticket.short_id,), ends
            case _:
                return None

    def _was_flat(self, event: e.Event, chat_id: int, now_s: float) -> bool:
        """Tell whether a chat was told of the end of a flatten before the journal, away, had it."""
        told_s = self._flat_s.get(chat_id)
        return isinstance(event, e.FlattenEnded) and told_s is not None and now_s - told_s < FLAT_S

    def listen(self, shown: Sequence[Shown], asked_s: Mapping[int, float]) -> None:
        """Read on in the chats: what was to be told, and that no card goes back in time."""
        for one in shown[self._read :]:
            if "FLAT" in one.text:
                self._flat_s[one.chat_id] = one.at_s
            for duty in self.duties:
                if (
                    not duty.is_done
                    and duty.chat_id == one.chat_id
                    and one.at_s >= duty.since_s
                    and all(re.search(word, one.text) for word in duty.words)
                ):
                    duty.is_done = True
            self._in_order(one)
            answers = one.at_s - asked_s.get(one.chat_id, -ANSWER_S) < ANSWER_S
            if one.is_new and not answers and REPEAT not in one.text:
                self._said[one.chat_id, one.text] += 1
        self._read = len(shown)
        self.duties = [duty for duty in self.duties if not duty.is_done]

    def _in_order(self, one: Shown) -> None:
        """A chat's cards about one order never show less filled than they showed before."""
        title = TITLE.search(one.text)
        if title is None or not title[1]:
            return
        shows = Fraction(title[1].replace(",", "").rstrip("."))
        for order in self.orders.values():
            if f"· {order.short_id}" in one.text and "1 fill" not in one.text:
                before = self._last.get((one.chat_id, order.client_order_id))
                if before is not None and before[0] == one.message_id:
                    assert shows >= before[1], f"I18: {order.short_id} shows less than before"
                self._last[one.chat_id, order.client_order_id] = (one.message_id, shows)

    def check_rest(self, doubtful: int) -> None:
        """See that everything was told, and nothing twice but where a send was in doubt."""
        left = [duty for duty in self.duties if not duty.is_done]
        assert not left, f"I18: {len(left)} untold, first {left[0]}"
        twice = [
            (chat, text)
            for (chat, text), count in self._said.items()
            if count > 1 and any(f"· {order.short_id}" in text for order in self.orders.values())
        ]
        assert len(twice) <= doubtful, f"I18: told twice without a cause: {twice[:1]}"


def _ends(event: e.Event) -> tuple[str, ...]:
    """Name the duties that an event makes old news."""
    match event:
        case e.TradingHalted():
            return ("halted",)
        case e.TradingResumed():
            return ("resumed",)
        case e.FlattenStarted():
            return ("flattening",)
        case e.BreakerRearmed(breaker_id=breaker_id):
            return (f"armed {breaker_id}",)
        case e.AlertAcknowledged():
            return ("seen",)
        case e.BooksEqual(venue=venue):
            return (f"equal {venue}",)
        case e.TicketEnded(ticket_id=ticket_id):
            return (f"ticket {ticket_id}",)
        case _:
            return ()
