"""The account decided: equity, days."""

from engine import events as e
from engine.commands import ReportDay
from engine.days import day_start_of
from engine.decide.breakers import EQUITY, judge
from engine.decide.fees import settle_fees
from engine.decide.turn import Turn
from engine.equity import DaySummary
from engine.portfolio import valuation


def sample(turn: Turn) -> None:
    """Measure equity on fresh marks, and trip or warn; a stale mark freezes everything."""
    settle_fees(turn)
    now, age_s_max = turn.now, turn.state.limits.quote_age_s_max
    quotes = turn.context.quotes
    worth = valuation(turn.state, quotes, lambda quote: quote.age_s(now) <= age_s_max)
    if worth is None or turn.state.equity is None:
        return
    roll_day(turn)
    priced = turn.state.equity.priced(worth.equity)
    turn.add(
        e.EquitySampled(
            at=turn.now,
            command_id=turn.command_id,
            equity=worth.equity,
            cash=worth.cash,
            unrealised_pnl=worth.unrealised_pnl,
            gross=worth.gross,
            high_water=priced.high_water,
            unit_value=priced.unit_value,
            rates=worth.rates,
        )
    )
    judge(turn, EQUITY)


def roll_day(turn: Turn) -> None:
    """Begin a new day; its opening equity is the last one measured before it, with its flows."""
    equity = turn.state.equity
    today = day_start_of(turn.state.day_starts).day_of(turn.now)
    if equity is None or equity.day >= today:
        return
    turn.add(
        e.DayRolled(at=turn.now, command_id=turn.command_id, day=today, day_open=equity.equity)
    )


def report_day(turn: Turn, command: ReportDay) -> None:
    """Report the last full day; on the first day, the day so far."""
    equity = turn.state.equity
    if equity is None:
        return
    day = turn.state.day_before or DaySummary(
        day=equity.day,
        day_open=equity.day_open,
        equity=equity.equity,
        drawdown_pct=equity.drawdown_pct,
        tally=turn.state.tally,
        flows=equity.day_flows,
    )
    tally = day.tally
    slippage = tally.slippage_bps_sum / tally.slippage_orders if tally.slippage_orders else None
    turn.add(
        e.DayReported(
            at=turn.now,
            command_id=turn.command_id,
            day=day.day,
            day_open=day.day_open,
            equity=day.equity,
            realised_pnl=tally.realised_pnl,
            fees=tally.fees,
            closed_trades=tally.closed_trades,
            won=tally.won,
            lost=tally.lost,
            best=tally.best,
            worst=tally.worst,
            volume=tally.volume,
            slippage_bps=slippage,
            incidents=tally.incidents,
            drawdown_pct=day.drawdown_pct,
            chain_head=command.chain_head,
            flows=day.flows,
            funding=tally.funding,
        )
    )
