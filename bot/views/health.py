"""Health: how fresh each venue's prices and order answers are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.views.scene import Listing, listing
from engine.instruments import Instrument
from engine.quotes import Quote
from engine.state import State
from engine.venues.live.vitals import VenueVitals


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueHealth:
    """Say how fresh one venue is; None where nothing ever came.

    `silent_since` is set while the venue does not answer; `held` are the positions there. `vitals`
    are those of a live account.
    """

    venue: str
    quote_at: datetime | None
    orders_at: datetime | None = None
    silent_since: datetime | None = None
    held: tuple[Listing, ...] = ()
    is_stale: bool = False
    reason: str = ""
    vitals: VenueVitals | None = None

    def quote_age(self, now: datetime) -> timedelta | None:
        """Give the age of the newest quote."""
        return None if self.quote_at is None else max(timedelta(), now - self.quote_at)

    def orders_age(self, now: datetime) -> timedelta | None:
        """Give the age of the newest answer about orders."""
        return None if self.orders_at is None else max(timedelta(), now - self.orders_at)


def health_of(
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
    now: datetime,
    *,
    orders_at: Mapping[str, datetime] | None = None,
    silent_since: Mapping[str, datetime] | None = None,
    vitals: Mapping[str, VenueVitals] | None = None,
) -> tuple[VenueHealth, ...]:
    """Measure every account's venue: the age of its newest quote, and of its newest answer.

    State knows that a venue is silent and why, not since when: `silent_since` may say so.
    """
    venues = state.journal.accounts if state.journal is not None else ()
    answers = orders_at or {}
    silences = silent_since or {}
    return tuple(
        _health(
            venue,
            state,
            [quote.at for quote in quotes.values() if quote.venue == venue],
            now,
            held=tuple(
                listing(position.key, instruments)
                for position in state.positions.values()
                if position.venue == venue
            ),
            orders_at=answers.get(venue),
            silent_since=silences.get(venue),
            vitals=(vitals or {}).get(venue),
        )
        for venue in venues
    )


def _health(
    venue: str,
    state: State,
    times: list[datetime],
    now: datetime,
    *,
    held: tuple[Listing, ...],
    orders_at: datetime | None,
    silent_since: datetime | None,
    vitals: VenueVitals | None,
) -> VenueHealth:
    quote_at = max(times, default=None)
    is_silent = venue in state.venues_silent
    age_s_max = state.limits.quote_age_s_max
    return VenueHealth(
        venue=venue,
        quote_at=quote_at,
        orders_at=orders_at,
        silent_since=(silent_since or quote_at or now) if is_silent else None,
        held=held,
        is_stale=quote_at is None or (now - quote_at).total_seconds() > age_s_max,
        reason=state.venues_silent.get(venue, ""),
        vitals=vitals,
    )
