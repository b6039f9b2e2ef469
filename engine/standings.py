"""Standings: everything that holds the entries of an instrument and a strategy back."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.risk_limits import TradingState
from engine.scopes import EVERYWHERE, Scope, ScopeKind, keys_over
from engine.stops import Breaker, Standing

if TYPE_CHECKING:
    from engine.state import State

HALTED, REDUCING = TradingState.HALTED, TradingState.REDUCING
OPEN = Standing(trading=TradingState.ACTIVE, rule="", sentence="")


def standings(state: "State", venue: str, symbol: str, strategy: str) -> Iterator[Standing]:
    """Give all that holds back: stop, breakers, what persons set, and faults, in this order."""
    if state.stop is not None:
        yield Standing(
            trading=HALTED, rule="trading_state", sentence="Halted: stopped by a person."
        )
    if state.breakers:
        for breaker in state.breakers.values():
            if breaker.scope.covers(venue, symbol, strategy):
                yield _of_breaker(breaker)
    if state.restrictions:
        for key in keys_over(venue, symbol, strategy):
            held = state.restrictions.get(key)
            if held is not None:
                words = _words(held.trading, held.scope)
                sentence = f"{words}: set by {held.by}."
                yield Standing(trading=held.trading, rule="trading_state", sentence=sentence)
    yield from _faults(state, venue, f"{venue}:{symbol}")


def _of_breaker(breaker: Breaker) -> Standing:
    words = _words(breaker.action, breaker.scope)
    kind = breaker.kind.replace("_", " ")
    name = "a breaker" if breaker.kind == "manual" else f"the {kind} breaker"
    return Standing(
        trading=breaker.action, rule="trading_state", sentence=f"{words}: {name} tripped."
    )


def _faults(state: "State", venue: str, key: str) -> Iterator[Standing]:
    if venue in state.venues_silent:
        sentence = f"{venue} does not answer; no entries there."
        yield Standing(trading=HALTED, rule="venue", sentence=sentence)
    if venue in state.accounts_halted:
        sentence = f"{venue} is halted: {state.accounts_halted[venue]}."
        yield Standing(trading=HALTED, rule="account", sentence=sentence)
    if key in state.unexplained:
        sentence = "A position here was not opened here; acknowledge it first."
        yield Standing(trading=REDUCING, rule="unexplained", sentence=sentence)
    if key in state.reducing:
        sentence = f"Only exits on this symbol: {state.reducing[key]}."
        yield Standing(trading=REDUCING, rule="symbol_state", sentence=sentence)


def _words(trading: TradingState, scope: Scope) -> str:
    word = "Halted" if trading is HALTED else "Only exits"
    if scope == EVERYWHERE:
        return word
    return f"{word} {'for' if scope.kind is ScopeKind.STRATEGY else 'on'} {scope.text}"


def strictest(state: "State", venue: str, symbol: str, strategy: str) -> Standing:
    """Give what holds back most; of equals the widest. OPEN where nothing does."""
    found = OPEN
    for standing in standings(state, venue, symbol, strategy):
        if standing.trading.severity > found.trading.severity:
            found = standing
    return found
