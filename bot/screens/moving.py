"""Stops moved by hand: to a distance, to a price that is typed, or trailing from now on."""

from datetime import datetime
from decimal import Decimal

from bot.callbacks import (
    BreakEven,
    MoveStopBy,
    MoveStopType,
    RefreshPosition,
    TimeStopIn,
    TrailBy,
    TrailOff,
)
from bot.screens import figures
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    bold,
    in_threes,
    line,
    panel,
    plain_text,
    press,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.screens.levels import plan_lines
from bot.screens.positions import stop_line
from bot.views.positions import PositionView
from engine.numbers import HUNDRED, ONE

DISTANCES_PCT = (Decimal(1), Decimal(2), Decimal(3), Decimal(5), Decimal(8), Decimal(10))
HOURS = (1, 4, 24)
TRAILS_PCT = (Decimal("0.5"), Decimal(1), Decimal(2), Decimal(3), Decimal(5), Decimal(8))


def move_stop(view: PositionView) -> Screen:
    """Offer distances for the stop, with the price that each one is now."""
    name = view.position.position_id
    buttons = [
        press(f"{figures.trimmed(percent)}%", MoveStopBy(position_id=name, percent=percent))
        for percent in DISTANCES_PCT
    ]
    rows = [*in_threes(buttons)]
    if view.break_even is not None:
        price = figures.price(view.break_even, view.listing.tick)
        labels = (f"Break-even {price}", "Break-even")
        rows.append(row(press(labels, BreakEven(position_id=name))))
    type_it = press("Type it", MoveStopType(position_id=name))
    return Screen(
        text=text_of(
            _title(view, "Move the stop of"),
            panel(_mark(view), _stop(view), *_prices(view)),
            stop_line(view),
            "Nothing moves before you tap. A moved stop no longer trails.",
        ),
        rows=(*rows, row(type_it, press("Back", RefreshPosition(position_id=name)))),
    )


def trail(view: PositionView) -> Screen:
    """Offer how far behind the best price the stop trails from now on."""
    name = view.position.position_id
    buttons = [
        press(f"{figures.trimmed(percent)}%", TrailBy(position_id=name, percent=percent))
        for percent in TRAILS_PCT
    ]
    back = press("Back", RefreshPosition(position_id=name))
    last: Row = row(back)
    if view.position.plan.trails:
        last = row(press("Stop trailing", TrailOff(position_id=name)), back)
    timed: Row = row(
        *(press(f"In {hours} h", TimeStopIn(position_id=name, hours=hours)) for hours in HOURS)
    )
    if view.position.plan.close_at is not None:
        timed = row(press("No time stop", TimeStopIn(position_id=name, hours=0)))
    return Screen(
        text=text_of(
            _title(view, "Trail the stop of"),
            panel(_mark(view), _stop(view)),
            stop_line(view),
            *plan_lines(view.position.plan, view.scene, view.listing),
            "It follows the best price from now on, and never goes back. "
            "By the clock, all is closed at its time, whatever the price.",
        ),
        rows=(*in_threes(buttons), timed, last),
    )


def typing(view: PositionView, until: datetime) -> Screen:
    """Ask for the stop's price or distance as a text."""
    scene, about = view.scene, view.listing
    side = "below" if view.position.is_long else "above"
    return Screen(
        text=text_of(
            _title(view, "Type the stop of"),
            panel(_mark(view), _stop(view)),
            f"Send a price {side} it, or a distance such as 2%.",
            plain_text(f"Any other text leaves it waiting. In {about.quote}."),
            f"Until {bold(figures.clock(until, scene.tz, scene.now))}",
        ),
        rows=(row(press("Back", RefreshPosition(position_id=view.position.position_id))),),
    )


def _title(view: PositionView, words: str) -> str:
    base = shortened(view.listing.base, 10)
    return title_line((f"{words} {base}?", f"{words}?"), sign=Sign.WAITING, live=view.scene.live)


def _mark(view: PositionView) -> str:
    if view.mark is None or view.mark_age is None:
        return line("Mark", "none", "no quote")
    return line("Mark", figures.mid(view.mark, view.listing.tick), figures.age(view.mark_age))


def _stop(view: PositionView) -> str:
    if view.stop is None:
        return line("Stop", "none")
    return line("Stop", figures.price(view.stop.price, view.listing.tick))


def _prices(view: PositionView) -> list[str]:
    """Give what each distance is now; the engine rounds it toward the price at the tap."""
    if view.mark is None:
        return []
    sign = 1 if view.position.is_long else -1
    return [
        line(
            f"{figures.trimmed(percent)}% away",
            figures.price(view.mark * (ONE - sign * percent / HUNDRED), view.listing.tick),
        )
        for percent in DISTANCES_PCT[:3]
    ]
