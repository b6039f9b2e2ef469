"""Limit use: what is used now of each limit that can be used up, as the rules count it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engine.context import measured_equity
from engine.exposure import exposure, largest_coin, largest_symbol, share_pct
from engine.instruments import Instrument
from engine.numbers import ZERO
from engine.quotes import Quote
from engine.rules.money import positions_held
from engine.rules.orders import entries_per_s, orders_open, sent_within_s
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """Say what is used of one limit: `field` of the limits, in `unit` (%, x, or nothing).

    `what` names what uses most of it, where that is one thing, such as a coin.
    """

    field: str
    value: Decimal
    limit: Decimal
    unit: str = ""
    what: str = ""

    @property
    def is_reached(self) -> bool:
        """Tell whether nothing more fits."""
        return self.value >= self.limit


def limit_uses(
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
    now: datetime,
) -> tuple[LimitUse, ...]:
    """Measure every limit that can be used up, the most watched first."""
    limits, equity, worth = state.limits, state.equity, measured_equity(state)
    around = exposure(state, quotes, "")
    coin, coined = largest_coin(state, quotes)
    symbol, sized = largest_symbol(state, quotes)

    def share(field: str, amount: Decimal, limit: Decimal, what: str = "") -> LimitUse:
        value = share_pct(amount, worth) if amount > ZERO else ZERO
        return LimitUse(field=field, value=value, limit=limit, unit="%", what=what)

    return (
        LimitUse(
            field="daily_loss_pct_max",
            value=equity.day_loss_pct if equity is not None else ZERO,
            limit=limits.daily_loss_pct_max,
            unit="%",
        ),
        LimitUse(
            field="drawdown_pct_max",
            value=equity.drawdown_pct if equity is not None else ZERO,
            limit=limits.drawdown_pct_max,
            unit="%",
        ),
        LimitUse(
            field="positions_max",
            value=Decimal(len(positions_held(state, instruments, quotes))),
            limit=Decimal(limits.positions_max),
        ),
        LimitUse(
            field="orders_open_max",
            value=Decimal(orders_open(state)),
            limit=Decimal(limits.orders_open_max),
        ),
        share("gross_pct_max", around.gross, limits.gross_pct_max),
        share("coin_pct_max", coined, limits.coin_pct_max, coin),
        LimitUse(
            field="leverage_max",
            value=around.gross / worth if worth > ZERO else ZERO,
            limit=limits.leverage_max,
            unit="x",
        ),
        share("net_pct_max", around.net, limits.net_pct_max),
        share("position_pct_max", sized, limits.position_pct_max, symbol),
        LimitUse(
            field="orders_per_s_max",
            value=Decimal(len(sent_within_s(state, now))),
            limit=Decimal(entries_per_s(limits.orders_per_s_max)),
        ),
    )
