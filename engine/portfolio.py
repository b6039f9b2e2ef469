"""Portfolio: equity, exposure and free cash, in the reporting currency."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind
from engine.numbers import ZERO
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
    reserved = state.reserved.get(instrument_key(venue, currency))
    if reserved is None:
        return held - margin
    return held - margin - reserved.margin - reserved.notional * fee_share


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
