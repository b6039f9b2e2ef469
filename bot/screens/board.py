"""B1 to B4: the pinned board; its first line alone says mode, state, day PnL and minute."""

from decimal import Decimal

from bot.callbacks import Page, Refresh, Show
from bot.screens import figures
from bot.screens.health import health_lines
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    bold,
    line,
    panel,
    plain_text,
    press,
    row,
    text_of,
    title_line,
)
from bot.views.board import BoardView
from bot.views.scene import where_of
from engine.risk_limits import TradingState

_BREAKERS = {"daily_loss": "daily loss", "drawdown": "drawdown", "manual": "by a program"}


def breaker_name(kind: str) -> str:
    """Name a breaker as a person reads it."""
    return _BREAKERS.get(kind, kind.replace("_", " "))


def board(view: BoardView) -> Screen:
    """B1, B2, B3, B4: show the account at a glance."""
    scene = view.scene
    as_of = bold(figures.clock(scene.now, scene.tz))
    until = figures.clock(view.good_until, scene.tz)
    return Screen(
        text=text_of(
            _title(view),
            _second_line(view),
            panel(*_rows(view)),
            *health_lines(view.venues, scene, breakers=bool(view.breakers)),
            _trouble(view),
            "STOP, close and cancel work." if view.stale_since is not None else None,
            f"As of {as_of}, good until {until}",
        ),
        rows=_buttons(view),
    )


def _title(view: BoardView) -> str:
    scene = view.scene
    if view.trading is not TradingState.ACTIVE:
        sign = Sign.STOPPED if view.trading is TradingState.HALTED else Sign.LOOK
        return title_line(_states(view), sign=sign, live=scene.live)
    if view.stale_since is not None:
        since = figures.clock_short(view.stale_since, scene.tz)
        return title_line(f"STALE since {since}", sign=Sign.UNKNOWN, live=scene.live)
    troubled = _takes_none(view) or view.unknown or _held_back(view)
    troubled = troubled or any(venue.silent_since or venue.is_stale for venue in view.venues)
    sign = Sign.LOOK if troubled else Sign.FINE
    return title_line(_states(view), sign=sign, live=scene.live)


def _states(view: BoardView) -> tuple[str, ...]:
    is_shut = view.trading is TradingState.ACTIVE and _takes_none(view)
    state = "NO ENTRIES" if is_shut else view.trading.value.upper()
    at = figures.clock_short(view.scene.now, view.scene.tz)
    if view.day_pnl is None:
        return (f"{state} at {at}",)
    pnl = figures.signed_money(view.day_pnl)
    return f"{state} {pnl} at {at}", f"{state} {pnl}", f"{state} at {at}"


def _held_back(view: BoardView) -> list[str]:
    """Name what alone takes no entries: by a breaker, or because a person said so."""
    tripped = [where_of(each.scope) for each in view.breakers if each.scope.key]
    return sorted({*tripped, *view.held})


def _takes_none(view: BoardView) -> bool:
    return view.fault is not None and view.fault.stops_entries


def _second_line(view: BoardView) -> str | None:
    scene = view.scene
    if view.fault is not None and view.fault.stops_entries:
        since = figures.clock_short(view.fault.at, scene.tz)
        rest = "Not written down yet." if view.fault.halted else "STOP, cancel work."
        return f"{plain_text(view.fault.text)} since {since}. {rest}"
    if view.breakers and not view.breakers[0].scope.key:
        word = "Halted" if view.trading is TradingState.HALTED else "Reducing"
        return f"{word}: {plain_text(breaker_name(view.breakers[0].kind))}. No new entries."
    if view.stop is not None:
        return f"Halted by {plain_text(view.stop.by)}. No new entries."
    if view.trading is not TradingState.ACTIVE:
        return "Only exits. No new entries."
    if view.stale_since is not None:
        age = figures.age(scene.now - view.stale_since)
        return f"Prices {age} old. No new entries."
    silent = [health.venue.capitalize() for health in view.venues if health.silent_since]
    if silent:
        return f"{plain_text(', '.join(silent))} silent. No entries there."
    stale = [health.venue.capitalize() for health in view.venues if health.is_stale]
    if stale:
        return f"{plain_text(', '.join(stale))} stale. No entries there."
    if _held_back(view):
        return f"No entries on {plain_text(', '.join(_held_back(view)))}."
    if view.unknown:
        return f"{figures.count(view.unknown, 'order')} unknown, asking the venue."
    return None


def _rows(view: BoardView) -> list[str | None]:
    if view.equity is None:
        return [line("Equity", "–", "not measured"), *_counts(view)]
    equity = figures.money(view.equity)
    if view.stale_since is not None:
        return [
            line("Equity", equity, "frozen"),
            line("Today", figures.signed_money(view.day_pnl), "frozen") if view.day_pnl else None,
            line("Gross", figures.money(view.gross), "frozen") if view.gross else None,
            *_counts(view),
        ]
    return [line("Equity", equity, view.scene.currency), *_measures(view), *_counts(view)]


def _measures(view: BoardView) -> list[str | None]:
    is_tripped = any(breaker.kind == "daily_loss" for breaker in view.breakers)
    gross = view.gross or Decimal(0)
    rows: list[str | None] = []
    if view.day_pnl is not None and view.day_pct is not None:
        pnl = figures.signed_money(view.day_pnl)
        rows.append(line("Today", pnl, second=figures.signed_percent(view.day_pct)))
    if is_tripped and view.day_limit is not None:
        limit = figures.signed_money(-view.day_limit)
        share = figures.signed_percent(-view.daily_loss_pct_max)
        rows.append(line("Limit", limit, second=share))
    if view.drawdown_pct is not None:
        limit = f"of {figures.trimmed(view.drawdown_pct_max)}%"
        rows.append(line("Drawdown", figures.percent(view.drawdown_pct), limit))
    rows.append(line("Gross", figures.money(gross), second=figures.share(gross, view.equity)))
    return rows


def _counts(view: BoardView) -> list[str | None]:
    return [
        line("Positions", str(view.positions), f"of {view.positions_max}"),
        line("Dust", str(view.dust), "too small") if view.dust else None,
        line("Stops", str(view.resting), "resting") if view.resting else None,
        line("Stops", str(view.watched), "watched") if view.watched else None,
        line("Entries", str(view.entries), "working") if view.entries else None,
        line("Unknown", str(view.unknown), "asking") if view.unknown else None,
    ]


def _trouble(view: BoardView) -> str | None:
    scene = view.scene
    if view.breakers:
        since = figures.clock(view.breakers[0].since, scene.tz, scene.now)
        return f"🚨 Breaker since {since}"
    if view.flatten_running:
        return "⏳ Flattening"
    if view.stale_since is not None:
        return None
    if view.fault is not None and not view.fault.stops_entries:
        at = figures.clock(view.fault.at, scene.tz, scene.now)
        return f"Last error {at}, {plain_text(view.fault.text)}"
    return f"Breakers: none tripped. Errors today: {view.errors}"


def _buttons(view: BoardView) -> tuple[Row, ...]:
    middle = (
        press("Breaker", Show(page=Page.BREAKERS))
        if view.breakers
        else press("Risk", Show(page=Page.RISK))
    )
    return (
        row(
            press(f"Positions {view.positions + view.dust}", Show(page=Page.POSITIONS)),
            press(f"Orders {view.orders}", Show(page=Page.ORDERS)),
        ),
        row(middle, press("Refresh", Refresh(page=Page.STATUS))),
    )
