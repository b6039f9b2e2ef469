"""Scopes: what `/stop binance`, `/stop btc` or `/stop strategy breakout` names."""

from collections.abc import Mapping

from bot.parsing.words import plain
from engine.instruments import Instrument, symbol_named
from engine.scopes import Scope, ScopeKind
from engine.state import State

EVERYTHING = frozenset("all everything everyone now it trading please bot the stop halt".split())
"""Words after /stop that mean no coin, whatever is listed under that name."""


def scope_of(text: str, state: State, instruments: Mapping[str, Instrument]) -> Scope | None:
    """Read a venue, a symbol or a strategy; None for anything else, and for nothing.

    A name counts only where it is known: a venue of this account, a strategy that has traded, a
    coin or symbol that is listed. So nothing that was misread is ever stopped instead of all.
    """
    words = plain(text).split()
    if len(words) == 2 and words[0] in ("strategy", "venue", "symbol"):
        kind, name = words
    elif len(words) == 1 and words[0] not in EVERYTHING:
        kind, name = "", words[0]
    else:
        return None
    if kind == "strategy":
        return _strategy(name, state)
    if kind in ("", "venue"):
        accounts = state.journal.accounts if state.journal is not None else ()
        venue = next((each for each in accounts if each.casefold() == name), None)
        if venue is not None or kind == "venue":
            return Scope(kind=ScopeKind.VENUE, name=venue) if venue is not None else None
    return _symbol(name, state, instruments)


def _strategy(name: str, state: State) -> Scope | None:
    known = {
        *(order.strategy for order in state.orders.values()),
        *(order.strategy for order in state.orders_finished.values()),
        *(position.strategy for position in state.positions.values()),
        *(received.signal.strategy for received in state.signals.values()),
        *(key.partition(":")[2] for key in state.restrictions if key.startswith("strategy:")),
    }
    found = sorted(each for each in known if each.casefold() == name)
    return Scope(kind=ScopeKind.STRATEGY, name=found[0]) if found else None


def _symbol(name: str, state: State, instruments: Mapping[str, Instrument]) -> Scope | None:
    bases = {each.base.casefold(): each.base for each in instruments.values()}
    if name in bases:
        return Scope(kind=ScopeKind.SYMBOL, name=bases[name])
    symbols = sorted({each.symbol for each in instruments.values()})
    symbol = symbol_named(name.upper().replace("-", "/"), symbols, quote=state.currency)
    return Scope(kind=ScopeKind.SYMBOL, name=symbol) if symbol is not None else None


def is_unread(text: str, scope: Scope | None) -> bool:
    """Tell whether words followed a stop that name nothing, so that everything was stopped."""
    return scope is None and any(word not in EVERYTHING for word in plain(text).split())
