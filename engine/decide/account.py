"""The account decided: equity, breakers, days."""

from decimal import Decimal

from engine import events as e
from engine.commands import ENGINE, Actor, ActorKind, RearmBreaker, ReportDay, Role, TripBreaker
from engine.decide.kill_switch import cancel_entries
from engine.decide.turn import Turn
from engine.identities import digest
from engine.numbers import ZERO
from engine.portfolio import valuation
from engine.risk_limits import TradingState
from engine.state import DaySummary


def sample(turn: Turn) -> None:
    """Measure equity on fresh marks, and trip or warn; a stale mark freezes everything."""
    fresh = {
        key: quote
        for key in turn.state.positions
        if (quote := turn.context.fresh(key, turn.state)) is not None
    }
    worth = valuation(turn.state, fresh)
    if worth is None or turn.state.equity is None:
        return
    roll_day(turn)
    turn.add(
        e.EquitySampled(
            at=turn.now,
            command_id=turn.command_id,
            equity=worth.equity,
            cash=worth.cash,
            unrealised_pnl=worth.unrealised_pnl,
            gross=worth.gross,
            high_water=max(turn.state.equity.high_water, worth.equity),
        )
    )
    equity = turn.state.equity
    limits = turn.state.limits
    _judge(turn, "daily_loss", equity.day_loss_pct, limits.daily_loss_pct_max)
    _judge(turn, "drawdown", equity.drawdown_pct, limits.drawdown_pct_max)


def _judge(turn: Turn, kind: str, value: Decimal, limit: Decimal) -> None:
    if any(breaker.kind == kind for breaker in turn.state.breakers.values()):
        return
    name = kind.replace("_", " ").capitalize()
    if value >= limit:
        sentence = f"{name} {value:.2f}%, limit {limit:.2f}%"
        _trip(turn, kind, value, limit, sentence)
    elif value >= limit * turn.state.limits.warn_share and kind not in turn.state.warned:
        turn.add(e.BreakerWarned(at=turn.now, kind=kind, value=value, limit=limit))


def _trip(turn: Turn, kind: str, value: Decimal, limit: Decimal, sentence: str) -> None:
    turn.add(
        e.BreakerTripped(
            at=turn.now,
            command_id=turn.command_id,
            breaker_id=digest(turn.journal_id, kind, turn.now.isoformat(), length=12),
            kind=kind,
            value=value,
            limit=limit,
            action=TradingState.HALTED,
            sentence=sentence,
        )
    )
    if turn.state.entries():
        cancel_entries(turn, ENGINE, "breaker")


def trip(turn: Turn, command: TripBreaker) -> None:
    """Latch a breaker by hand."""
    _trip(turn, "manual", ZERO, ZERO, command.reason)


def rearm(turn: Turn, command: RearmBreaker) -> None:
    """Re-arm one breaker, or all: an owner's act."""
    if not _may(command.actor):
        turn.refuse(command.actor, "re-arm", "role", "Only an owner may re-arm a breaker.")
        return
    wanted = command.breaker_id
    ids = tuple(turn.state.breakers) if wanted is None else (wanted,)
    known = [breaker_id for breaker_id in ids if breaker_id in turn.state.breakers]
    if not known:
        turn.refuse(command.actor, "re-arm", "no_breaker", "That breaker is not tripped.")
        return
    for breaker_id in known:
        turn.add(
            e.BreakerRearmed(
                at=turn.now,
                command_id=turn.command_id,
                breaker_id=breaker_id,
                actor=command.actor,
            )
        )


def _may(actor: Actor) -> bool:
    return actor.role is Role.OWNER or actor.kind in (ActorKind.SHELL, ActorKind.PROGRAM)


def roll_day(turn: Turn) -> None:
    """Begin a new day (UTC); its opening equity is the last one measured before it."""
    equity = turn.state.equity
    today = turn.now.date()
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
        )
    )
