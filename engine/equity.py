"""Equity: the record of what the account is worth, and what the day counts."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from engine.copies import copied, quick
from engine.numbers import HUNDRED, ONE, ZERO


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Equity:
    """The equity record, in the reporting currency; `at` is when it was last measured fresh.

    Drawdown goes by the value of one unit, as a fund's does: the account is divided into `units`,
    money that comes or goes buys or returns some at their value then, and `unit_high` is the
    highest value one ever had; `high_water` is that of all of today's units, in money.
    `flow_pending` is what came in, net, since the last fresh measurement; the next one gives its
    price. `day_open` and `loss_base` include what came in since the day opened, and since the base
    was set: those parts are `day_flows` and `loss_flows`.
    """

    at: datetime
    equity: Decimal
    cash: Decimal
    unrealised_pnl: Decimal
    gross: Decimal
    high_water: Decimal
    day: date
    day_open: Decimal
    loss_base: Decimal
    units: Decimal = ONE
    unit_value: Decimal = ZERO
    unit_high: Decimal = ZERO
    flow_pending: Decimal = ZERO
    day_flows: Decimal = ZERO
    loss_flows: Decimal = ZERO

    @property
    def drawdown_pct(self) -> Decimal:
        """Give (high-water mark - value) / high-water mark of one unit, in percent; 0 or above."""
        if self.unit_high <= ZERO:
            return ZERO
        return max(ZERO, (self.unit_high - self.unit_value) / self.unit_high * HUNDRED)

    @property
    def day_pnl(self) -> Decimal:
        """Give the equity gained since the day opened, without what came in or went out."""
        return self.equity - self.day_open

    @property
    def day_pct(self) -> Decimal | None:
        """Give the day's gain as a share of its opening equity, in percent; None without one."""
        return _share_pct(self.day_pnl, self.day_open, self.day_flows)

    @property
    def day_loss_pct(self) -> Decimal:
        """Give opening equity + flows - equity, a share of the opening, in percent; 0 on a gain.

        After a re-arming the opening is the equity then. Where the day opened with nothing, what
        came in since stands for it.
        """
        lost = _share_pct(self.loss_base - self.equity, self.loss_base, self.loss_flows)
        return max(ZERO, lost) if lost is not None else ZERO

    def priced(self, worth: Decimal) -> "Equity":
        """Give the record once the account is worth this on fresh marks.

        What came in since the last time buys units at the value that the rest has now. An account
        that was lost whole and is paid into again begins anew.
        """
        before = worth - self.flow_pending
        if self.units <= ZERO or (before <= ZERO < worth):
            return self._begun(worth)
        value = max(ZERO, before / self.units)
        high, units = max(self.unit_high, value), self.units
        if self.flow_pending != ZERO and value > ZERO:
            units = max(ZERO, worth / value)
        return copied(
            self,
            equity=worth,
            units=units,
            unit_value=value,
            unit_high=high,
            high_water=high * units,
            flow_pending=ZERO,
        )

    def _begun(self, worth: Decimal) -> "Equity":
        """Give the record of an account that held nothing: its units keep their last value."""
        is_known = self.units <= ZERO < self.unit_value
        value = self.unit_value if is_known else max(ZERO, worth)
        high = max(self.unit_high, value) if is_known else value
        units = max(ZERO, worth) / value if value > ZERO else ZERO
        return copied(
            self,
            equity=worth,
            units=units,
            unit_value=value,
            unit_high=high,
            high_water=high * units,
            flow_pending=ZERO,
        )

    def loss_begun(self) -> "Equity":
        """Give the record from which on a daily loss counts anew: one further limit from here."""
        return copied(self, loss_base=self.equity, loss_flows=ZERO)

    def mark_reset(self) -> "Equity":
        """Give the record with its high-water mark where it stands."""
        return copied(self, unit_high=self.unit_value, high_water=self.equity)

    def marked_high(self, high_water: Decimal) -> "Equity":
        """Give the record with this high-water mark, in money."""
        unit_high = high_water / self.units if self.units > ZERO else high_water
        return copied(self, high_water=high_water, unit_high=unit_high)

    def flowed(self, amount: Decimal, *, is_opening: bool = False) -> "Equity":
        """Give the record after money came in or went out: neither a gain nor a loss.

        The first count of an account is what the day opened with.
        """
        flow = ZERO if is_opening else amount
        # Until the next measurement gives the price, the mark moves as if it were the last one.
        high = self.high_water + amount
        if self.unit_value > ZERO:
            high = self.high_water + self.unit_high * amount / self.unit_value
        return copied(
            self,
            equity=self.equity + amount,
            cash=self.cash + amount,
            high_water=max(ZERO, high),
            flow_pending=self.flow_pending + amount,
            day_open=self.day_open + amount,
            loss_base=self.loss_base + amount,
            day_flows=self.day_flows + flow,
            loss_flows=self.loss_flows + flow,
        )


def _share_pct(part: Decimal, with_flows: Decimal, flows: Decimal) -> Decimal | None:
    opening = with_flows - flows
    base = opening if opening > ZERO else with_flows
    return part / base * HUNDRED if base > ZERO else None


def opened(at: datetime, cash: Decimal, day: date) -> Equity:
    """Give the first record of an account: one unit, worth all of it."""
    return Equity(
        at=at,
        equity=cash,
        cash=cash,
        unrealised_pnl=ZERO,
        gross=ZERO,
        high_water=cash,
        day=day,
        day_open=cash,
        loss_base=cash,
        units=ONE if cash > ZERO else ZERO,
        unit_value=cash,
        unit_high=cash,
    )


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class DayTally:
    """What the day's report counts, in the reporting currency.

    `funding` is what open swaps paid (negative) or received; it is not in `realised_pnl`.
    """

    realised_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    volume: Decimal = ZERO
    closed_trades: int = 0
    won: int = 0
    lost: int = 0
    best: Decimal | None = None
    worst: Decimal | None = None
    slippage_bps_sum: Decimal = ZERO
    slippage_orders: int = 0
    incidents: int = 0
    errors: int = 0
    denied: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary:
    """The day before this one, as it closed."""

    day: date
    day_open: Decimal
    equity: Decimal
    drawdown_pct: Decimal
    tally: DayTally
    flows: Decimal = ZERO
