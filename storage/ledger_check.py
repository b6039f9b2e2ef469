"""The paper venue's own ledger against the journal's fold: two books that were kept apart.

The venue stores an execution before it reports it, so its ledger may be ahead of the journal by
what is still on its way; it is never behind.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from engine import events as e
from engine.identities import instrument_key
from engine.instruments import cash_currency
from engine.numbers import ZERO, exact, plain
from engine.orders import Order
from engine.portfolio import is_swap
from engine.positions import Fill
from engine.reports import VenueOrderStatus
from engine.state import State
from engine.venues.ledger import LedgerSnapshot, Trade
from storage.chain import StoredEvent
from storage.codec import Codec
from storage.paper_ledger import ledger_of
from storage.verification import Verification, verified

PAPER = "paper"
FAULTS_MAX = 20
# The ledger keeps a swap's profit to eight decimals, the fold keeps every digit.
ROUNDING = Decimal("0.00000001")
# An execution that somebody else caused is fetched once a minute.
FETCHED_EVERY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck:
    """Say what was compared on one venue; `on_its_way` counts executions not booked here yet."""

    venue: str
    trades: int
    orders: int
    balances: int
    positions: int
    on_its_way: int
    faults: tuple[str, ...]


@dataclass(slots=True)
class _Journal:
    """Hold what the events say, of every age."""

    state: State = field(default_factory=State)
    cash: Decimal = ZERO
    last_at: datetime | None = None
    orders: dict[str, Order] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)

    def take(self, state: State, stored: StoredEvent) -> None:
        """Take in an event, and State after it."""
        self.state = state
        self.last_at = stored.at
        match stored.event:
            case e.JournalOpened(cash=cash):
                self.cash = cash
            case e.OrderSubmitted(order=order):
                self.orders[order.client_order_id] = order
            case e.FillBooked(fill=fill):
                self.fills[fill.identity] = fill
            case _:
                return


def books_checked(connection: Connection) -> tuple[Verification, tuple[LedgerCheck, ...]]:
    """Check the journal and, when it is sound, every ledger against it, in one view.

    Raises: JournalCorrupt when a ledger's rows cannot be read.
    """
    journal = _Journal()
    with exact():
        found = verified(connection, Codec(), journal.take)
        return found, _ledgers_checked(connection, journal) if found.is_sound else ()


def _ledgers_checked(connection: Connection, journal: _Journal) -> tuple[LedgerCheck, ...]:
    """Compare the ledger of every account with the journal; empty for a live journal.

    Raises: JournalCorrupt when the ledger's rows cannot be read.
    """
    identity = journal.state.journal
    if identity is None or identity.mode != PAPER:
        return ()
    return tuple(
        _checked(venue, journal, ledger_of(connection, venue)) for venue in identity.accounts
    )


def _checked(venue: str, journal: _Journal, ledger: LedgerSnapshot) -> LedgerCheck:
    booked = {key: fill for key, fill in journal.fills.items() if fill.venue == venue}
    waiting: list[Trade] = []
    faults = [*_trade_faults(venue, journal, ledger, dict(booked), waiting)]
    faults += _order_faults(venue, journal, ledger)
    faults += _sum_faults(venue, ledger)
    faults += _position_faults(venue, journal, ledger, waiting)
    faults += _cash_faults(venue, journal, ledger, waiting)
    return LedgerCheck(
        venue=venue,
        trades=len(ledger.trades),
        orders=len(ledger.orders),
        balances=len(ledger.balances),
        positions=len(ledger.positions),
        on_its_way=len(waiting),
        faults=tuple(faults[:FAULTS_MAX]),
    )


def _trade_faults(
    venue: str,
    journal: _Journal,
    ledger: LedgerSnapshot,
    unseen: dict[str, Fill],
    waiting: list[Trade],
) -> Iterator[str]:
    """Compare executions one by one; those on their way are put into `waiting`."""
    for trade in ledger.trades:
        fill = unseen.pop(f"{venue}:{trade.symbol}:{trade.trade_id}", None)
        if fill is None and _is_on_its_way(trade, journal):
            waiting.append(trade)
        elif fill is None:
            yield (
                f"{venue}: the ledger has the execution {trade.trade_id} on {trade.symbol}, "
                "the journal has not booked it."
            )
        else:
            for name, there, here in _compared(trade, fill):
                if there != here:
                    yield (
                        f"{venue}: execution {trade.trade_id} has the {name} {there} in the "
                        f"ledger and {here} in the journal."
                    )
    for fill in unseen.values():
        yield (
            f"{venue}: the journal booked the execution {fill.trade_id} on {fill.symbol}, the "
            "ledger has none of that name."
        )


def _compared(trade: Trade, fill: Fill) -> tuple[tuple[str, object, object], ...]:
    return (
        ("side", trade.side, fill.side),
        ("quantity", trade.quantity, fill.quantity),
        ("price", trade.price, fill.price),
        ("fee", trade.fee, fill.fee),
        ("fee currency", trade.fee_currency, fill.fee_currency),
        ("order", trade.client_order_id, fill.client_order_id),
    )


def _is_on_its_way(trade: Trade, journal: _Journal) -> bool:
    """Tell whether the journal could not have booked an execution yet."""
    if journal.last_at is None or trade.at >= journal.last_at:
        return True
    if trade.client_order_id is None:
        return trade.at + FETCHED_EVERY >= journal.last_at
    return trade.client_order_id in journal.state.orders


def _order_faults(venue: str, journal: _Journal, ledger: LedgerSnapshot) -> Iterator[str]:
    """Find orders that no event submitted, that are there twice, or that rest though finished."""
    seen: set[str] = set()
    for there in ledger.orders:
        name = there.client_order_id
        if name is None:
            continue
        here = journal.orders.get(name)
        if name in seen:
            yield f"{venue}: the ledger has the order {name} more than once."
        elif here is None:
            yield f"{venue}: the ledger has the order {name}, no event submitted it."
        elif (there.symbol, there.side, there.quantity) != (here.symbol, here.side, here.quantity):
            yield f"{venue}: the order {name} differs between ledger and journal."
        elif there.status is VenueOrderStatus.OPEN and name not in journal.state.orders:
            yield f"{venue}: the order {name} rests at the venue, the journal has finished it."
        seen.add(name)


def _sum_faults(venue: str, ledger: LedgerSnapshot) -> Iterator[str]:
    """Add up the ledger's own flows and executions: they must give its balances and positions."""
    totals: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    for flow in ledger.flows:
        totals[flow.currency] = totals.get(flow.currency, ZERO) + flow.amount
    for trade in ledger.trades:
        for currency, amount in _moved(trade).items():
            totals[currency] = totals.get(currency, ZERO) + amount
        if is_swap(trade.symbol):
            held[trade.symbol] = held.get(trade.symbol, ZERO) + trade.side.sign * trade.quantity
    kept = {balance.currency: balance.total for balance in ledger.balances}
    yield from _unequal(f"{venue}: the ledger's balance of", totals, kept)
    positions = {position.symbol: position.quantity for position in ledger.positions}
    yield from _unequal(f"{venue}: the ledger's position on", held, positions)


