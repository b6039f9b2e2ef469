"""The burst: thousands of commands at the real process, and what it holds afterwards."""

import asyncio
from typing import Any

from bot.sandbox import Person, SeenMessage
from tests.benchmarks.effort import Effort
from tests.benchmarks.memory import resident_mb
from tests.benchmarks.rows import Row, Target, row_of
from tests.system.console import Phone, until
from tests.system.house import House, house

PEOPLE = tuple(range(5001, 5011))
TAPS_AT_ONCE = 100
SETTLE_S = 2.0
DONE_S = 60.0
SETTINGS: dict[str, Any] = {
    "CONFIRM": "never",
    "OPERATORS": ",".join(["4242:owner", "99:viewer", *(f"{each}:trader" for each in PEOPLE)]),
    "PAPER_BALANCE": "1000000 USDT",
}


async def burst(effort: Effort) -> Row:
    """Tap and trade; this is not the soak, whose own figure `make soak` prints."""
    taps, rounds = effort.n(3000, quick=200), effort.n(10, quick=3)
    async with house(effort.room("burst"), **SETTINGS) as at:
        cards = await _cards(at)
        process = at.console.process
        assert process is not None
        for number in range(0, taps, TAPS_AT_ONCE):
            await _tapped(at, cards, number)
        buys = 0
        for _ in range(rounds):
            for user_id in PEOPLE:
                # Amounts of their own, so that none is a duplicate.
                await at.sandbox.say(user_id, f"/buy btc {100 + buys} usdt")
                buys += 1
            await until(
                lambda done=buys: len(at.console.rows("select 1 from fills")) >= done,  # type: ignore[misc]
                "the burst's orders were not filled", timeout_s=DONE_S,
            )  # fmt: skip
        await asyncio.sleep(SETTLE_S)
        held = resident_mb(process.pid)
    return row_of(
        "memory.burst",
        "MB",
        [held],
        Target(figure="median", bound=150.0),
        note=f"resident after {taps:,} taps and {buys:,} filled orders; no soak: see `make soak`",
        cause="what is imported, and what stayed of the work",
    )


async def _cards(at: House) -> dict[int, SeenMessage]:
    """Give each person a status card to tap on."""
    cards = {}
    for user_id in PEOPLE:
        await at.sandbox.add_person(Person(id=user_id, name=f"T{user_id}", started=True))
        phone = Phone(sandbox=at.sandbox, user_id=user_id)
        await phone.say("/status")
        cards[user_id] = await at.sandbox.wait_for_message(
            lambda one, since=phone.seen: one.message_id > since and bool(one.labels),  # type: ignore[misc]
            chat_id=user_id,
        )
    return cards


async def _tapped(at: House, cards: dict[int, SeenMessage], first: int) -> None:
    queries = []
    for number in range(first, first + TAPS_AT_ONCE):
        user_id = PEOPLE[number % len(PEOPLE)]
        card = cards[user_id]
        queries.append(await at.sandbox.press(user_id, card.message_id, card.labels[0]))
    await asyncio.gather(*(at.sandbox.wait_for_answer(each, timeout_s=DONE_S) for each in queries))
