"""Levels: the rows of stop, targets and what is left that tickets, fill cards, positions share."""

from collections.abc import Sequence
from decimal import Decimal

from bot.screens import figures
from bot.screens.layout import line, shortened
from bot.views.positions import LevelView
from bot.views.scene import Listing
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
