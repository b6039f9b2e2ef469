"""Portfolio: equity, exposure and free cash, in the reporting currency."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.external import ExternalOrder
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind, cash_currency
from engine.numbers import ZERO
from engine.orders import OrderSide
from engine.positions import Position
from engine.quotes import Quote
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What the account is worth at given marks: E = cash + value of spot + unrealised of swaps."""

    equity: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    gross: Decimal
    net: Decimal


def is_swap(symbol: str) -> bool:
    """Tell a linear swap from a pair by its settle currency."""
    return ":" in symbol


def valuation(state: State, quotes: Mapping[str, Quote]) -> Valuation | None:
    """Value the account; None when a position has no quote among `quotes`."""
    cash = sum(
        (amount for purse, amount in state.cash.items() if purse.endswith(f":{state.currency}")),
        ZERO,
    )
    equity, unrealised, gross, net = cash, ZERO, ZERO, ZERO
    for key, position in state.positions.items():
        quote = quotes.get(key)
        if quote is None:
            return None
        value = position.quantity * quote.mark
        pnl = position.unrealised_pnl(quote.mark)
        equity += pnl if is_swap(position.symbol) else value
        unrealised += pnl
        gross += abs(value)
        net += value
    return Valuation(equity=equity, cash=cash, unrealised_pnl=unrealised, gross=gross, net=net)


def cash_free(state: State, venue: str, currency: str, fee_share: Decimal) -> Decimal:
    """Give the cash of a venue that no open entry and no swap margin holds."""
    held = state.cash.get(instrument_key(venue, currency), ZERO)
    margin = ZERO
    for position in state.positions.values():
        if is_swap(position.symbol) and position.venue == venue:
            margin += abs(position.quantity) * position.entry_price / position.leverage
    held -= external_reserved(state, venue, currency)
    reserved = state.reserved.get(instrument_key(venue, currency))
    if reserved is None:
        return held - margin
    return held - margin - reserved.margin - reserved.notional * fee_share


def external_reserved(state: State, venue: str, currency: str) -> Decimal:
    """Give what orders that nobody here sent may still take of a venue's cash, unlevered."""
    return sum(
        (
            order.worth
            for order in state.external_orders.get(venue, ())
            if _may_open(order, state) and cash_currency(order.symbol) == currency
        ),
        ZERO,
    )


def external_keys(state: State) -> set[str]:
    """Name the instruments on which an order that nobody here sent may open a position."""
    orders = (order for each in state.external_orders.values() for order in each)
    return {order.key for order in orders if _may_open(order, state)}


def _may_open(order: ExternalOrder, state: State) -> bool:
    """Tell whether an external order may enlarge exposure: a spot sell sells a holding."""
    if not is_swap(order.symbol):
        return order.side is OrderSide.BUY
    held = state.positions.get(order.key)
    if held is None or held.exit_side is not order.side:
        return True
    return order.remaining > abs(held.quantity)


def closing_price(position: Position, quotes: Mapping[str, Quote]) -> Decimal:
    """Give what a venue would value a close at: the latest quote's price, or the entry's."""
    quote = quotes.get(position.key)
    if quote is None:
        return position.entry_price
    return quote.bid if position.is_long else quote.ask


def is_dust(
    position: Position, instruments: Mapping[str, Instrument], quotes: Mapping[str, Quote]
) -> bool:
    """Tell whether a position is too small to close now; unknown instruments are never dust."""
    instrument = instruments.get(position.key)
    if instrument is None:
        return False
    spot = instrument.kind is InstrumentKind.SPOT
    return instrument.is_dust(position.quantity, closing_price(position, quotes) if spot else None)
