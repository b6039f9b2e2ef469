"""Portfolio: equity, exposure and free cash, in the reporting currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engine.external import ExternalOrder
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind, cash_currency
from engine.numbers import ONE, ZERO
from engine.orders import OrderSide
from engine.positions import Position
from engine.quotes import Quote
from engine.rates import Fresh, rate_of
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What the account is worth at given marks, in the reporting currency.

    E = cash + value of spot + unrealised of swaps, over all venues. `rates` are what one unit of
    each other currency was worth.
    """

    equity: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    gross: Decimal
    net: Decimal
    rates: Mapping[str, Decimal] = field(default_factory=dict)


def is_swap(symbol: str) -> bool:
    """Tell a linear swap from a pair by its settle currency."""
    return ":" in symbol


def any_age(_: Quote) -> bool:
    """Accept a quote however old it is."""
    return True


def valuation(
    state: State, quotes: Mapping[str, Quote], is_fresh: Fresh = any_age
) -> Valuation | None:
    """Value the account; None when a position, or cash in another currency, has no usable quote."""
    worths = {purse: amount for purse, amount in state.cash.items() if amount}
    currencies = {purse.rpartition(":")[2] for purse in worths}
    currencies |= {cash_currency(position.symbol) for position in state.positions.values()}
    rates = _rates(state, currencies, quotes, is_fresh)
    if rates is None:
        return None
    cash = sum((worth * rates[purse.rpartition(":")[2]] for purse, worth in worths.items()), ZERO)
    equity, unrealised, gross, net = cash, ZERO, ZERO, ZERO
    for key, position in state.positions.items():
        quote = quotes.get(key)
        if quote is None or not is_fresh(quote):
            return None
        rate = rates[cash_currency(position.symbol)]
        value = position.quantity * quote.mark * rate
        pnl = position.unrealised_pnl(quote.mark) * rate
        equity += pnl if is_swap(position.symbol) else value
        unrealised += pnl
        gross += abs(value)
        net += value
    return Valuation(
        equity=equity,
        cash=cash,
        unrealised_pnl=unrealised,
        gross=gross,
        net=net,
        rates={name: rate for name, rate in rates.items() if name != state.currency},
    )


def _rates(
    state: State, currencies: set[str], quotes: Mapping[str, Quote], is_fresh: Fresh
) -> dict[str, Decimal] | None:
    found = {state.currency: ONE}
    for currency in sorted(currencies - found.keys()):
        venues = state.venues_from()
        rate = rate_of(currency, state.currency, quotes, venues=venues, is_fresh=is_fresh)
        if rate is None:
            return None
        found[currency] = rate.value
    return found


def cash_free(state: State, venue: str, currency: str, fee_share: Decimal) -> Decimal:
    """Give the cash of a venue that no open entry and no swap margin holds."""
    held = state.cash.get(instrument_key(venue, currency), ZERO)
    margin = ZERO
    for position in state.positions.values():
        symbol = position.symbol
        if is_swap(symbol) and position.venue == venue and cash_currency(symbol) == currency:
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


def external_reserved_on(state: State) -> tuple[tuple[str, Decimal, int], ...]:
    """Give what orders that nobody here sent may open: key, worth, and +1 buys or -1 sells."""
    return tuple(
        (order.key, order.worth, order.side.sign)
        for orders in state.external_orders.values()
        for order in orders
        if _may_open(order, state)
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
