"""Lanes: who may speak to Telegram next. Urgent first, each chat within its rate."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from bot.buckets import Bucket, Rate, Rates
from engine.alerts import Lane

WAITING_MAX: Final = 2_000
CHATS_MAX: Final = 1_000
# A timer may fire a hair before the monotonic clock reaches the moment it was set for.
TIMER_SLACK_S: Final = 0.001


class LanesFull(Exception):
    """Refuse a turn because too many wait already; only the urgent lane is let in beyond it."""


@dataclass(slots=True, eq=False, kw_only=True)
class _Waiter:
    chat_id: int
    lane: Lane
    turn: asyncio.Future[None]


@dataclass(slots=True, kw_only=True)
class _Room:
    """What is known of one chat: its buckets, what is under way, and until when it is paused."""

    buckets: tuple[Bucket, ...]
    silent_until_s: float = 0.0
    out: int = 0
    urgent_out: int = 0


class Turn:
    """The right to make one request now; use it in `with`, or give it back by hand."""

    __slots__ = ("_give_back",)

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    @property
    def is_held(self) -> bool:
        """Tell whether the request may still be made."""
        return self._give_back is not None

    def give_back(self) -> None:
        """Say that the request was answered, or is not made."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.give_back()


class Lanes:
    """Give turns: the lowest lane number first, then first come, first served.

    A chat that has to wait never holds up another one. Groups have negative ids.
    """

    def __init__(self, *, rates: Rates, monotonic: Callable[[], float]) -> None:
        self._rates = rates
        self._monotonic = monotonic
        self._overall = (Bucket(rates.overall), Bucket(rates.in_flight))
        self._rooms: OrderedDict[int, _Room] = OrderedDict()
        self._waiting: dict[Lane, list[_Waiter]] = {lane: [] for lane in Lane}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def depth(self) -> int:
        """Give how many wait for their turn."""
        return sum(len(queue) for queue in self._waiting.values())

    async def turn(self, chat_id: int, lane: Lane) -> "Turn":
        """Wait for a turn; it is held until it is given back, for one request.

        Raises: LanesFull.
        """
        await self._enter(chat_id, lane)
        return Turn(lambda: self._leave(chat_id, lane))

    def pause(self, chat_id: int, seconds: float) -> None:
        """Let nothing out to this chat for a while; the others go on."""
        room = self._room(chat_id)
        room.silent_until_s = max(room.silent_until_s, self._monotonic() + seconds)
        self._admit()

    def paused_s(self, chat_id: int) -> float:
        """Give the seconds for which a chat is still paused, 0 when it is not."""
        room = self._rooms.get(chat_id)
        return max(0.0, room.silent_until_s - self._monotonic()) if room is not None else 0.0

    async def _enter(self, chat_id: int, lane: Lane) -> None:
        if lane is not Lane.STOP and self.depth >= WAITING_MAX:
            raise LanesFull(f"{WAITING_MAX} messages wait for Telegram already")
        waiter = _Waiter(
            chat_id=chat_id, lane=lane, turn=asyncio.get_running_loop().create_future()
        )
        self._waiting[lane].append(waiter)
        wait_s = self._wait_s(self._room(chat_id), lane, self._monotonic())
        if wait_s == 0.0:
            self._admit()
        elif wait_s is not None:
            self._wake_in(wait_s)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._leave(chat_id, lane)
            else:
                self._waiting[lane].remove(waiter)
            raise

    def _leave(self, chat_id: int, lane: Lane) -> None:
        now_s = self._monotonic()
        room = self._room(chat_id)
        room.out -= 1
        room.urgent_out -= lane is Lane.STOP
        for bucket in (*self._overall, *room.buckets):
            bucket.give_back(now_s)
        self._admit()

    def _admit(self) -> None:
        """Let everybody out whose turn it is, and set the timer for the next one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_s = self._monotonic()
        for lane, queue in self._waiting.items():
            kept: list[_Waiter] = []
            for index, waiter in enumerate(queue):
                overall_s = _longest_s(self._overall, lane, now_s)
                if overall_s != 0.0:
                    # Nobody else of this lane can go either.
                    kept.extend(queue[index:])
                    if overall_s is not None:
                        self._wake_in(overall_s)
                    break
                room = self._room(waiter.chat_id)
                wait_s = self._wait_s(room, lane, now_s)
                if wait_s != 0.0 or waiter.turn.done():
                    kept.append(waiter)
                    if wait_s is not None:
                        self._wake_in(wait_s)
                    continue
                room.out += 1
                room.urgent_out += lane is Lane.STOP
                for bucket in (*self._overall, *room.buckets):
                    bucket.take()
                waiter.turn.set_result(None)
            self._waiting[lane] = kept

    def _wake_in(self, wait_s: float) -> None:
        """Make sure that the next look at those who wait is no later than this."""
        loop = asyncio.get_running_loop()
        at_s = loop.time() + wait_s + TIMER_SLACK_S
        if self._timer is not None:
            if self._timer.when() <= at_s:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at_s, self._admit)

    def _wait_s(self, room: _Room, lane: Lane, now_s: float) -> float | None:
        wait_s = _longest_s((*self._overall, *room.buckets), lane, now_s)
        # What is urgent also arrives first: nothing else of the chat is under way beside it.
        if wait_s is None or (room.urgent_out and lane is not Lane.STOP):
            return None
        return max(wait_s, room.silent_until_s - now_s)

    def _room(self, chat_id: int) -> _Room:
        room = self._rooms.get(chat_id)
        if room is None:
            rates: tuple[Rate, ...] = (self._rates.chat,)
            if chat_id < 0:
                rates = (*rates, self._rates.group)
            room = _Room(buckets=tuple(Bucket(rate) for rate in rates))
            self._rooms[chat_id] = room
            self._forget_idle(chat_id)
        self._rooms.move_to_end(chat_id)
        return room

    def _forget_idle(self, but: int) -> None:
        if len(self._rooms) <= CHATS_MAX:
            return
        now_s = self._monotonic()
        waiting = {waiter.chat_id for queue in self._waiting.values() for waiter in queue}
        for chat_id, room in list(self._rooms.items()):
            if room.out or chat_id in waiting or chat_id == but or room.silent_until_s > now_s:
                continue
            if all(bucket.is_idle(now_s) for bucket in room.buckets):
                del self._rooms[chat_id]
                if len(self._rooms) <= CHATS_MAX:
                    return


def _longest_s(buckets: Iterable[Bucket], lane: Lane, now_s: float) -> float | None:
    """Give the seconds until every bucket has a token; None when one hangs on an answer."""
    longest_s = 0.0
    for bucket in buckets:
        wait_s = bucket.wait_s(lane, now_s)
        if wait_s is None:
            return None
        longest_s = max(longest_s, wait_s)
    return longest_s
