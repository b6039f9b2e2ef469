"""Scopes: what a person held back or let go, as it is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.callbacks import can_stand
from bot.views.scene import Scene
from engine.events import TradingStateSet
from engine.identities import digest
from engine.risk_limits import TradingState
from engine.scopes import Scope, ScopeKind, scope_at
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeView:
    """Show a scope as it was set; `still` says what holds it back although it was let go."""

    scene: Scene
    scope: Scope
    trading: TradingState
    by: str
    at: datetime
    still: str = ""


def scope_view(scene: Scene, event: TradingStateSet, state: State) -> ScopeView:
    """Show what was set."""
    is_let_go = event.trading is TradingState.ACTIVE
    return ScopeView(
        scene=scene,
        scope=event.scope,
        trading=event.trading,
        by=event.actor.text,
        at=event.at,
        still=held_by(state, event.scope) if is_let_go else "",
    )


def held_by(state: State, scope: Scope) -> str:
    """Give in a sentence what holds a scope back most; empty where nothing does."""
    match scope.kind:
        case ScopeKind.GLOBAL:
            return "" if state.trading is TradingState.ACTIVE else f"trading is {state.trading}"
        case ScopeKind.VENUE:
            return state.trading_on(scope.name, "", "")[1]
        case ScopeKind.STRATEGY:
            return state.trading_on("", "", scope.name)[1]
        case ScopeKind.SYMBOL:
            venue, colon, symbol = scope.name.partition(":")
            is_instrument = bool(colon) and "/" not in venue
            at = (venue, symbol) if is_instrument else ("", scope.name)
            return state.trading_on(*at, "")[1]


def token_of(scope: Scope) -> str:
    """Name a scope in a button, whatever letters its name has."""
    return scope.key if can_stand(scope.key) else f"x:{digest(scope.key, length=12)}"


def scope_meant(token: str, keys: Iterable[str]) -> Scope | None:
    """Give the scope that a button names: one of these keys where its name could not stand."""
    for key in keys:
        if token == token_of(scope_at(key)):
            return scope_at(key)
    try:
        return scope_at(token)
    except ValueError:
        return None
