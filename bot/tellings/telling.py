"""What can be told, and the desk where those sit who put it into words."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo

from bot.screens.layout import Screen
from bot.views.health import VenueHealth
from bot.views.scene import Scene, scene_of
from engine.commands import Role
from engine.events import Event
from engine.instruments import Instrument
from engine.orders import Order
from engine.ports import Clock, Quotes
from engine.quotes import Quote
from engine.state import State
from storage.cards import Card, Cards
from storage.notes import Notes
from storage.outbox import OutboxRow
from storage.queries import Queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Show a screen: by editing the subject's card, or as a new message where `fresh`.

    `stage` names what the card shows, so that the next telling knows what has changed. `quiet`
    never rings. `takes` is another message that is edited and becomes the subject's card;
    `removes` is an older one that goes once the new one stands.
    """

    screen: Screen
    stage: str = ""
    fresh: bool = False
    quiet: bool = False
    reply_to: int | None = None
    takes: int | None = None
    removes: int | None = None
    picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Tell nothing, for a reason that is kept with the alert."""

    reason: str


Told = Telling | Silence


async def no_picture(_day: date) -> bytes | None:
    """Give no picture of a day."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that a card is made from.

    `role_of` gives None for who is no operator; `health` how fresh the venues are; `day_picture` a
    PNG of a day, or None.
    """

    state: Callable[[], State]
    quotes: Quotes
    queries: Queries
    cards: Cards
    notes: Notes
    role_of: Callable[[int], Role | None]
    health: Callable[[], tuple[VenueHealth, ...]]
    clock: Clock
    tz: tzinfo
    day_picture: Callable[[date], Awaitable[bytes | None]] = no_picture

    def scene(self, chat_id: int) -> Scene:
        """Set the scene; in a group every button shows, and each tap is judged by who it is."""
        role = self.role_of(chat_id) if chat_id > 0 else Role.OWNER
        return scene_of(
            self.state(),
            self.clock.now(),
            self.tz,
            role or Role.VIEWER,
            max(0, chat_id),
        )

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Give every instrument by key."""
        return self.quotes.instruments()

    @property
    def latest(self) -> Mapping[str, Quote]:
        """Give the newest quotes by key."""
        return self.quotes.latest()

    async def event(self, row: OutboxRow) -> Event | None:
        """Give the event that raised an alert; None for a repeated one."""
        stored = await self.queries.event(row.seq) if row.seq else None
        return stored.event if stored is not None else None

    async def order(self, client_order_id: str) -> Order | None:
        """Give an order of any age."""
        known = self.state().order(client_order_id)
        return known if known is not None else await self.queries.order(client_order_id)


def stage_of(card: Card | None) -> str | None:
    """Give what a card shows: "" when somebody else put it there, None when there is none."""
    if card is None:
        return None
    stage, colon, _ = card.content_hash.partition(":")
    return stage if colon else ""


def name_of(row: OutboxRow) -> str:
    """Give what a subject names, without its kind."""
    return row.subject.partition(":")[2]
