"""The fold of what fills move beside positions: purses, and fees in whatever they were paid."""

from decimal import Decimal
from typing import Any

from engine import events as e
from engine.copies import copied
from engine.equity import Equity
from engine.fold_orders import with_order
from engine.identities import instrument_key
from engine.instruments import cash_currency
from engine.numbers import ZERO
from engine.positions import Position
from engine.state import FeeOwed, State
from engine.tails import entered, opened, without

Changes = dict[str, Any]


def paid(state: State, event: e.FillBooked, cash: Decimal) -> Changes:
    """Let a fill move the purses: its cash, and its fee where that was paid in another currency.

    A fee out of something that is not counted, such as a holding, is money that came in and was
    spent: the equity stays, and the fee is a loss all the same.
    """
    fill = event.fill
    currency = cash_currency(fill.symbol)
    purse = instrument_key(fill.venue, currency)
    purses = opened(state.cash)
    if not event.to_holding or purse in purses or currency == state.currency:
        purses[purse] = purses.get(purse, ZERO) + cash
    changes: Changes = {"cash": purses}
    if fill.fee == ZERO or fill.fee_currency == currency or event.fee_base != ZERO:
        return changes
    beside = instrument_key(fill.venue, fill.fee_currency)
    if beside in purses:
        purses[beside] -= fill.fee
        return changes
    left = state.holdings.get(beside, ZERO) - fill.fee
    if left > ZERO:
        changes["holdings"] = entered(state.holdings, beside, left)
    else:
        changes["holdings"] = without(state.holdings, beside)
    if state.equity is not None and event.fee_quote != ZERO and not event.to_holding:
        changes["equity"] = _spent_beside(state.equity, event.fee_quote * event.rate)
    return changes


def _spent_beside(equity: Equity, worth: Decimal) -> Equity:
    """Give the record after a cost was paid by what is not counted: in, and spent at once."""
    return copied(equity.flowed(worth), equity=equity.equity, cash=equity.cash)


def owed_by(event: e.FillBooked, position: Position | None) -> FeeOwed:
    """Remember a fee that has no price yet, and who bears it."""
    fill = event.fill
    return FeeOwed(
        key=fill.key,
        client_order_id=fill.client_order_id,
        position_id=position.position_id if position is not None else None,
        currency=fill.fee_currency,
        amount=event.fee_owed,
        at=fill.at,
    )


def fee_settled(state: State, event: e.FeeSettled) -> Changes:
    """Book the cost of a fee that had no price at its fill: on the day, the order, the position."""
    owed = state.fees_owed[event.identity]
    worth = event.fee_quote * event.rate
    tally = copied(
        state.tally,
        fees=state.tally.fees + worth,
        realised_pnl=state.tally.realised_pnl - worth,
    )
    changes: Changes = {"fees_owed": without(state.fees_owed, event.identity), "tally": tally}
    order = state.order(owed.client_order_id) if owed.client_order_id is not None else None
    if order is not None:
        paid = order.fees + event.fee_quote
        earned = order.realised_pnl - event.fee_quote
        changes |= with_order(state, copied(order, fees=paid, realised_pnl=earned))
    position = state.positions.get(owed.key)
    if position is not None and position.position_id == owed.position_id:
        dearer = copied(
            position,
            fees=position.fees + event.fee_quote,
            realised_pnl=position.realised_pnl - event.fee_quote,
        )
        changes["positions"] = entered(state.positions, owed.key, dearer)
    venue = owed.key.partition(":")[0]
    if state.equity is not None and instrument_key(venue, owed.currency) not in state.cash:
        changes["equity"] = _spent_beside(state.equity, worth)
    return changes
