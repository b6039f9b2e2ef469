"""Context: what a decision needs beside State, fetched by the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from engine.calls import CallTally
from engine.copies import quick
from engine.instruments import Instrument
from engine.orders import Order
from engine.protection import StopRest
from engine.quotes import Quote
from engine.rates import PAR, Rate, rate_of
from engine.reports import VenueSnapshot
from engine.scopes import Scope
from engine.state import State
from engine.tickets import Ticket


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Give a decision its time, prices, instruments, and rows outside State's window.

    `armed` tells whether live entries are allowed; `settle_s` is how long an unknown order must
    have been found nowhere before it counts as never accepted. `steady_since` is when the wall
    clock last jumped: what was stamped before tells nothing about how long something has lasted.
    `rests` says where and how stops rest, by `rest_place`; elsewhere the engine watches them.
    `known` are the journal's orders that a snapshot names and State holds no more; `shown` is what
    each venue showed last since this process began, None where nobody asks. `calls` tells by venue
    how its calls went lately, `scopes_latched` what is being held back and is not journaled yet.
    `volatility_pct` is a day's of the instrument that a signal names, where sizes follow it.
    """

    now: datetime
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    order: Order | None = None
    ticket: Ticket | None = None
    fill_known: bool = False
    armed: bool = False
    stop_latched: bool = False
    settle_s: int = 60
    steady_since: datetime | None = None
    rests: Mapping[str, StopRest] = field(default_factory=dict)
    known: Mapping[str, Order] = field(default_factory=dict)
    shown: Mapping[str, VenueSnapshot] | None = None
    calls: Mapping[str, CallTally] = field(default_factory=dict)
    scopes_latched: tuple[Scope, ...] = ()
    volatility_pct: Decimal | None = None

    def lasted(self, since: datetime) -> timedelta:
        """Give for how long something has lasted; a clock that was set makes no waiting."""
        steady = self.steady_since
        if steady is not None and (steady > since or since > self.now):
            since = steady
        return self.now - since

    def fresh(self, key: str, state: State) -> Quote | None:
        """Give the quote of an instrument if it is no older than the limit."""
        quote = self.quotes.get(key)
        if quote is None or quote.age_s(self.now) > state.limits.quote_age_s_max:
            return None
        return quote

    def rate(self, currency: str, state: State, *, venue: str = "") -> Rate | None:
        """Give what one unit of a currency is worth in the reporting currency, by fresh quotes.

        Pairs of the venue come first.
        """
        if currency == state.currency:
            return PAR
        return rate_of(
            currency,
            state.currency,
            self.quotes,
            venues=state.venues_from(venue),
            is_fresh=lambda quote: quote.age_s(self.now) <= state.limits.quote_age_s_max,
        )

    def symbols(self, venue: str) -> tuple[str, ...]:
        """Give the symbols a venue lists."""
        return tuple(i.symbol for i in self.instruments.values() if i.venue == venue)


def measured_equity(state: State) -> Decimal:
    """Give the equity as last measured, in the reporting currency; zero before the first."""
    return state.equity.equity if state.equity is not None else Decimal(0)
