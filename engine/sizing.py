"""Sizing: from what a signal asks for to a quantity in base currency, before rounding."""

from dataclasses import dataclass
from decimal import Decimal

from engine.copies import quick
from engine.events import Breach
from engine.numbers import HUNDRED, ZERO
from engine.orders import OrderSide
from engine.signals import SignalAction, TradingSignal


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Give sizing what it needs: `price` is the worst price, `price_expected` the likely one.

    `held` is the size of the position; `equity` is in the reporting currency; `fee_share` is the
    taker's rate.
    """

    signal: TradingSignal
    side: OrderSide
    is_exit: bool
    price: Decimal
    price_expected: Decimal
    stop: Decimal | None
    equity: Decimal
    fee_share: Decimal
    held: Decimal


def quantity_wanted(sizing: Sizing) -> Decimal | Breach:
    """Give the quantity a signal asks for.

    A quote amount is divided by the worst price, so that it is never exceeded. Risk sizing solves
    q * (|entry - stop| + fee * (entry + stop)) = risk share * equity, so the loss at the stop,
    both fees included, is the risk. An exit without a size is the whole position.
    """
    signal = sizing.signal
    if signal.quantity is not None:
        return signal.quantity
    if signal.notional is not None:
        return signal.notional / sizing.price
    if signal.percent is not None:
        if sizing.is_exit:
            return sizing.held * signal.percent / HUNDRED
        return sizing.equity * signal.percent / HUNDRED / sizing.price
    if signal.risk_pct is not None and not sizing.is_exit:
        return _by_risk(sizing, signal.risk_pct)
    if sizing.is_exit and signal.action in (SignalAction.SELL, SignalAction.CLOSE):
        return sizing.held
    return Breach(rule="size", sentence="The size is missing: give a quantity or an amount.")


def _by_risk(sizing: Sizing, risk_pct: Decimal) -> Decimal | Breach:
    if sizing.stop is None:
        return Breach(rule="size", sentence="Sizing by risk needs a stop, for example sl 2%.")
    entry = sizing.price_expected
    distance = abs(entry - sizing.stop)
    loss = distance + sizing.fee_share * (entry + sizing.stop)
    if loss <= ZERO:
        return Breach(rule="size", sentence="The stop stands at the price; move it away.")
    return sizing.equity * risk_pct / HUNDRED / loss
