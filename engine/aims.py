"""Aims: which side of which order a signal means, given what is held."""

from engine.context import Context
from engine.events import Breach
from engine.instruments import Instrument
from engine.numbers import ZERO, age_text, plain
from engine.orders import OrderPurpose, OrderSide
from engine.positions import Position
from engine.signals import SignalAction
from engine.state import State


def aim_of(
    action: SignalAction, instrument: Instrument, position: Position | None
) -> tuple[OrderSide, OrderPurpose] | Breach:
    """Give side and purpose, or why the signal means nothing here."""
    held = position.quantity if position is not None else ZERO
    match action:
        case SignalAction.BUY:
            return OrderSide.BUY, OrderPurpose.EXIT if held < ZERO else OrderPurpose.ENTRY
        case SignalAction.SELL:
            if held > ZERO:
                return OrderSide.SELL, OrderPurpose.EXIT
            short = "; a short needs the word short and a swap (perp)"
            return Breach(
                rule="nothing_held",
                sentence=f"You hold no {instrument.base} on {instrument.symbol}{short}.",
                value="0",
            )
        case SignalAction.SHORT:
            if instrument.kind.value != "swap":
                return Breach(
                    rule="short_spot",
                    sentence=f"{instrument.symbol} is spot and cannot be shorted; add perp.",
                )
            if held > ZERO:
                return Breach(
                    rule="flip",
                    sentence=f"You are long {plain(held)} {instrument.base}; close it first.",
                    value=plain(held),
                )
            return OrderSide.SELL, OrderPurpose.ENTRY
        case SignalAction.CLOSE:
            if held == ZERO:
                return Breach(
                    rule="nothing_held",
                    sentence=f"There is no position on {instrument.symbol} to close.",
                    value="0",
                )
            return (OrderSide.SELL if held > ZERO else OrderSide.BUY), OrderPurpose.EXIT


def stale_price(context: Context, key: str, state: State) -> Breach:
    """Say that an entry needs a fresh price."""
    known = context.quotes.get(key)
    age = "none yet" if known is None else f"{age_text(known.age_s(context.now))} old"
    return Breach(
        rule="price_age",
        sentence=f"Price {age}, limit {state.limits.quote_age_s_max} s.",
        limit=f"{state.limits.quote_age_s_max} s",
        value=age,
    )
