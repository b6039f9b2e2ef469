"""The chat: the real process between a local Telegram and a local exchange, seen on the wire.

Times are those of the local Bot API: when it handed an update out, and when a request arrived. It
runs in this process, so what it costs itself is inside every figure.
"""

import asyncio
import time
from datetime import datetime
from typing import Any

from bot.sandbox import Person, Sandbox, SeenCall
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, p99_below, row_of
from tests.benchmarks.rows import Target as Bound
from tests.system.console import Phone
from tests.system.house import House, house

# A chat is sent some twenty fills in half a minute, so many people talk, and the process begins
# anew when its watcher has had his share. All chats together get twenty messages a second.
FILLS = 16
PAUSE_S = 0.1
TRADERS = tuple(range(5001, 5017))
WATCHER = 99
OPERATORS = ",".join(["4242:owner", "99:viewer", *(f"{each}:trader" for each in TRADERS)])
SETTINGS: dict[str, Any] = {
    "CONFIRM": "never",
    "OPERATORS": OPERATORS,
    "PAPER_BALANCE": "1000000 USDT",
}


async def chats(effort: Effort) -> list[Row]:
    """Measure taps, fills and STOPs of an idle process; the stops come last, they halt it."""
    taps: list[float] = []
    fills: list[float] = []
    stops: list[float] = []
    for life in range(effort.n(4, quick=1)):
        async with house(effort.room(f"chat{life}"), **SETTINGS) as at:
            for user_id in TRADERS:
                await at.sandbox.add_person(Person(id=user_id, name=f"T{user_id}", started=True))
            taps += await _taps(at, effort.n(50, quick=30))
            fills += await _fills(at, FILLS)
            stops += await _stops(at, effort.n(50, quick=30))
    return [
        row_of(
            "chat.tap",
            "ms",
            taps,
            p99_below(20.0),
            note="a press on a button until its answerCallbackQuery arrived, idle",
            cause="two HTTP round trips and reading the update; the chat shares this core",
        ),
        row_of(
            "chat.fill",
            "ms",
            fills,
            Bound(figure="median", bound=30.0),
            p99_below(100.0),
            note="the venue's time of the fill until its alert arrived, paper ledger included",
            cause="two durable commits, the outbox row, its screen, and one HTTP round trip",
        ),
        row_of(
            "chat.stop",
            "ms",
            stops,
            p99_below(50.0),
            note="/stop handed out by getUpdates until the answer arrived, idle",
            cause="reading the update and the screen of the halt, before its commit",
        ),
    ]


async def _last(sandbox: Sandbox) -> int:
    calls = await sandbox.calls()
    return calls[-1].number if calls else 0


async def _taps(at: House, n: int) -> list[float]:
    cards = {}
    for user_id in TRADERS:
        phone = Phone(sandbox=at.sandbox, user_id=user_id)
        await phone.say("/status")
        cards[phone.user_id] = (
            phone,
            await at.sandbox.wait_for_message(
                lambda one, since=phone.seen: one.message_id > since and bool(one.labels),  # type: ignore[misc]
                chat_id=user_id,
            ),
        )
    samples = []
    for number in range(n):
        phone, card = cards[TRADERS[number % len(TRADERS)]]
        await asyncio.sleep(PAUSE_S)
        answer = await phone.pressed(card, card.labels[0])
        assert answer.answered_s is not None
        samples.append((answer.answered_s - answer.asked_s) * MS)
    return samples


async def _fills(at: House, n: int) -> list[float]:
    await at.bind(at.viewer)
    offset_s = time.time() - time.monotonic()
    last, arrived_s = await _last(at.sandbox), []
    for number in range(n):
        await asyncio.sleep(PAUSE_S)
        await at.sandbox.say(TRADERS[number % len(TRADERS)], f"/buy btc {100 + number} usdt")
        alert = await _alert(at.sandbox, last)
        arrived_s.append(alert.arrived_s)
        last = alert.number
    filled_s = [
        datetime.fromisoformat(str(text)).timestamp()
        for (text,) in at.console.rows("select at from fills order by seq")
    ]
    pairs = zip(arrived_s, filled_s, strict=True)
    return [(each_s + offset_s - done_s) * MS for each_s, done_s in pairs]


async def _alert(sandbox: Sandbox, after: int) -> SeenCall:
    """Give the next message about a fill in the watcher's chat."""
    while True:
        call = await sandbox.wait_for_call("sendMessage", after=after)
        if call.chat_id == WATCHER and "Filled" in str(call.parameters.get("text")):
            return call
        after = call.number


async def _stops(at: House, n: int) -> list[float]:
    samples = []
    for number in range(n):
        user_id = TRADERS[number % len(TRADERS)]
        await asyncio.sleep(PAUSE_S)
        before, said_s = await _last(at.sandbox), time.monotonic()
        await at.sandbox.say(user_id, "/stop")
        answer = await at.sandbox.wait_for_call("sendMessage", after=before)
        while answer.chat_id != user_id:
            answer = await at.sandbox.wait_for_call("sendMessage", after=answer.number)
        asked = await at.sandbox.calls("getUpdates", after=max(0, before - 50))
        handed_s = [
            each.answered_s
            for each in asked
            if each.answered_s is not None and said_s <= each.answered_s <= answer.arrived_s
        ]
        samples.append((answer.arrived_s - min(handed_s)) * MS)
    return samples
