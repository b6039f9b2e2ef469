"""Visits: one update being answered, by whom and where; and what every handler looks at."""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Protocol

from telegram import Message

from bot.access import Person
from bot.console import Console
from bot.incoming import Incoming
from bot.parsing.symbols import Market
from bot.screens.layout import Screen, plain_text
from bot.views.scene import Scene, scene_of
from engine.alerts import Lane
from engine.instruments import Instrument
from engine.ports import Clock
from engine.quotes import Quote
from engine.state import State


class Sender(Protocol):
    """What handlers ask of delivery."""

    async def send(
        self,
        chat_id: int,
        screen: Screen,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        lane: Lane,
    ) -> int:
        """Send a screen and give the message's id."""
        ...

    async def send_photo(
        self, chat_id: int, png: bytes, screen: Screen, *, lane: Lane, protected: bool = False
    ) -> int:
        """Send a picture with a caption; a `protected` one cannot be passed on or saved."""
        ...

    async def edit(self, chat_id: int, message_id: int, screen: Screen, *, lane: Lane) -> bool:
        """Make a message show a screen; False when it is gone."""
        ...

    async def answer(
        self, callback_query_id: str, text: str | None = None, show_alert: bool = False
    ) -> None:
        """Answer a tap."""
        ...

    async def delete(self, chat_id: int, message_id: int, *, lane: Lane) -> bool:
        """Delete a message; False when it is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """See what the engine holds, as cards need it."""

    console: Console
    clock: Clock
    tz: tzinfo

    @property
    def now(self) -> datetime:
        """Give the time."""
        return self.clock.now()

    @property
    def state(self) -> State:
        """Give State as it is now."""
        return self.console.state

    @property
    def quotes(self) -> dict[str, Quote]:
        """Give the latest quotes by instrument key."""
        return dict(self.console.quotes.latest())

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Give the instruments by key."""
        return dict(self.console.quotes.instruments())

    @property
    def venues(self) -> tuple[str, ...]:
        """Give the accounts' venues, the preferred one first."""
        journal = self.state.journal
        return journal.accounts if journal is not None else ()

    def market(self) -> Market:
        """Give what can be traded, for reading what a person typed."""
        return Market(
            venues=self.venues,
            instruments=self.console.quotes.instruments(),
            currency=self.state.currency,
        )

    def scene(self, person: Person) -> Scene:
        """Set the scene for whoever looks."""
        return scene_of(self.state, self.now, self.tz, person.role, person.user_id)


class Visit:
    """Answer one update; a tap is answered exactly once.

    `typed` is the amount that the person typed, where what they do now asked for one.
    """

    def __init__(
        self,
        *,
        update: Incoming,
        person: Person,
        sender: Sender,
        command_id: str | None = None,
        typed: Decimal | None = None,
    ) -> None:
        self.update = update
        self.person = person
        self._sender = sender
        self.command_id = command_id or update.command_id
        self.typed = typed
        self.is_answered = False

    def at_card(
        self, message_id: int | None, person: Person, typed: Decimal | None = None
    ) -> "Visit":
        """Give the visit as if the person had acted at another message, under this one's name."""
        return Visit(
            update=replace(self.update, message_id=message_id),
            person=person,
            sender=self._sender,
            command_id=self.command_id,
            typed=typed,
        )

    @property
    def chat_id(self) -> int:
        """Give the chat."""
        return self.person.chat_id

    async def reply(self, screen: Screen, *, silent: bool = True, lane: Lane = Lane.TICKET) -> int:
        """Send a screen under the message that asked for it. Raises: DeliveryError."""
        return await self._sender.send(
            self.chat_id, screen, reply_to=self.update.message_id, silent=silent, lane=lane
        )

    async def reply_text(self, text: str) -> int:
        """Send a plain sentence. Raises: DeliveryError."""
        return await self.reply(Screen(text=plain_text(text)))

    async def edit(self, screen: Screen, *, lane: Lane = Lane.TICKET) -> bool:
        """Make the card that was tapped show a screen. Raises: DeliveryError."""
        if self.update.message_id is None:
            return False
        return await self._sender.edit(self.chat_id, self.update.message_id, screen, lane=lane)

    async def remove(self) -> None:
        """Delete the message that was tapped, or written. Raises: DeliveryError."""
        if self.update.message_id is not None:
            await self.take_away(self.update.message_id)

    async def take_away(self, message_id: int) -> None:
        """Delete a message of this chat. Raises: DeliveryError."""
        await self._sender.delete(self.chat_id, message_id, lane=Lane.TICKET)

    async def show(self, png: bytes, caption: Screen) -> int:
        """Send a picture that nobody may pass on. Raises: DeliveryError."""
        return await self._sender.send_photo(
            self.chat_id, png, caption, lane=Lane.TICKET, protected=True
        )

    async def strip(self) -> None:
        """Take the buttons off the card that was tapped. Raises: DeliveryError."""
        card = self.card
        if card is not None and card.reply_markup is not None and card.text:
            await self.edit(Screen(text=card.text_html))

    async def answer(self, text: str | None = None, *, alert: bool = False) -> None:
        """Answer the tap, if it was one and has no answer yet."""
        if self.update.callback_id is None or self.is_answered:
            return
        self.is_answered = True
        await self._sender.answer(self.update.callback_id, text, alert)

    @property
    def card(self) -> Message | None:
        """Give the card that was tapped, where Telegram still shows it to us."""
        query = self.update.update.callback_query
        message = query.message if query is not None else None
        return message if isinstance(message, Message) else None

    @property
    def callbacks_there(self) -> tuple[str, ...]:
        """Give what the buttons of the tapped card carry."""
        card = self.card
        markup = card.reply_markup if card is not None else None
        rows = markup.inline_keyboard if markup is not None else ()
        return tuple(
            button.callback_data
            for row in rows
            for button in row
            if isinstance(button.callback_data, str)
        )
