"""The judge: what the exchange's ledger, the journal and the chats say about each other."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.sandbox import SeenCall
from engine.identities import short
from tests.drill.course import PLACES, Course
from tests.exchange.ledger import QUOTE, balances
from tests.exchange.orders import BINANCE, VenueOrder, VenueTrade

NEVER_THERE = frozenset({"rejected", "not_sent"})
ENDS = frozenset(
    "OrderAccepted OrderRejected OrderNotSent OrderCanceled OrderExpired FillBooked".split()
)
TINY = Decimal("1e-9")


@dataclass(slots=True, kw_only=True)
class Verdict:
    """Count what happened; `objections` are what was promised and not kept."""

    orders: int = 0
    booked: int = 0
    never_there: int = 0
    fills: int = 0
    unknown: int = 0
    faults: int = 0
    wishes: int = 0
    kills: int = 0
    objections: list[str] = field(default_factory=list)

    @property
    def lines(self) -> Iterator[str]:
        """Tell it in plain lines."""
        yield (
            f"{self.wishes} wishes, {self.orders} orders sent: {self.booked} at the exchange, "
            f"{self.never_there} refused, withheld or lost on the way; {self.fills} fills"
        )
        yield (
            f"{self.faults} faults struck, {self.unknown} times an order was unknown, "
            f"{self.kills} times kill -9"
        )
        yield from self.objections or ("Each order once, each fill booked, each unknown told.",)


async def judged(course: Course) -> Verdict:
    """Compare everything, once the console has ended in good order."""
    events = await course.console.events()
    verdict = Verdict(
        wishes=course.wishes,
        kills=course.console.lives - 2,
        faults=sum(course.exchange.faults.struck.values()),
    )
    statuses = {
        str(name): str(status)
        for name, status in course.console.rows("select client_order_id, status from orders")
    }
    verdict.objections += _orders(course, statuses, verdict)
    verdict.objections += _intents(events)
    verdict.objections += _fills(course, verdict)
    verdict.objections += _positions(course)
    verdict.objections += _told(course, events, verdict)
    return verdict


def _orders(course: Course, statuses: Mapping[str, str], verdict: Verdict) -> Iterator[str]:
    """One order at the exchange for each that was sent, and none for what was never there."""
    ledger = course.exchange.ledger
    there = Counter(order.wanted.client_id for order in ledger.orders.values())
    verdict.orders = len(statuses)
    verdict.booked = sum(there.values())
    for name, status in statuses.items():
        expected = 0 if status in NEVER_THERE else 1
        verdict.never_there += 1 - expected
        if there[name] != expected:
            yield f"{name} is {status} here, and {there[name]} times at the exchange"
    for name in there.keys() - statuses.keys():
        yield f"{name} is at the exchange, and not in the journal"
    for (venue, name), count in ledger.requested.items():
        if count != 1:
            yield f"{venue} was asked {count} times for {name}"
    for order in ledger.orders.values():
        if order.status.is_open:
            yield f"{order.wanted.client_id} is open at the exchange"
        yield from _amounts(course, order)


def _amounts(course: Course, order: VenueOrder) -> Iterator[str]:
    rows = course.console.rows(
        "select quantity, filled from orders where client_order_id = ?", order.wanted.client_id
    )
    if rows and tuple(Decimal(str(each)) for each in rows[0]) != (
        order.wanted.quantity,
        order.filled,
    ):
        yield f"{order.wanted.client_id}: {rows[0]} here, {order.filled} filled there"


def _intents(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    asked = Counter(
        str(each["command_id"])
        for each in events
        if each["kind"] == "OrderSubmitted" and str(each.get("command_id", "")).startswith("tg")
    )
    for name, count in asked.items():
        if count != 1:
            yield f"{name} became {count} orders"


def _fills(course: Course, verdict: Verdict) -> Iterator[str]:
    """Each trade is booked once, with its amounts, on the order that made it."""
    here: Counter[tuple[object, ...]] = Counter(
        (str(row[0]), str(row[1]), str(row[2]), *(Decimal(str(each)) for each in row[3:]))
        for row in course.console.rows(
            "select venue, trade_id, client_order_id, quantity, price, fee from fills"
        )
    )
    there: Counter[tuple[object, ...]] = Counter(
        (
            trade.order.wanted.venue, _trade_id(trade), trade.order.wanted.client_id,
            trade.quantity, trade.price, trade.fee,
        )
        for trade in course.exchange.ledger.trades
    )  # fmt: skip
    verdict.fills = sum(there.values())
    for row in (there - here).elements():
        yield f"a fill is missing here: {row}"
    for row in (here - there).elements():
        yield f"a fill was never made: {row}"


def _trade_id(trade: VenueTrade) -> str:
    """Name a trade as its venue does on the wire."""
    return f"{'' if trade.order.wanted.venue == BINANCE else 'e'}{trade.trade_id}"


def _positions(course: Course) -> Iterator[str]:
    """What is held here is what the exchange holds, beside what was there before."""
    ledger, before = course.exchange.ledger, balances()
    for place in PLACES:
        rows = course.console.rows(
            "select quantity, side from positions"
            " where closed_at is null and venue = ? and symbol = ?",
            place.venue,
            place.symbol,
        )
        held = sum((Decimal(str(each)) * (-1 if side == "short" else 1) for each, side in rows))
        held = Decimal(held)
        if place.venue == BINANCE:
            purse = (BINANCE, place.listed.removesuffix(QUOTE))
            there = ledger.totals.get(purse, Decimal(0)) - before.get(purse, Decimal(0))
        else:
            position = ledger.positions.get((place.venue, place.listed))
            there = position.size if position is not None else Decimal(0)
        if abs(abs(held) - abs(there)) > TINY or held * there < 0:
            yield f"{place.key}: {held} here, {there} at the exchange"


def _told(course: Course, events: Iterable[Mapping[str, Any]], verdict: Verdict) -> Iterator[str]:
    """Each unknown order was told of after it began, and again after it ended."""
    texts = [(_wall(call), str(call.parameters.get("text", ""))) for call in course.calls]
    since: dict[str, float] = {}
    for event in events:
        name = _order_of(event)
        at = datetime.fromisoformat(str(event["at"])).timestamp()
        if event["kind"] == "OrderUnknown":
            verdict.unknown += 1
            since[name] = at
            if not _is_told(texts, name, at):
                yield f"nobody was told that {name} was unknown"
        elif event["kind"] in ENDS and name in since:
            del since[name]
            if not _is_told(texts, name, at, without="Unknown:"):
                yield f"nobody was told what became of {name}: {event['kind']}"
    yield from (f"{name} stayed unknown" for name in since)


def _order_of(event: Mapping[str, Any]) -> str:
    fill = event.get("fill")
    named = fill if isinstance(fill, Mapping) else event
    return str(named.get("client_order_id"))


def _is_told(
    texts: Iterable[tuple[float, str]], name: str, since: float, *, without: str | None = None
) -> bool:
    said = short(name, "O")
    return any(
        at >= since and said in text and (without is None or without not in text)
        for at, text in texts
    )


def _wall(call: SeenCall) -> float:
    return call.arrived_s + (time.time() - time.monotonic())
