"""The board: one pinned message a private chat, edited in place, never ringing."""

import asyncio
import logging
from collections.abc import Callable, Container
from typing import Final

from bot.attempts import ChatBlocked, DeliveryError
from bot.delivery import Delivery
from bot.lanes import Turn
from bot.screens.board import board
from bot.screens.layout import Screen
from bot.tellings.telling import Desk
from bot.views.board import Fault, board_view
from engine.alerts import Lane
from engine.errors import JournalError
from engine.risk_limits import TradingState
from engine.state import State

log = logging.getLogger(__name__)

SUBJECT: Final = "board"
MARK: Final = "board:"
LOOK_EVERY_S: Final = 1.0
CHATS_MAX: Final = 200


class Board:
    """Keep a status board in every operator's private chat.

    It is edited at `refresh`, and by itself when a chat is bound or the trading state changes. The
    message is remembered with the cards; where it was deleted, a new one is sent and pinned.
    """

    def __init__(
        self,
        *,
        desk: Desk,
        delivery: Delivery,
        blocked: Container[int] = (),
        fault: Callable[[], Fault | None] = lambda: None,
    ) -> None:
        self._desk = desk
        self._delivery = delivery
        self._blocked = blocked
        self._fault = fault
        self._wanted = asyncio.Event()
        self._busy: set[int] = set()
        self._shown: dict[int, tuple[TradingState, int, int]] = {}

    def refresh(self) -> None:
        """Edit every board soon; several calls are one."""
        self._shown.clear()
        self._wanted.set()

    async def run(self) -> None:
        """Keep the boards until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wanted.clear()
                state = self._desk.state()
                for chat_id in self._chats(state):
                    if self._shown.get(chat_id) != _gist(state):
                        self._shown[chat_id] = _gist(state)
                        self._busy.add(chat_id)
                        tasks.create_task(self._show(chat_id), name=f"board {chat_id}")
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._wanted.wait()
                except TimeoutError:
                    continue

    def _chats(self, state: State) -> tuple[int, ...]:
        """Name the private chats of operators whose board is not being edited already."""
        chats = [chat.chat_id for chat in state.chats.values() if not chat.is_group]
        return tuple(
            chat_id
            for chat_id in chats[:CHATS_MAX]
            if chat_id not in self._busy
            and chat_id not in self._blocked
            and self._desk.role_of(chat_id) is not None
        )

    async def _show(self, chat_id: int) -> None:
        try:
            with await self._delivery.turn(chat_id, Lane.REPORT) as turn:
                # In the moment of the turn: a board that waited shows now, not then.
                self._shown[chat_id] = _gist(self._desk.state())
                await self._put(chat_id, turn)
        except ChatBlocked as fault:
            log.info("no board", extra={"chat_id": chat_id, "reason": str(fault)})
        except (DeliveryError, JournalError) as fault:
            # The next tick shows a newer one.
            log.info("board not shown", extra={"chat_id": chat_id, "reason": str(fault)})
        except Exception:  # task boundary: one undrawable board must not end the others
            log.exception("board not drawn", extra={"chat_id": chat_id})
        finally:
            self._busy.discard(chat_id)

    async def _put(self, chat_id: int, turn: Turn) -> None:
        screen = self._screen(chat_id)
        card = await self._desk.cards.find(chat_id, SUBJECT)
        lane = Lane.REPORT
        if card is not None and await self._delivery.edit(
            chat_id, card.message_id, screen, lane=lane, turn=turn
        ):
            return
        message_id = await self._delivery.send(chat_id, screen, silent=True, lane=lane, turn=turn)
        now = self._desk.clock.now()
        await self._desk.cards.put(chat_id, SUBJECT, message_id, MARK, now)
        await self._delivery.pin(chat_id, message_id, lane=lane)

    def _screen(self, chat_id: int) -> Screen:
        desk = self._desk
        return board(
            board_view(
                desk.scene(chat_id),
                desk.state(),
                desk.latest,
                desk.instruments,
                desk.health(),
                fault=self._fault(),
            )
        )


def _gist(state: State) -> tuple[TradingState, int, int]:
    """Give what a board must show at once: the trading state, and how much is held back alone."""
    return state.trading, len(state.breakers), len(state.restrictions)
