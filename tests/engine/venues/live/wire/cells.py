"""The cells of the capability table: what each venue is asked, and what leaves ccxt for it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.instruments import InstrumentKind
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.venues.live import calls
from engine.venues.live.calls import Call
from engine.venues.live.capabilities_terms import Capabilities, Question, Segment, StopForm
from tests.engine.venues.live.wire import wire
from tests.engine.venues.live.wire.wire import SPOT, SWAP, Request

VENUES = (
    "binance", "bybit", "okx", "kraken", "kucoin", "gate",
    "bitget", "coinbase", "htx", "mexc", "bitfinex", "bitstamp",
)  # fmt: skip
BOOKS = ("plain", "trigger")
OF_ORDERS = ("create", "list", "fetch", "cancel")
OF_ACCOUNT = ("trades", "balances")
OF_SWAPS = ("positions", "leverage")
SYMBOLS = {InstrumentKind.SPOT: SPOT, InstrumentKind.SWAP: SWAP}
REFUSED = "refused: "
TRIGGER, LEVERAGE = Decimal(60000), Decimal(3)
# What changes from one run to the next.
MOVING = frozenset(
    "nonce timestamp signature Signature Timestamp AccessKeyId SignatureMethod SignatureVersion"
    " recvWindow deadline end".split()
)
Cell = tuple[str, str, str, str]


def read() -> dict[Cell, list[str]]:
    """Read the table: a line with a cell's name, and below it what leaves, a request per line."""
    cells: dict[Cell, list[str]] = {}
    lines: list[str] = []
    for line in Path(__file__).with_name("cells.txt").read_text().splitlines():
        if line.startswith(" "):
            lines.append(line.strip())
        elif line and not line.startswith("#"):
            venue, kind, book, operation = line.split()
            lines = cells[venue, kind, book, operation] = []
    return cells


def wanted() -> Iterator[Cell]:
    """Name every cell that there has to be."""
    for venue in VENUES:
        for kind in InstrumentKind:
            for book in BOOKS:
                for operation in (*OF_ORDERS, *OF_ACCOUNT):
                    yield venue, kind.value, book, operation
            for operation in OF_SWAPS if kind is InstrumentKind.SWAP else ():
                yield venue, kind.value, "plain", operation


def shown(request: Request, name: str) -> str:
    """Write a request in one line, our name as {id}."""
    fields = " ".join(f"{k}={v}" for k, v in sorted(request.fields.items()) if k not in MOVING)
    return f"{request.verb} {request.path} {fields}".strip().replace(name, "{id}")


def refusal(table: Capabilities, cell: Cell) -> str | None:
    """Say why a venue is not asked at all; None where it is."""
    _, kind, book, operation = cell
    segment = table.segment(InstrumentKind(kind))
    if segment is None:
        return table.swap_refusal
    if book == "plain" or segment.stop.form is not StopForm.NONE or operation in OF_ACCOUNT:
        return None
    if operation == "list" and any(map(_is_of_triggers, segment.listings)):
        return None  # somebody else's
    return segment.stop.refusal


def order(venue: str, segment: Segment, book: str, **fields: Any) -> Order:
    """Make a buy, or the stop that protects a long position."""
    swap = segment.kind is InstrumentKind.SWAP
    made: dict[str, Any] = {
        "quantity": Decimal("0.03" if swap else "0.3"), "price_limit": Decimal(61240)
    }  # fmt: skip
    if book == "trigger":
        behind = Decimal(59900) if segment.stop.form is StopForm.LIMIT else None
        made |= {
            "kind": OrderKind.STOP, "side": OrderSide.SELL, "purpose": OrderPurpose.EXIT,
            "price_trigger": TRIGGER, "price_limit": behind,
        }  # fmt: skip
    return wire.order(venue, SYMBOLS[segment.kind], **(made | fields))


def asked(table: Capabilities, segment: Segment, book: str, operation: str) -> list[Call]:
    """Give the calls of a cell. Raises: InvalidInput where the venue cannot be asked."""
    symbol = SYMBOLS[segment.kind]
    match operation:
        case "create":
            made = order(table.venue, segment, book)
            contract = "0.01" if segment.kind is InstrumentKind.SWAP else "1"
            return [calls.create(table, made, wire.instrument(table.venue, symbol, contract))]
        case "fetch":
            made = order(table.venue, segment, book)
            return [each.call for each in calls.lookups(table, made)]
        case "cancel":
            made = order(table.venue, segment, book, venue_order_id="98765")
            return list(calls.cancels(table, made))
        case "list":
            return list(calls.open_orders(_listing(table, segment, book), [symbol]))
        case "trades":
            return list(calls.trades(table, [SPOT, SWAP], wire.AT, segment.kind))
        case "balances":
            return list(calls.balances(table))
        case "positions":
            return list(calls.positions(table))
    assert operation == "leverage"
    return [calls.leverage(table, symbol, LEVERAGE)]


def _listing(table: Capabilities, segment: Segment, book: str) -> Capabilities:
    """Leave of a table the list of one book; where both are one, that list is both."""
    own = tuple(filter(_is_of_triggers, segment.listings))
    plain = tuple(each for each in segment.listings if each not in own)
    if not own and segment.trigger != segment.plain:
        own = tuple(filter(_is_of_triggers, table.spot.listings))  # one for all kinds
    kept = replace(segment, listings=own if book == "trigger" and own else plain)
    other = frozenset(InstrumentKind) - {segment.kind}
    if segment.kind is InstrumentKind.SPOT:
        return replace(table, spot=kept, unused=other)
    return replace(table, swap=kept, unused=other)


def _is_of_triggers(question: Question) -> bool:
    return any(question.params.get(each) for each in ("trigger", "stopLossTakeProfit", "trailing"))
