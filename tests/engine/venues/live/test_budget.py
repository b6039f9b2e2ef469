"""The request budget in virtual time: never above the rate, and bans are kept to."""

import asyncio
import random

import pytest

from engine.ports import VenueUnavailable
from engine.venues.live.budget import WAITING_MAX, BudgetRules, Priority, RequestBudget
from tests.simulation.virtual_time import VirtualClock, run

RULES = BudgetRules(weight_max=10, window_s=1, cancels_kept=2, exits_kept=2)
DAY_S = 86_400


def budget() -> RequestBudget:
    return RequestBudget(
        rules=RULES, clock=VirtualClock(), sleep=asyncio.sleep, jitter=random.Random(1)
    )


@pytest.mark.parametrize("seed", range(25))
def test_no_window_holds_more_than_the_rules_allow_and_nobody_is_forgotten(seed: int) -> None:
    async def act() -> None:
        rng, found, clock = random.Random(seed), budget(), VirtualClock()
        sent: list[tuple[float, int]] = []

        async def one(priority: Priority, weight: int) -> None:
            await found.take(priority, weight)
            sent.append((clock.monotonic(), weight))

        tasks: list[asyncio.Task[None]] = []
        for _ in range(100):
            tasks.append(asyncio.create_task(one(rng.choice(list(Priority)), rng.randint(1, 4))))
            if rng.random() < 0.15:
                rng.choice(tasks).cancel()
            if rng.random() < 0.02:
                found.heard(429, {"Retry-After": "2"})
            await asyncio.sleep(rng.random() * 0.15)
        _, forgotten = await asyncio.wait(tasks, timeout=DAY_S)
        assert not forgotten
        for at_s, _ in sent:
            assert sum(weight for then_s, weight in sent if at_s - 1 < then_s <= at_s) <= 10

    run(act())


def test_who_waits_is_served_by_urgency_not_by_arrival() -> None:
    async def act() -> None:
        found = budget()
        await found.take(Priority.CANCEL, RULES.weight_max)
        served: list[Priority] = []

        async def one(priority: Priority) -> None:
            await found.take(priority)
            served.append(priority)

        await asyncio.gather(*(one(priority) for priority in reversed(Priority)))
        assert served == list(Priority)

    run(act())


def test_a_ban_lasts_as_long_as_the_venue_says_and_lets_cancels_through() -> None:
    async def act() -> None:
        found = budget()
        found.heard(418, {"Retry-After": str(DAY_S)})
        assert found.banned_s >= DAY_S
        await found.take(Priority.CANCEL)
        for priority in (each for each in Priority if each is not Priority.CANCEL):
            with pytest.raises(VenueUnavailable):
                await found.take(priority)

    run(act())


def test_who_has_gone_is_not_kept_in_the_queue() -> None:
    async def act() -> None:
        found = budget()
        found.heard(429, {"Retry-After": "500"})
        head = asyncio.create_task(found.take(Priority.EXIT))
        for _ in range(3 * WAITING_MAX):
            gone = asyncio.create_task(found.take(Priority.DATA))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.sleep(0)
        assert found.waiting == 1
        assert len(found._waiting) <= WAITING_MAX + 1  # what no caller sees: memory
        await head
        found.close()

    run(act())
