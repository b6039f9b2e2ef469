"""Scenes: who looks at a card, when and where; and what an instrument is called on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from engine.commands import Role
from engine.instruments import Instrument, InstrumentKind
from engine.numbers import ZERO
from engine.scopes import Scope, ScopeKind
from engine.state import State

SIMULATED = "simulated"
_TITLES = {
    "okx": "OKX",
    "htx": "HTX",
    "mexc": "MEXC",
    "kucoin": "KuCoin",
    "bitmex": "BitMEX",
    "gateio": "Gate",
    "kucoinfutures": "KuCoin",
    "krakenfutures": "Kraken F",
    "binanceusdm": "Binance F",
    "coinbaseexchange": "Coinbase",
}
_TITLE_MAX = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Say who looks at a card: `role` and `user_id`; when, in which zone; and at which money.

    `simulated` when the prices come from the simulated market, not from the venues' public data.
    """

    live: bool
    currency: str
    now: datetime
    tz: tzinfo
    role: Role = Role.OWNER
    user_id: int = 0
    simulated: bool = False

    @property
    def may_trade(self) -> bool:
        """Tell whether the person may send orders."""
        return self.role is not Role.VIEWER

    @property
    def is_owner(self) -> bool:
        """Tell whether the person may resume, re-arm and change limits."""
        return self.role is Role.OWNER


def scene_of(
    state: State, now: datetime, tz: tzinfo, role: Role = Role.OWNER, user_id: int = 0
) -> Scene:
    """Set the scene from the journal's mode and market."""
    journal = state.journal
    return Scene(
        live=journal is not None and journal.mode == "live",
        currency=state.currency,
        now=now,
        tz=tz,
        role=role,
        user_id=user_id,
        simulated=journal is not None and journal.market.startswith("simul"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Name an instrument as cards do; `tick` and `step` are None where it is not known."""

    key: str
    venue: str
    symbol: str
    base: str
    quote: str
    is_swap: bool
    tick: Decimal | None = None
    step: Decimal | None = None
    fee_taker: Decimal = ZERO

    @property
    def venue_title(self) -> str:
        """Give the venue's name as it is written on cards."""
        return venue_title(self.venue)

    @property
    def title(self) -> str:
        """Give the symbol as it is written on cards: BTC/USDT, or BTC/USDT perp."""
        return f"{self.base}/{self.quote} perp" if self.is_swap else f"{self.base}/{self.quote}"


def venue_title(venue: str) -> str:
    """Write a venue's id as its name, at most nine characters."""
    return _TITLES.get(venue, venue.capitalize())[:_TITLE_MAX]


def where_of(scope: Scope) -> str:
    """Name a scope as cards do; empty for everything."""
    match scope.kind:
        case ScopeKind.GLOBAL:
            return ""
        case ScopeKind.VENUE:
            return venue_title(scope.name)
        case ScopeKind.STRATEGY:
            return f"strategy {scope.name}"
        case ScopeKind.SYMBOL:
            before, colon, symbol = scope.name.partition(":")
            is_instrument = bool(colon) and "/" not in before
            return f"{symbol} at {venue_title(before)}" if is_instrument else scope.name


def listing(key: str, instruments: Mapping[str, Instrument]) -> Listing:
    """Name an instrument; one that is no longer listed is named by its key."""
    known = instruments.get(key)
    venue, _, symbol = key.partition(":")
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    if known is None:
        return Listing(
            key=key,
            venue=venue,
            symbol=symbol,
            base=base or symbol or key,
            quote=quote,
            is_swap=bool(settle),
        )
    return Listing(
        key=key,
        venue=known.venue,
        symbol=known.symbol,
        base=known.base,
        quote=known.quote,
        is_swap=known.kind is InstrumentKind.SWAP,
        tick=known.price_tick,
        step=known.quantity_step,
        fee_taker=known.fee_taker,
    )
