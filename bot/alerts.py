"""Alerts: from the outbox to the chats. Urgent first, in order per subject, none lost.

What a message says is made in the moment of its turn: the latest state is told, and everything
that piled up about one subject is told at once.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Final, assert_never

from bot.attempts import ChatBlocked, DeliveryError, RefusedByTelegram, Undelivered
from bot.blocked_chats import BlockedChats
from bot.chat_order import ChatOrder
from bot.delivery import Delivery
from bot.lanes import Turn
from bot.outgoing import Key, Outgoing, Pace, Rows, patiently
from bot.screens.layout import Screen, Sign, plain_text, text_of, title_line
from bot.tellings.book import Tellings
from bot.tellings.telling import Silence, Telling, Told
from engine.alerts import Audience, Lane
from engine.commands import Role
from engine.errors import JournalError
from engine.ports import Clock
from engine.state import State
from storage.cards import Card, Cards
from storage.outbox import Outbox, OutboxRow

log = logging.getLogger(__name__)

IN_FLIGHT_MAX: Final = 400
IN_FLIGHT_CHAT_MAX: Final = 60
DUE_MAX: Final = 500
HASH_LENGTH: Final = 16
# These only bring a card up to date: a moment's wait for more of them costs nobody anything.
UPDATES: Final = frozenset({"FillBooked", "OrderAsked", "OrderAccepted"})


@dataclass(slots=True, kw_only=True)
class _Talk:
    """What is on its way to one chat about one subject."""

    rows: dict[int, OutboxRow] = field(default_factory=dict)
    pressing: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, row: OutboxRow) -> None:
        self.rows.setdefault(row.row_id, row)
        if row.event not in UPDATES:
            self.pressing.set()

    def ordered(self) -> Rows:
        return tuple(row for _, row in sorted(self.rows.items()))


class Alerts:
    """Deliver the outbox.

    `role_of` gives an operator's role by user id, None for anybody else. `observe_delay` is told
    the seconds from each event to its message.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        cards: Cards,
        blocked: BlockedChats,
        tellings: Tellings,
        delivery: Delivery,
        state: Callable[[], State],
        role_of: Callable[[int], Role | None],
        clock: Clock,
        pace: Pace | None = None,
        order: ChatOrder | None = None,
        observe_delay: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._pace = pace or Pace()
        self._outgoing = Outgoing(outbox=outbox, clock=clock, pace=self._pace)
        self._cards = cards
        self._blocked = blocked
        self._tellings = tellings
        self._delivery = delivery
        self._state = state
        self._role_of = role_of
        self._clock = clock
        self._observe_delay = observe_delay
        self._talks: dict[Key, _Talk] = {}
        self._order = order or ChatOrder()
        self._doubtful: set[Key] = set()

    async def run(self) -> None:
        """Deliver until cancelled. What was in flight at a kill is repeated, and says so."""
        await patiently(self._blocked.load, self._pace.idle_s)
        await self._outgoing.recover()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._outgoing.changed.clear()
                taken = sum(len(talk.rows) for talk in self._talks.values())
                for row in await self._outgoing.due(DUE_MAX + taken):
                    # What is durable already may not be in State yet, and a card is drawn from
                    # State: told too early, the alert would be spent on what was so before.
                    if row.seq <= self._state().seq:
                        self._take(row, tasks)
                await self._something()

    async def _something(self) -> None:
        """Wait for new rows, for the end of a talk, or for the time of a retry."""
        try:
            async with asyncio.timeout(self._pace.idle_s):
                await self._outgoing.changed.wait()
        except TimeoutError:
            return

    def _take(self, row: OutboxRow, tasks: asyncio.TaskGroup) -> None:
        key = (row.chat_id, row.subject)
        talk = self._talks.get(key)
        if talk is not None:
            talk.add(row)
            return
        if row.lane is not Lane.STOP:
            in_chat = sum(1 for chat_id, _ in self._talks if chat_id == row.chat_id)
            room = self._outgoing.room_in(row.chat_id, IN_FLIGHT_CHAT_MAX)
            if len(self._talks) >= IN_FLIGHT_MAX or in_chat >= room:
                return
        self._talks[key] = talk = _Talk()
        talk.add(row)
        tasks.create_task(self._talk(key, talk), name=f"alert {row.subject}")

    async def _talk(self, key: Key, talk: _Talk) -> None:
        """Tell a subject until nothing is left to tell, at most one update a second."""
        try:
            while talk.rows:
                await self._tell_once(key, talk)
                try:
                    async with asyncio.timeout(self._pace.edit_every_s):
                        await talk.pressing.wait()
                except TimeoutError:
                    continue
        finally:
            del self._talks[key]
            # There may be room now for what had to wait.
            self._outgoing.changed.set()

    async def _tell_once(self, key: Key, talk: _Talk) -> None:
        """Tell what has gathered. In one chat one after another, so that order is kept; a STOP
        waits for nobody.
        """
        lane = min(row.lane for row in talk.rows.values())
        if lane is Lane.STOP:
            await self._tell_now(key, talk, lane)
            return
        async with self._order.of(key[0]):
            await self._tell_now(key, talk, lane)

    async def _tell_now(self, key: Key, talk: _Talk, lane: Lane) -> None:
        try:
            turn = await self._delivery.turn(key[0], lane)
        except Undelivered as fault:
            await self._outgoing.retry(talk.ordered(), str(fault))
            talk.rows.clear()
            return
        with turn:
            talk.pressing.clear()
            rows = talk.ordered()
            try:
                await self._tell(rows, lane, turn)
            except Undelivered as fault:
                if fault.maybe_sent:
                    self._doubtful.add(key)
                await self._outgoing.retry(rows, str(fault))
            except ChatBlocked as fault:
                # First the notice to the owners: a kill in between repeats it, and loses nothing.
                await patiently(partial(self._blocked.add, key[0]), self._pace.idle_s)
                await self._outgoing.drop(rows, f"blocked: {fault}")
            except RefusedByTelegram as fault:
                await self._outgoing.drop(rows, f"refused by Telegram: {fault}")
            except Exception:  # task boundary: a bug in one alert must not silence all the others
                log.exception("alert not told", extra={"chat_id": key[0], "subject": key[1]})
                await self._outgoing.retry(rows, "a bug of ours, see the log", whole_chat=False)
            for row in rows:
                talk.rows.pop(row.row_id, None)

    async def _tell(self, rows: Rows, lane: Lane, turn: Turn) -> None:
        last = rows[-1]
        refusal = self._refusal(last)
        if refusal is not None:
            await self._outgoing.drop(rows, refusal)
            return
        find = partial(self._cards.find, last.chat_id, last.subject)
        card = await patiently(find, self._pace.idle_s)
        told = await patiently(partial(self._told, rows, card), self._pace.idle_s)
        match told:
            case Silence(reason=reason):
                await self._outgoing.drop(rows, reason)
            case Telling():
                await self._outgoing.begin(rows)
                await self._say(rows, card, told, lane=lane, turn=turn)
                self._doubtful.discard((last.chat_id, last.subject))
                if last.chat_id in self._blocked:
                    await patiently(
                        partial(self._blocked.heard_from, last.chat_id), self._pace.idle_s
                    )
                self._observe_delay((self._clock.now() - rows[0].at).total_seconds())
                await self._outgoing.sent(rows)
            case _:
                assert_never(told)

    async def _told(self, rows: Rows, card: Card | None) -> Told:
        try:
            return await self._tellings.of(rows, card)
        except JournalError:
            # It can be drawn once the database answers again.
            raise
        except Exception:  # task boundary: an undrawable card is told in plain words instead
            row = rows[-1]
            log.exception("card not drawn", extra={"subject": row.subject, "seq": row.seq})
            title = title_line("This card could not be drawn", sign=Sign.LOOK, live=None)
            text = text_of(title, plain_text(f"{row.event}, event {row.seq}, {row.subject}"))
            return Telling(screen=Screen(text=text), fresh=True)

    async def _say(
        self, rows: Rows, card: Card | None, telling: Telling, *, lane: Lane, turn: Turn
    ) -> None:
        """Edit the card, or send a new one and remember it."""
        chat_id, mark = rows[-1].chat_id, mark_of(telling)
        shown = card.message_id if card is not None else None
        if telling.takes is not None:
            shown = telling.takes
        elif card is not None and card.content_hash == mark and not telling.fresh:
            return
        if shown is not None and not telling.fresh:
            screen = telling.screen
            if await self._delivery.edit(chat_id, shown, screen, lane=lane, turn=turn):
                since = card.at if card is not None and telling.takes is None else None
                await self._remember(rows[-1], shown, mark, since)
                return
        message_id = await self._send(rows, telling, lane=lane, turn=turn)
        await self._remember(rows[-1], message_id, mark, None)
        if telling.removes is not None:
            await self._remove(chat_id, telling.removes, lane)

    async def _send(self, rows: Rows, telling: Telling, *, lane: Lane, turn: Turn) -> int:
        chat_id = rows[-1].chat_id
        silent = telling.quiet or all(row.silent for row in rows)
        doubtful = (chat_id, rows[-1].subject) in self._doubtful
        repeat = doubtful or any(row.repeat for row in rows)
        say = partial(
            self._delivery.send,
            chat_id,
            telling.screen,
            reply_to=telling.reply_to,
            silent=silent,
            repeat=repeat,
            lane=lane,
            turn=turn,
        )
        if telling.picture is None:
            return await say()
        try:
            return await self._delivery.send_photo(
                chat_id,
                telling.picture,
                telling.screen,
                reply_to=telling.reply_to,
                silent=silent,
                repeat=repeat,
                lane=lane,
                turn=turn,
            )
        except RefusedByTelegram as fault:
            # The words matter more than the picture.
            log.warning("picture refused", extra={"chat_id": chat_id, "reason": str(fault)})
            return await say()

    async def _remember(
        self, row: OutboxRow, message_id: int, mark: str, since: datetime | None
    ) -> None:
        at = since if since is not None else self._clock.now()
        put = partial(self._cards.put, row.chat_id, row.subject, message_id, mark, at)
        await patiently(put, self._pace.idle_s)

    async def _remove(self, chat_id: int, message_id: int, lane: Lane) -> None:
        try:
            await self._delivery.delete(chat_id, message_id, lane=lane)
        except DeliveryError as fault:
            # An older ping that stays is untidy and nothing else.
            log.info("ping not deleted", extra={"chat_id": chat_id, "reason": str(fault)})

    def _refusal(self, row: OutboxRow) -> str | None:
        """Say why a chat is not to be told; None when it is."""
        if row.chat_id > 0:
            role = self._role_of(row.chat_id)
            if role is None:
                return "no longer an operator"
            if row.audience is Audience.OWNERS and role is not Role.OWNER:
                return "for owners only"
        else:
            chat = self._state().chats.get(str(row.chat_id))
            if chat is None or self._role_of(chat.user_id) is None:
                return "no operator stands behind this group"
        # A STOP is worth a try: it is how a chat that was unblocked is noticed.
        if row.chat_id in self._blocked and row.lane is not Lane.STOP:
            return "the chat blocked the bot"
        return None


def mark_of(telling: Telling) -> str:
    """Give the stage that a card shows and a hash of all it says."""
    digest = sha256(repr(telling.screen).encode()).hexdigest()[:HASH_LENGTH]
    return f"{telling.stage}:{digest}"
