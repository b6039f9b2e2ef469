"""Pings: what must be noticed rings again until somebody has seen it.

The time of the last ping is that of its card, so a restart goes on where it left off.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.alerts import Alert, Lane
from engine.commands import AlertKind
from engine.errors import JournalError
from engine.ports import Clock
from engine.state import State
from engine.tickets import Ticket
from storage.cards import Cards
from storage.outbox import Outbox

log = logging.getLogger(__name__)

URGENT_EVERY: Final = timedelta(seconds=60)
TICKET_EVERY: Final = timedelta(seconds=20)
TICKET_PINGS: Final = 2
LOOK_EVERY_S: Final = 1.0
REPEATS: Final = {
    AlertKind.STOP: "FlattenRepeated",
    AlertKind.BREAKER: "BreakerRepeated",
    AlertKind.TICKET: "TicketRepeated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    subject: str
    kind: AlertKind
    lane: Lane
    since: datetime
    every: timedelta


class Pings:
    """Add a repeated alert to the outbox for whatever waits for a person and is not seen."""

    def __init__(
        self, *, outbox: Outbox, cards: Cards, state: Callable[[], State], clock: Clock
    ) -> None:
        self._outbox = outbox
        self._cards = cards
        self._state = state
        self._clock = clock
        self._last: dict[str, datetime] = {}
        self._counts: dict[str, int] = {}

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            try:
                await self.look()
            except JournalError as fault:
                log.warning("pings wait for the database", extra={"reason": str(fault)})
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Ring again where it is time, and give the number of alerts added."""
        state, now = self._state(), self._clock.now()
        waiting = {due.subject: due for due in _waiting(state)}
        for subject in sorted(self._last.keys() - waiting.keys()):
            del self._last[subject]
            self._counts.pop(subject, None)
        added = 0
        for subject, due in waiting.items():
            last = await self._last_ping(subject)
            if last is None or now - max(last, due.since) < due.every:
                continue
            if due.kind is AlertKind.TICKET and self._counts.get(subject, 0) >= TICKET_PINGS:
                continue
            self._last[subject] = now
            self._counts[subject] = self._counts.get(subject, 0) + 1
            alert = Alert(
                seq=0, event=REPEATS[due.kind], kind=due.kind, lane=due.lane, subject=subject
            )
            added += await self._outbox.add([alert], state.chats, now)
        return added

    async def _last_ping(self, subject: str) -> datetime | None:
        """Give when it last rang; None while its first alert is still on its way."""
        if subject not in self._last:
            cards = await self._cards.of(subject)
            if not cards:
                return None
            self._last[subject] = max(card.at for card in cards)
        return self._last[subject]


def _waiting(state: State) -> Iterator[_Due]:
    flatten = state.flattening
    if flatten is not None and flatten.still_open and not flatten.acknowledged:
        yield _Due(
            subject="flatten",
            kind=AlertKind.STOP,
            lane=Lane.STOP,
            since=flatten.last_alert_at or flatten.since,
            every=URGENT_EVERY,
        )
    for breaker in state.breakers.values():
        if not breaker.acknowledged:
            yield _Due(
                subject=f"breaker:{breaker.breaker_id}",
                kind=AlertKind.BREAKER,
                lane=Lane.STOP,
                since=breaker.since,
                every=URGENT_EVERY,
            )
    for ticket in state.tickets.values():
        if _asks_everybody(ticket):
            yield _Due(
                subject=f"ticket:{ticket.ticket_id}",
                kind=AlertKind.TICKET,
                lane=Lane.TICKET,
                since=ticket.confirmed_at or ticket.opened_at,
                every=TICKET_EVERY,
            )


def _asks_everybody(ticket: Ticket) -> bool:
    """Tell whether nobody in particular was asked, so that somebody has to be found."""
    return ticket.owner_id is None or ticket.confirmed_at is not None
