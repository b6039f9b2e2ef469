"""Scopes: a venue, a symbol or a strategy held back, or let go."""

from bot.callbacks import Dismiss, ScopeGo
from bot.screens import figures
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    Style,
    plain_text,
    press,
    quote,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.views.scene import Scene, where_of
from bot.views.scopes import ScopeView, token_of
from engine.risk_limits import TradingState
from engine.scopes import Scope

_WORDS = {
    TradingState.HALTED: "HALTED",
    TradingState.REDUCING: "Only exits",
    TradingState.ACTIVE: "ACTIVE again",
}


def scope_set(view: ScopeView) -> Screen:
    """Say what is held back now, or let go, since when and by whom."""
    scene, name = view.scene, name_of(view.scope)
    word = _WORDS[view.trading]
    is_active = view.trading is TradingState.ACTIVE
    by = f"By {plain_text(view.by)} at {figures.clock(view.at, scene.tz, scene.now)}."
    still = f"Still held back: {plain_text(view.still)}" if view.still else None
    return Screen(
        text=text_of(
            title_line(
                (f"{word}: {name}", f"{word}: {shortened(name, 12)}"),
                sign=Sign.FINE if is_active else Sign.STOPPED,
                live=scene.live,
            ),
            by,
            still,
            None
            if is_active
            else quote(
                f"<b>Blocked</b> new entries on {plain_text(name)}",
                "<b>Works</b> exits, cancels, stops, and everything else",
            ),
            None if is_active else "STOP stops everything.",
        ),
        rows=() if is_active or not scene.is_owner else (_resume_row(view.scope, name),),
    )


def scope_ask(scene: Scene, scope: Scope, why: str, *, needs_code: bool) -> Screen:
    """Ask an owner whether a scope may trade again."""
    name = name_of(scope)
    label = f"Resume {shortened(name, 12)}"
    label = f"{label}, then code" if needs_code else label
    style = Style.GREEN if scene.live else Style.BLUE
    go = row(press(label, ScopeGo(scope=token_of(scope)), style))
    return Screen(
        text=text_of(
            title_line(
                (f"Resume {name}?", f"Resume {shortened(name, 12)}?"),
                sign=Sign.STOPPED,
                live=scene.live,
            ),
            plain_text(why),
            quote("<b>Allows again</b>", f"new entries on {plain_text(name)}"),
            None if scene.is_owner else "Only an owner may resume.",
        ),
        rows=(*((go,) if scene.is_owner else ()), row(press("Leave it", Dismiss()))),
    )


def name_of(scope: Scope) -> str:
    """Name a scope at the head of a card."""
    return where_of(scope) or "everything"


def _resume_row(scope: Scope, name: str) -> Row:
    return row(press(f"Resume {shortened(name, 26)}", ScopeGo(scope=token_of(scope))))
