"""Tickets: a signal priced, sized and checked, immutable, waiting for a person."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from engine.confirming import Confirmation
from engine.exit_plan import NO_PLAN, ExitPlan
from engine.identities import instrument_key, short
from engine.orders import OrderKind, OrderPurpose, OrderSide
from engine.quotes import Quote
from engine.scaling import Scaling
from engine.signals import Target, TradingSignal

TEN = Decimal(10)


class TicketStatus(StrEnum):
    """OPEN waits; every other status is final."""

    OPEN = "open"
    APPROVED = "approved"
    CANCELED = "canceled"
    EXPIRED = "expired"
    MOVED = "moved"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Give one reason why a ticket asks: rule, measured value and limit, in a plain sentence."""

    rule: str
    confirmation: Confirmation
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """Show one target of a ticket: its price, its share, and the PnL there after fees."""

    price: Decimal
    fraction: Decimal
    pnl: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Show what a ticket would do at the worst: shares of equity in percent, before and after.

    Exposure counts positions, every open entry and this one filled whole. The drawdown after is
    that of its stop filled with nothing else moved, fees included; None without a stop.
    """

    gross_pct: Decimal
    gross_pct_after: Decimal
    gross_pct_max: Decimal
    coin_pct: Decimal
    coin_pct_after: Decimal
    coin_pct_max: Decimal
    drawdown_pct: Decimal
    drawdown_pct_after: Decimal | None
    drawdown_pct_max: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Offer exactly one order to a person; everything on its card stands here and never changes.

    Amounts are in quote currency; `slippage_bps` is an estimate, positive = cost; `cost_max` is the
    most it can cost (fees excluded) at its price limit; `owner_id` is the person it was made for.
    `confirmed_*` tell who confirmed first, where it takes two people; `scaling` how a strategy's
    amount became this one.
    """

    ticket_id: str
    client_order_id: str
    command_id: str
    signal: TradingSignal
    venue: str
    symbol: str
    side: OrderSide
    kind: OrderKind
    purpose: OrderPurpose
    quantity: Decimal
    price_limit: Decimal | None
    quote: Quote
    leverage: Decimal
    cost: Decimal
    cost_max: Decimal
    fee: Decimal
    slippage_bps: Decimal
    stop: Decimal | None
    stop_pnl: Decimal | None
    targets: tuple[TargetView, ...]
    risk_pct: Decimal | None
    quantity_after: Decimal
    asks: tuple[Ask, ...]
    confirmation: Confirmation
    owner_id: int | None
    actor: str
    opened_at: datetime
    expires_at: datetime
    status: TicketStatus = TicketStatus.OPEN
    ended_at: datetime | None = None
    ended_by: str | None = None
    what_if: WhatIf | None = None
    plan: ExitPlan = NO_PLAN
    confirmed_at: datetime | None = None
    confirmed_by: str | None = None
    confirmed_by_id: int | None = None
    scaling: Scaling | None = None

    @property
    def key(self) -> str:
        """Name the ticket's instrument."""
        return instrument_key(self.venue, self.symbol)

    @property
    def short_id(self) -> str:
        """Give the name a person reads, for example T-7K4M."""
        return short(self.ticket_id, "T")

    @property
    def amount(self) -> Decimal:
        """Give the amount that Confirm names: what a buy costs at most, what a sell is worth."""
        is_spending = self.side is OrderSide.BUY and self.purpose is OrderPurpose.ENTRY
        return self.cost_max if is_spending else self.cost

    @property
    def amount_typed(self) -> Decimal:
        """Give the amount as a person types it: rounded up to a whole, below 10 to two digits."""
        whole = Decimal(1)
        if self.amount < TEN:
            whole = Decimal((0, (1,), self.amount.adjusted() - 1))
        return self.amount.quantize(whole, rounding=ROUND_CEILING)

    @property
    def order_targets(self) -> tuple[Target, ...]:
        """Give the targets as prices, the way the order carries them."""
        return tuple(Target(price=view.price, fraction=view.fraction) for view in self.targets)
