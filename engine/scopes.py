"""Scopes: how far a stop or a breaker reaches: everything, a venue, a strategy, or a symbol."""

from dataclasses import dataclass
from enum import StrEnum

from engine.identities import instrument_key


class ScopeKind(StrEnum):
    """What a scope names."""

    GLOBAL = "global"
    VENUE = "venue"
    STRATEGY = "strategy"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Name what is held back.

    A SYMBOL is a base currency on every venue (`BTC`), a symbol on every venue (`BTC/USDT`), or an
    instrument (`binance:BTC/USDT`). GLOBAL has no name.
    """

    kind: ScopeKind = ScopeKind.GLOBAL
    name: str = ""

    @property
    def key(self) -> str:
        """Give the name under which State keeps it; empty for everything."""
        return "" if self.kind is ScopeKind.GLOBAL else f"{self.kind.value}:{self.name}"

    @property
    def text(self) -> str:
        """Give the words a person reads."""
        if self.kind is ScopeKind.GLOBAL:
            return "everything"
        if self.kind is ScopeKind.STRATEGY:
            return f"strategy {self.name}"
        venue, colon, symbol = self.name.partition(":")
        is_instrument = self.kind is ScopeKind.SYMBOL and bool(colon) and "/" not in venue
        return f"{symbol} at {venue}" if is_instrument else self.name

    def covers(self, venue: str, symbol: str, strategy: str) -> bool:
        """Tell whether an order of this venue, symbol and strategy lies within."""
        return self.key in keys_over(venue, symbol, strategy)

    def covers_instrument(self, key: str) -> bool:
        """Tell whether an instrument lies within, whatever the strategy."""
        venue, _, symbol = key.partition(":")
        return self.kind is not ScopeKind.STRATEGY and self.covers(venue, symbol, "")


EVERYWHERE = Scope()


def scope_at(key: str) -> Scope:
    """Read a scope's key back. Raises: ValueError for what is none."""
    if not key:
        return EVERYWHERE
    kind, colon, name = key.partition(":")
    if not colon or not name or kind == ScopeKind.GLOBAL:
        raise ValueError(f"{key} names no scope")
    return Scope(kind=ScopeKind(kind), name=name)


def keys_over(venue: str, symbol: str, strategy: str) -> tuple[str, ...]:
    """Give the keys of every scope in which an order lies, the widest first."""
    return (
        "",
        f"venue:{venue}",
        f"strategy:{strategy}",
        f"symbol:{symbol.partition('/')[0]}",
        f"symbol:{symbol}",
        f"symbol:{instrument_key(venue, symbol)}",
    )
