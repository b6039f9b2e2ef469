"""Projections: what an event changes in the tables people query; pure, so a rebuild is a replay.

Each row is written whole. A row marked new must not be there yet: its identity is unique for ever.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import Table

from engine import events as e
from engine.numbers import exact
from engine.orders import Order
from engine.positions import Booking, Position, book
from engine.state import Chat, ReceivedSignal, State
from engine.tickets import Ticket
from storage import tables as t
from storage.codec import ORDERS, POSITIONS, TICKETS
from storage.statements import Values

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """Give one whole row, its primary key, and whether it must be new."""

    table: Table
    key: object
    values: Values
    is_new: bool = False


def projected(before: State, event: e.Event, after: State) -> Iterator[Projected]:
    """Give the rows that an event writes; `after.seq` is its number."""
    seq = after.seq
    if after.signals is not before.signals:
        for received in _changed(before.signals, after.signals):
            yield _signal(received, seq)
    if after.positions is not before.positions and not isinstance(event, e.FillBooked):
        # A fill writes its position itself. Others change one, too: a failed exit gives its
        # target back.
        for position in _changed(before.positions, after.positions):
            yield _position(position, seq)
    match event:
        case e.FillBooked():
            yield from _fill(before, event, after)
        case e.OrderSubmitted(order=order):
            yield from _order(after, order.client_order_id, is_new=True)
        case e.OrderRecalled(order=order):
            yield from _order(after, order.client_order_id)
        case (
            e.OrderNotSent()
            | e.ExitReleased()
            | e.OrderAccepted()
            | e.OrderRejected()
            | e.OrderUnknown()
            | e.OrderAsked()
            | e.OrderCancelRequested()
            | e.OrderCanceled()
            | e.OrderExpired()
            | e.OrderReappeared()
        ):
            yield from _order(after, event.client_order_id)
        case e.PositionAdopted(key=key, price=price):
            held = before.positions.get(key)
            if held is not None and key not in after.positions:
                gone = replace(held, quantity=Decimal(0))
                yield _position(gone, seq, closed_at=event.at, exit_price=price, held=held.quantity)
        case e.TicketOpened(ticket=ticket):
            yield from _ticket(after, ticket.ticket_id, is_new=True)
        case e.TicketConfirmed() | e.TicketEnded():
            yield from _ticket(after, event.ticket_id)
        case e.EquitySampled():
            yield _equity(event, seq)
        case e.DayRolled():
            yield _day(event.day, event.day_open, seq)
        case e.JournalOpened() if after.equity is not None:
            yield _day(after.equity.day, after.equity.day_open, seq)
        case e.ChatBound() | e.AlertModeSet():
            for chat in _changed(before.chats, after.chats):
                yield _chat(chat, seq)
        case _:
            # Every other kind changes State alone, or nothing.
            return


class Projection:
    """Gather the rows of many events: per table and key the last one, and the consumed commands."""

    def __init__(self) -> None:
        self._rows: dict[Table, dict[object, Projected]] = {}

    def add(self, before: State, event: e.Event, after: State) -> None:
        """Take in one event."""
        for row in projected(before, event, after):
            self._put(row)

    def consume(self, command_ids: Iterable[tuple[str, int]]) -> None:
        """Take in command ids with the number of their first event."""
        for command_id, seq in command_ids:
            self._put(
                Projected(
                    table=t.COMMANDS,
                    key=command_id,
                    values={"command_id": command_id, "seq": seq},
                    is_new=True,
                )
            )

    def _put(self, row: Projected) -> None:
        rows = self._rows.setdefault(row.table, {})
        known = rows.get(row.key)
        assert known is None or not row.is_new, f"{row.table.name}: {row.key} is there twice"
        is_new = row.is_new if known is None else known.is_new
        rows[row.key] = Projected(table=row.table, key=row.key, values=row.values, is_new=is_new)

    def new(self) -> Iterator[tuple[Table, list[Values]]]:
        """Give the rows to insert, by table."""
        for table, rows in self._rows.items():
            yield table, [row.values for row in rows.values() if row.is_new]

    def changed(self) -> Iterator[tuple[Table, list[Values]]]:
        """Give the rows to insert or replace, by table."""
        for table, rows in self._rows.items():
            yield table, [row.values for row in rows.values() if not row.is_new]

    def all(self, table: Table) -> dict[object, Values]:
        """Give every row of a table by key."""
        return {key: row.values for key, row in self._rows.get(table, {}).items()}


def _changed(before: Mapping[str, V], after: Mapping[str, V]) -> list[V]:
    return [value for key, value in after.items() if before.get(key) is not value]


def _fill(before: State, event: e.FillBooked, after: State) -> Iterator[Projected]:
    fill = event.fill
    if event.to_holding:
        # It moved cash and a holding; no position of ours, and nothing was realised here.
        yield _fill_row(event, None, after.seq, None)
        return
    with exact():
        booking = book(
            before.positions.get(fill.key),
            fill,
            fee_quote=event.fee_quote,
            fee_base=event.fee_base,
            is_swap=event.is_swap,
        )
    held = before.positions.get(fill.key)
    position = after.positions.get(fill.key)
    ended = booking.closed
    if ended is None and position is None:
        # A fee paid in base currency can take the last of a position.
        ended = held
    if ended is not None and held is not None:
        yield _position(
            ended, after.seq, closed_at=fill.at, exit_price=fill.price, held=held.quantity
        )
    if position is not None:
        yield _position(position, after.seq)
    touched = ended or position
    yield _fill_row(event, booking, after.seq, None if touched is None else touched.position_id)
    if fill.client_order_id is not None:
        yield from _order(after, fill.client_order_id)


def _fill_row(
    event: e.FillBooked, booking: Booking | None, seq: int, position_id: str | None
) -> Projected:
    fill = event.fill
    values: Values = {
        "identity": fill.identity,
        "seq": seq,
        "venue": fill.venue,
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "fee_currency": fill.fee_currency,
        "fee_quote": event.fee_quote,
        "realised_pnl": booking.realised if booking is not None else Decimal(0),
        "liquidity": None if fill.liquidity is None else fill.liquidity.value,
        "is_late": event.is_late,
        "client_order_id": fill.client_order_id,
        "position_id": position_id,
        "at": fill.at,
    }
    return Projected(table=t.FILLS, key=fill.identity, values=values, is_new=True)


def _order(after: State, client_order_id: str, *, is_new: bool = False) -> Iterator[Projected]:
    order = after.order(client_order_id)
    if order is not None:
        yield Projected(
            table=t.ORDERS,
            key=client_order_id,
            values=_order_values(order, after.seq),
            is_new=is_new,
        )


def _order_values(order: Order, seq: int) -> Values:
    return {
        "client_order_id": order.client_order_id,
        "seq": seq,
        "venue": order.venue,
        "symbol": order.symbol,
        "side": order.side.value,
        "kind": order.kind.value,
        "purpose": order.purpose.value,
        "status": order.status.value,
        "quantity": order.quantity,
        "filled": order.filled,
        "price_average": order.price_average,
        "fees": order.fees,
        "realised_pnl": order.realised_pnl,
        "strategy": order.strategy,
        "submitted_at": order.submitted_at,
        "finished_at": order.finished_at,
        "document": ORDERS.encode(order),
    }


def _position(
    position: Position,
    seq: int,
    *,
    closed_at: datetime | None = None,
    exit_price: Decimal | None = None,
    held: Decimal | None = None,
) -> Projected:
    values: Values = {
        "position_id": position.position_id,
        "seq": seq,
        "venue": position.venue,
        "symbol": position.symbol,
        "side": "long" if (position.quantity if held is None else held) > 0 else "short",
        "quantity": position.quantity,
        "quantity_peak": position.quantity_peak,
        "entry_price": position.entry_price,
        "exit_price": exit_price,
        "realised_pnl": position.realised_pnl,
        "fees": position.fees,
        "strategy": position.strategy,
        "opened_at": position.opened_at,
        "closed_at": closed_at,
        "document": POSITIONS.encode(position),
    }
    return Projected(table=t.POSITIONS, key=position.position_id, values=values)


def _ticket(after: State, ticket_id: str, *, is_new: bool = False) -> Iterator[Projected]:
    ticket: Ticket | None = after.ticket(ticket_id)
    if ticket is not None:
        values: Values = {
            "ticket_id": ticket_id,
            "seq": after.seq,
            "status": ticket.status.value,
            "symbol": ticket.symbol,
            "opened_at": ticket.opened_at,
            "ended_at": ticket.ended_at,
            "document": TICKETS.encode(ticket),
        }
        yield Projected(table=t.TICKETS, key=ticket_id, values=values, is_new=is_new)


def _signal(received: ReceivedSignal, seq: int) -> Projected:
    values: Values = {
        "signal_id": received.signal_id,
        "seq": seq,
        "at": received.at,
        "venue": received.venue,
        "symbol": received.signal.symbol,
        "action": received.signal.action.value,
        "strategy": received.signal.strategy,
        "actor": received.actor,
        "outcome": received.outcome,
    }
    return Projected(table=t.SIGNALS, key=received.signal_id, values=values)


def _equity(event: e.EquitySampled, seq: int) -> Projected:
    values: Values = {
        "seq": seq,
        "at": event.at,
        "equity": event.equity,
        "cash": event.cash,
        "unrealised_pnl": event.unrealised_pnl,
        "gross": event.gross,
        "high_water": event.high_water,
    }
    return Projected(table=t.EQUITY, key=seq, values=values, is_new=True)


def _day(day: object, day_open: Decimal, seq: int) -> Projected:
    values: Values = {"day": day, "seq": seq, "day_open": day_open}
    return Projected(table=t.DAYS, key=day, values=values)


def _chat(chat: Chat, seq: int) -> Projected:
    modes = {kind: mode.value for kind, mode in sorted(chat.modes.items())}
    values: Values = {
        "chat_id": chat.chat_id,
        "seq": seq,
        "user_id": chat.user_id,
        "is_group": chat.is_group,
        "modes": json.dumps(modes),
    }
    return Projected(table=t.CHATS, key=chat.chat_id, values=values)
