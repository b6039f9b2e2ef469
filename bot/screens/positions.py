"""H2, H3, H4: the positions, one position, and what a close by preset did."""

from decimal import Decimal

from bot.callbacks import (
    BreakEven,
    ClosePosition,
    MoveStopAsk,
    OpenPosition,
    Page,
    Refresh,
    RefreshPosition,
    TrailAsk,
    size_name,
)
from bot.screens import figures
from bot.screens.layout import (
    PANEL_COLUMNS,
    ButtonView,
    Panel,
    Row,
    Screen,
    Sign,
    Style,
    code,
    in_threes,
    line,
    listed,
    panel,
    plain_text,
    press,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.screens.levels import level_lines, plan_lines, watched_line
from bot.screens.paging import page_note, paging
from bot.views.positions import CloseView, PositionLine, PositionsView, PositionView

_NAME_MAX = 4


def positions(view: PositionsView) -> Screen:
    """H2: list the open positions, one line an item, a button to open each."""
    scene = view.scene
    now = figures.clock(scene.now, scene.tz)
    if not view.lines:
        title = title_line("No positions", sign=Sign.FINE, live=scene.live)
        return Screen(text=text_of(title, f"As of {now}"), rows=(row(_refresh(view)),))
    heading = figures.count(view.total, "position")
    if view.pnl is not None:
        pnl = figures.signed_money(view.pnl)
        choices = (f"{heading} {pnl} {scene.currency}", f"{heading} {pnl}", heading)
    else:
        choices = (heading,) * 3
    return Screen(
        text=text_of(
            title_line(choices, sign=Sign.FINE, live=scene.live),
            panel(*(_line(item) for item in view.lines)),
            f"+ long, {figures.MINUS} short. {_stops(view)}",
            f"Gross {figures.money(view.gross)}, net {figures.signed_money(view.net)}"
            f" {scene.currency}",
            f"As of {now}" + page_note(view.page, view.pages),
        ),
        rows=(
            *in_threes(
                [
                    *(
                        press(
                            shortened(f"{item.number} {item.listing.base}", 9),
                            OpenPosition(position_id=item.position_id),
                        )
                        for item in view.lines
                    ),
                    _refresh(view),
                ]
            ),
            *paging(Page.POSITIONS, view.page, view.pages),
        ),
    )


def _line(item: PositionLine) -> str:
    name = f"{item.number} {shortened(item.listing.base, _NAME_MAX)}"
    head = f"{name:<5}"
    quantity = figures.signed_quantity(item.quantity)
    if len(head) + 1 + len(quantity) <= 11:
        head = f"{head}{quantity:>{11 - len(head)}}"
    elif len(name) + 1 + len(quantity) <= PANEL_COLUMNS:
        head = f"{name} {quantity}"
    else:
        # The card that the number opens shows it whole.
        head = f"{item.number} {shortened(item.listing.base, PANEL_COLUMNS - 2)}"
    if item.pnl is None or item.pnl_pct is None:
        return listed(head, "", note="no price")
    return listed(head, figures.signed_money(item.pnl), figures.signed_percent(item.pnl_pct))


def _stops(view: PositionsView) -> str:
    if view.resting == view.total:
        return "All have stops resting."
    if view.watched == view.total:
        return "All stops watched by the console."
    without = view.total - view.resting - view.watched
    if without == view.total:
        return "None has a stop."
    parts = [(view.resting, "resting"), (view.watched, "watched"), (without, "without")]
    said = ", ".join(f"{number} {word}" for number, word in parts if number)
    return f"Stops: {said}."


def _refresh(view: PositionsView) -> ButtonView:
    return press("Refresh", Refresh(page=Page.POSITIONS, number=view.page))


def position(view: PositionView) -> Screen:
    """H3: show a position, what protects it, and one tap for what makes it smaller."""
    scene, held, about = view.scene, view.position, view.listing
    way = "long" if held.is_long else "short"
    name = shortened(about.base, 12)
    pnl = figures.signed_money(view.pnl) if view.pnl is not None else None
    choices = [f"{name} {way} {pnl} {about.quote}", f"{name} {way} {pnl}"] if pnl else []
    leverage = f" · {figures.trimmed(held.leverage)}x" if held.leverage > 1 else ""
    held_for = figures.age(scene.now - held.opened_at)
    return Screen(
        text=text_of(
            title_line(
                [*choices, f"{name} {way}"],
                sign=Sign.UNKNOWN if view.is_unknown else Sign.FINE,
                live=scene.live,
            ),
            plain_text(f"{about.title} · {about.venue_title}{leverage} · held {held_for}"),
            _panel(view),
            "Unknown: an order here, asking the venue." if view.is_unknown else None,
            "EXTERNAL: not opened here." if held.external else None,
            stop_line(view),
            *plan_lines(held.plan, scene, about),
            watched_line(len(view.targets)),
            f"As of {figures.clock(scene.now, scene.tz)} · {code(held.short_id)}",
        ),
        rows=_rows(view),
    )


def _panel(view: PositionView) -> Panel:
    held, about = view.position, view.listing
    value = figures.share(view.value, view.equity)
    mark: str | None = None
    if view.mark is not None and view.mark_age is not None:
        age = figures.age(view.mark_age)
        mark = line("Mark", figures.mid(view.mark, about.tick), age)
    pnl: str | None = None
    if view.pnl is not None and view.pnl_pct is not None:
        pnl = line(
            "Open PnL",
            figures.signed_money(view.pnl),
            second=figures.signed_percent(view.pnl_pct),
        )
    stop: str | None = line("Stop", "none")
    if view.stop is not None and view.stop_pnl is not None:
        stop = line(
            "Stop",
            figures.price(view.stop.price, about.tick),
            second=figures.signed_money(view.stop_pnl),
        )
    return panel(
        line("Size", figures.quantity(abs(held.quantity)), shortened(about.base, 8)),
        line("Entry", figures.entry(held.entry_price, about.tick)),
        mark or line("Mark", "none", "no quote"),
        pnl,
        line("Value", figures.money(view.value), second=value),
        stop,
        *level_lines(view.targets, about.tick, rows_max=5),
    )


def stop_line(view: PositionView) -> str:
    """Say where the stop lives, and how far away it is."""
    if view.stop is None:
        return "No stop: nothing protects it."
    away = f", {figures.percent(view.stop_pct)} away" if view.stop_pct is not None else ""
    if view.stop.resting:
        return f"Stop rests at {plain_text(view.listing.venue_title)}{away}."
    return f"Stop: watched by the console{away}."


def _rows(view: PositionView) -> tuple[Row, ...]:
    back = row(
        press("Back", Refresh(page=Page.POSITIONS)),
        press("Refresh", RefreshPosition(position_id=view.position.position_id)),
    )
    if not view.scene.may_trade:
        return (back,)
    name = view.position.position_id
    rows = [
        row(press("Close 100%", _close(view, 100), Style.RED)),
        row(
            press("Close 50%", _close(view, 50)),
            press("Close 25%", _close(view, 25)),
        ),
    ]
    if view.break_even is not None:
        price = figures.price(view.break_even, view.listing.tick)
        labels = (f"Stop to break-even {price}", "Stop to break-even")
        rows.append(row(press(labels, BreakEven(position_id=name))))
    move = press("Move stop", MoveStopAsk(position_id=name))
    rows.append(row(move, press("Trail", TrailAsk(position_id=name))))
    return (*rows, back)


def _close(view: PositionView, percent: int) -> ClosePosition:
    name = view.position.position_id
    return ClosePosition(position_id=name, percent=percent, seen=size_name(view.free))


def closed(view: CloseView) -> Screen:
    """H4: say what a close by preset sold or bought back, and what is left."""
    scene, order, about = view.scene, view.order, view.listing
    name = shortened(about.base, 10)
    share = _share(order.filled, view.left)
    realised = figures.signed_money(order.realised_pnl)
    average = order.price_average if order.price_average is not None else Decimal(0)
    left = view.left
    slippage = view.slippage_bps
    ended = order.finished_at or scene.now
    return Screen(
        text=text_of(
            title_line(
                (
                    f"Closed {share}{name} {realised}",
                    f"Closed {name} {realised}",
                    f"Closed {name}",
                ),
                sign=Sign.FINE,
                live=scene.live,
            ),
            panel(
                line(
                    "Sold" if view.was_long else "Bought",
                    figures.quantity(order.filled),
                    shortened(about.base, 8),
                ),
                line("Average", figures.average(average, about.tick), about.quote),
                line("Slippage", figures.bps(slippage), figures.cost_or_gain(slippage))
                if slippage is not None
                else line("Slippage", "–", "no quote"),
                line("Gain", figures.signed_money(view.gain), about.quote),
                line("Fee", figures.signed_money(-order.fees), about.quote),
                line("Realised", realised, about.quote),
                line("Left", figures.quantity(left), shortened(about.base, 8))
                if left is not None
                else line("Left", "0", "flat"),
            ),
            f"Stop {figures.price(view.stop, about.tick)} now covers"
            f" {plain_text(figures.quantity(left))} {plain_text(about.base)}."
            if view.stop is not None and left is not None
            else None,
            f"Filled {figures.clock(ended, scene.tz, scene.now)} · {code(view.position_name)}",
        ),
        rows=(row(press("Position", OpenPosition(position_id=view.position_id))),)
        if left is not None
        else (),
    )


def _share(filled: Decimal, left: Decimal | None) -> str:
    if left is None:
        return "all of "
    percent = filled / (filled + left) * 100
    return "half of " if percent == 50 else f"{figures.fixed(percent, 0)}% of "
