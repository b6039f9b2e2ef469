"""Levels: the rows of stop, targets and what is left that tickets, fill cards, positions share."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from bot.screens import figures
from bot.screens.layout import line, plain_text, shortened
from bot.views.positions import LevelView
from bot.views.scene import Listing, Scene
from engine.exit_plan import ExitPlan
from engine.orders import Order
from engine.positions import Position

_HALF = Decimal("0.5")


def level_lines(
    levels: Sequence[LevelView], tick: Decimal | None, rows_max: int = 6
) -> tuple[str, ...]:
    """Write a row for each target: its share, its price, and the PnL there.

    Where there are more than `rows_max`, the last row says how many follow.
    """
    shown = levels if len(levels) <= rows_max else levels[: rows_max - 1]
    rows = [
        line(
            _name(level, len(levels)),
            figures.price(level.price, tick),
            second=figures.signed_money(level.pnl) if level.pnl is not None else "",
        )
        for level in shown
    ]
    if len(shown) < len(levels):
        rows.append(f"and {len(levels) - len(shown)} more targets")
    return tuple(rows)


def _name(level: LevelView, number: int) -> str:
    if number == 1 and level.fraction == 1:
        return "Target"
    if level.is_rest:
        return "Rest at"
    if level.fraction == _HALF:
        return "Half at"
    return f"{figures.fixed(level.fraction * 100, 0)}% at"


def plan_lines(plan: ExitPlan, scene: Scene, about: Listing) -> tuple[str, ...]:
    """Say how the stop will follow the price, and when the position is closed by the clock."""
    lines: list[str] = []
    if plan.trails:
        by = f"{figures.trimmed(plan.trail_pct)}%" if plan.trail_pct is not None else None
        if by is None and plan.trail_distance is not None:
            by = f"{figures.price(plan.trail_distance, about.tick)} {about.quote}"
        begins = ""
        if plan.trail_from is not None:
            begins = f", from {figures.price(plan.trail_from, about.tick)} on"
        lines.append(f"Stop trails by {by}{begins}.")
    if plan.break_even_after is not None:
        first = "target 1" if plan.break_even_after == 1 else f"{plan.break_even_after} targets"
        lines.append(f"Stop to break-even after {first}.")
    if plan.close_at is not None:
        at = figures.clock_short(plan.close_at, scene.tz, scene.now)
        left = max(timedelta(), plan.close_at - scene.now)
        lines.append(f"Closes by the clock at {at} ({figures.age(left)}).")
    if plan.close_after_s is not None:
        after = figures.age(timedelta(seconds=plan.close_after_s))
        lines.append(f"Closes by the clock after {after}.")
    return tuple(plain_text(each) for each in lines)


def watched_line(targets: int) -> str | None:
    """Say who watches the targets."""
    if not targets:
        return None
    return (
        "Target: watched by the console." if targets == 1 else ("Targets: watched by the console.")
    )


def left_line(held: Position | None, exit_: Order, about: Listing) -> str:
    """Say how much of its position an exit left; `held` is what its instrument holds now."""
    if held is None or held.position_id != exit_.position_id:
        return line("Left", "0", "flat")
    return line("Left", figures.quantity(abs(held.quantity)), shortened(about.base, 8))