def _moved(trade: Trade) -> dict[str, Decimal]:
    """Give what an execution adds to each currency; negative takes away."""
    cash = cash_currency(trade.symbol)
    signed = trade.side.sign * trade.quantity
    amounts = {cash: trade.realised_pnl}
    if not is_swap(trade.symbol):
        amounts = {trade.symbol.partition("/")[0]: signed, cash: -signed * trade.price}
    amounts[trade.fee_currency] = amounts.get(trade.fee_currency, ZERO) - trade.fee
    return amounts


def _unequal(
    what: str, summed: Mapping[str, Decimal], kept: Mapping[str, Decimal]
) -> Iterator[str]:
    for name in sorted(summed.keys() | kept.keys()):
        added, stored = summed.get(name, ZERO), kept.get(name, ZERO)
        if added != stored:
            yield f"{what} {name} is {plain(stored)}, its entries add up to {plain(added)}."


def _position_faults(
    venue: str, journal: _Journal, ledger: LedgerSnapshot, waiting: list[Trade]
) -> Iterator[str]:
    """Compare positions, where nothing is on its way.

    A swap's must be equal. On spot the venue holds balances: ours must be covered by them.
    """
    moving = {instrument_key(venue, trade.symbol) for trade in waiting}
    swaps = {instrument_key(venue, p.symbol): p.quantity for p in ledger.positions}
    here = {
        key: position.quantity
        for key, position in journal.state.positions.items()
        if position.venue == venue and key not in moving
    }
    totals = {balance.currency: balance.total for balance in ledger.balances}
    for key in sorted(here.keys() | (swaps.keys() - moving)):
        symbol = key.partition(":")[2]
        ours = here.get(key, ZERO)
        if is_swap(symbol) and swaps.get(key, ZERO) != ours:
            yield (
                f"{key}: the position is {plain(swaps.get(key, ZERO))} in the ledger and "
                f"{plain(ours)} in the journal."
            )
        base = symbol.partition("/")[0]
        if not is_swap(symbol) and totals.get(base, ZERO) < ours:
            yield (
                f"{key}: the journal holds {plain(ours)}, the ledger has only "
                f"{plain(totals.get(base, ZERO))} {base}."
            )


def _cash_faults(
    venue: str, journal: _Journal, ledger: LedgerSnapshot, waiting: list[Trade]
) -> Iterator[str]:
    """Compare the reporting currency: opening cash, then what every execution moved.

    Deposits and withdrawals at the venue are its own affair and are taken out.
    """
    currency = journal.state.currency
    flows = [flow.amount for flow in ledger.flows if flow.currency == currency]
    if flows and flows[0] != journal.cash:
        yield (
            f"{venue}: the ledger began with {plain(flows[0])} {currency}, the journal with "
            f"{plain(journal.cash)}."
        )
    there = next((b.total for b in ledger.balances if b.currency == currency), ZERO)
    there -= sum(flows[1:], ZERO)
    there -= sum((_moved(trade).get(currency, ZERO) for trade in waiting), ZERO)
    here = journal.state.cash.get(instrument_key(venue, currency), ZERO)
    if abs(there - here) > ROUNDING * max(1, len(ledger.trades)):
        yield (
            f"{venue}: the cash is {plain(there)} {currency} in the ledger and {plain(here)} in "
            "the journal."
        )
