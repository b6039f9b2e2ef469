"""Risk rules: the table of pre-trade checks, each a pure function that gives a breach or None.

All are evaluated and every breach is told. What a rule's edge is stands in its limit: exactly at a
limit passes, but for losses, which are over once they are reached.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.events import Breach
from engine.rules import money, orders, standing
from engine.rules.case import Case

Check = Callable[[Case], Breach | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Name a check; `exits` tells whether it may refuse an exit too."""

    name: str
    check: Check
    exits: bool = False


RULES: tuple[Rule, ...] = (
    Rule(name="trading_state", check=standing.trading_state),
    Rule(name="symbol_state", check=standing.symbol_state),
    Rule(name="instrument", check=standing.instrument),
    Rule(name="metadata", check=standing.metadata),
    Rule(name="minimum", check=orders.minimum, exits=True),
    Rule(name="maximum", check=orders.maximum),
    Rule(name="flip", check=orders.flip, exits=True),
    Rule(name="order_size", check=orders.order_size),
    Rule(name="collar", check=orders.collar),
    Rule(name="slippage", check=orders.slippage),
    Rule(name="duplicate", check=orders.duplicate),
    Rule(name="order_rate", check=orders.order_rate),
    Rule(name="open_orders", check=orders.open_orders),
    Rule(name="balance", check=money.balance),
    Rule(name="self_trade", check=orders.self_trade),
    Rule(name="positions", check=money.positions),
    Rule(name="position_size", check=money.position_size),
    Rule(name="coin", check=money.coin),
    Rule(name="gross", check=money.gross),
    Rule(name="net", check=money.net),
    Rule(name="leverage", check=money.leverage),
    Rule(name="account_leverage", check=money.account_leverage),
    Rule(name="daily_loss", check=money.daily_loss),
    Rule(name="drawdown", check=money.drawdown),
    Rule(name="signal_age", check=orders.signal_age),
    Rule(name="clock_skew", check=standing.clock_skew),
    Rule(name="unknown", check=standing.unknown),
    Rule(name="armed", check=standing.armed),
)
