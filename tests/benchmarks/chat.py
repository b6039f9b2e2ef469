"""The chat: the real process between a local Telegram and a local exchange, seen on the wire.

Beside it stands the bare bot on a local Telegram of its own; the samples of the two alternate.
Times are those of the local Bot API: when it handed an update out, and when a request arrived. It
runs in this process, so what it costs itself is inside every figure, ours and the bare bot's.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox import Person, Sandbox, SeenCall, SeenMessage
from tests.benchmarks.bare_bot import NAME, bare_bot
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, baseline_of, p99_below, row_of
from tests.benchmarks.rows import Target as Bound
from tests.system.console import Phone
from tests.system.house import House, house

# A chat is sent thirty messages in half a minute at most, its greeting and its board among them, so
# many people talk, and the process begins anew when its watcher has had his share.
FILLS = 20
PAUSE_S = 0.06
TRADERS = tuple(range(5001, 5017))
WATCHER = 99
OPERATORS = ",".join(["4242:owner", "99:viewer", *(f"{each}:trader" for each in TRADERS)])
PEOPLE = tuple(Person(id=each, name=f"P{each}", started=True) for each in (*TRADERS, WATCHER))
SETTINGS: dict[str, Any] = {
    "CONFIRM": "never",
    "OPERATORS": OPERATORS,
    "PAPER_BALANCE": "1000000 USDT",
}


@dataclass(slots=True)
class Samples:
    """Gather milliseconds of each kind, of one of the two."""

    taps: list[float] = field(default_factory=list)
    fills: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)


async def chats(effort: Effort) -> list[Row]:
    """Measure taps, fills and STOPs of two idle bots; the stops come last, they halt ours."""
    ours, bare = Samples(), Samples()
    for life in effort.turns(7, quick=1, budget_s=110.0):
        async with AsyncExitStack() as stack:
            folder = effort.room(f"chat{life}")
            at = await stack.enter_async_context(house(folder, **SETTINGS))
            beside = await stack.enter_async_context(
                bare_bot(folder, operators=TRADERS, watcher=WATCHER, people=PEOPLE)
            )
            for person in PEOPLE[:-1]:
                await at.sandbox.add_person(person)
            await _taps(at.sandbox, ours, beside.sandbox, bare, effort.n(30, quick=20))
            await at.bind(at.viewer)
            await _fills(at, ours, beside.sandbox, bare, effort.n(FILLS, quick=10))
            await _stops(at.sandbox, ours, beside.sandbox, bare, effort.n(30, quick=20))
    return _rows(ours, bare)


def _rows(ours: Samples, bare: Samples) -> list[Row]:
    return [
        row_of(
            "chat.tap", "ms", ours.taps, p99_below(20.0),
            beside=baseline_of(NAME, "ms", bare.taps),
            note="a press on a button until its answerCallbackQuery arrived, idle",
            cause="two HTTP round trips and reading the update; the local Telegram takes its part",
        ),
        row_of(
            "chat.fill", "ms", ours.fills, Bound(figure="median", bound=30.0), p99_below(100.0),
            beside=baseline_of(NAME, "ms", bare.fills, note="send_message at once, nothing stored"),
            note="the venue's time of the fill until its alert arrived, paper ledger included",
            cause="two durable commits, the outbox row, its screen, and one HTTP round trip",
        ),
        row_of(
            "chat.stop", "ms", ours.stops, p99_below(50.0),
            beside=baseline_of(NAME, "ms", bare.stops, note="a flag is set, nothing is cancelled"),
            note="/stop handed out by getUpdates until the answer arrived, idle",
            cause="reading the update and the screen of the halt, before its commit",
        ),
    ]  # fmt: skip


async def last_call(sandbox: Sandbox) -> int:
    """Give the number of the newest call; a later call has a higher one."""
    calls = await sandbox.calls()
    return calls[-1].number if calls else 0


async def status_cards(sandbox: Sandbox) -> dict[int, SeenMessage]:
    """Let each trader ask for the status, whose card has buttons."""
    cards = {}
    for user_id in TRADERS:
        phone = Phone(sandbox=sandbox, user_id=user_id)
        await phone.say("/status")
        cards[user_id] = await sandbox.wait_for_message(
            lambda one, since=phone.seen: one.message_id > since and bool(one.labels),  # type: ignore[misc]
            chat_id=user_id,
        )
    return cards


async def _taps(sandbox: Sandbox, ours: Samples, beside: Sandbox, bare: Samples, n: int) -> None:
    both = [(each, await status_cards(each), to) for each, to in ((sandbox, ours), (beside, bare))]
    for number in range(n):
        user_id = TRADERS[number % len(TRADERS)]
        for where, cards, to in both:
            await asyncio.sleep(PAUSE_S)
            card = cards[user_id]
            query = await where.press(user_id, card.message_id, card.labels[0], gone_ok=True)
            answer = await where.wait_for_answer(query, timeout_s=30)
            assert answer.answered_s is not None
            to.taps.append((answer.answered_s - answer.asked_s) * MS)


async def _fills(at: House, ours: Samples, beside: Sandbox, bare: Samples, n: int) -> None:
    offset_s = time.time() - time.monotonic()
    last, last_bare, arrived_s = await last_call(at.sandbox), await last_call(beside), []
    for number in range(n):
        user_id = TRADERS[number % len(TRADERS)]
        text = f"/buy btc {100 + number} usdt"
        await asyncio.sleep(PAUSE_S)
        await at.sandbox.say(user_id, text)
        alert = await _alert(at.sandbox, last)
        last = alert.number
        arrived_s.append(alert.arrived_s)
        await asyncio.sleep(PAUSE_S)
        await beside.say(user_id, text)
        told = await _alert(beside, last_bare)
        last_bare = told.number
        filled_s = float(str(told.parameters["text"]).rpartition(" ")[2])
        bare.fills.append((told.arrived_s + offset_s - filled_s) * MS)
    filled = [
        datetime.fromisoformat(str(text)).timestamp()
        for (text,) in at.console.rows("select at from fills order by seq")
    ]
    pairs = zip(arrived_s, filled, strict=True)
    ours.fills.extend((each_s + offset_s - done_s) * MS for each_s, done_s in pairs)


async def _alert(sandbox: Sandbox, after: int) -> SeenCall:
    """Give the next message about a fill in the watcher's chat."""
    while True:
        call = await sandbox.wait_for_call("sendMessage", after=after)
        if call.chat_id == WATCHER and "Filled" in str(call.parameters.get("text")):
            return call
        after = call.number


async def _stops(sandbox: Sandbox, ours: Samples, beside: Sandbox, bare: Samples, n: int) -> None:
    for number in range(n):
        for where, to in ((sandbox, ours), (beside, bare)):
            await asyncio.sleep(PAUSE_S)
            to.stops.append(await _stop(where, TRADERS[number % len(TRADERS)]))


async def _stop(sandbox: Sandbox, user_id: int) -> float:
    before, said_s = await last_call(sandbox), time.monotonic()
    await sandbox.say(user_id, "/stop")
    answer = await sandbox.wait_for_call("sendMessage", after=before)
    while answer.chat_id != user_id:
        answer = await sandbox.wait_for_call("sendMessage", after=answer.number)
    asked = await sandbox.calls("getUpdates", after=max(0, before - 50))
    handed_s = [
        each.answered_s
        for each in asked
        if each.answered_s is not None and said_s <= each.answered_s <= answer.arrived_s
    ]
    return (answer.arrived_s - min(handed_s)) * MS
