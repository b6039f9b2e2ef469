"""One suite for every journal: what the loop may rely on, in memory as on a disk."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import events as e
from engine.errors import JournalLocked
from engine.fold import apply
from engine.journal_memory import MemoryJournal
from engine.ports import Journal, Known, Step
from engine.state import ORDERS_TAIL, State
from storage.codec import state_hash
from storage.database import Database
from storage.journal import SqlJournal
from tests.storage.story import OWNER, Story

AnyJournal = MemoryJournal | SqlJournal


@dataclass
class Kept:
    """A journal, and how the next process would open it."""

    journal: AnyJournal
    reopen: Callable[[], Awaitable[AnyJournal]]


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        "sqlite-memory",
        "sqlite-inline",
        pytest.param("postgres", marks=pytest.mark.postgres),
    ]
)
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    if request.param == "memory":
        memory = MemoryJournal()

        async def same() -> AnyJournal:
            return memory

        yield Kept(memory, same)
        return
    is_file = request.param != "sqlite-memory"
    url = f"sqlite:///{tmp_path / 'journal.db'}" if is_file else "sqlite://"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    opened = [SqlJournal(Database(url, inline=request.param == "sqlite-inline"))]

    async def next_process() -> AnyJournal:
        if is_file:
            await opened[-1].close()
            opened.append(SqlJournal(Database(url, inline=request.param == "sqlite-inline")))
        return opened[-1]

    yield Kept(opened[0], next_process)
    await opened[-1].close()


async def told(journal: Journal, story: Story, steps: int) -> None:
    for step, before, after in story.steps(steps):
        await journal.append([step], before, after)


async def test_a_new_journal_is_empty(kept: Kept) -> None:
    assert await kept.journal.open() == State()
    assert await kept.journal.find_command("c1") == ()
    assert await kept.journal.find_order("qd1") is None
    assert await kept.journal.find_ticket("t1") is None
    assert await kept.journal.known(["c1"], ["binance:BTC/USDT:1"]) == Known()


async def test_what_was_appended_is_replayed_to_the_same_state(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=3)
    await told(kept.journal, story, 150)
    again = await kept.reopen()
    replayed = await again.open()
    assert replayed == story.state
    assert state_hash(replayed) == state_hash(story.state)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), group=st.integers(1, 40))
async def test_replay_gives_the_live_hash_however_steps_were_grouped(
    tmp_path_factory: pytest.TempPathFactory, seed: int, group: int
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('replay') / 'journal.db'}"
    journal = SqlJournal(Database(url, inline=True))
    await journal.open()
    story = Story(seed=seed)
    told_so_far = list(story.steps(80))
    for begin in range(0, len(told_so_far), group):
        batch = told_so_far[begin : begin + group]
        await journal.append([step for step, _, _ in batch], batch[0][1], batch[-1][2])
    await journal.close()
    again = SqlJournal(Database(url, inline=True))
    assert state_hash(await again.open()) == state_hash(story.state)
    verification = await again.verify()
    assert verification.faults == ()
    assert verification.state_hash == state_hash(story.state)
    await again.close()


async def test_a_consumed_command_gives_its_events_again(kept: Kept) -> None:
    await kept.journal.open()
    story = Story()
    await told(kept.journal, story, 1)
    before = story.state
    step = story.tell(*story.order())
    await kept.journal.append([step], before, story.state)
    command_id = step.events[0].command_id
    assert command_id is not None
    assert tuple(await kept.journal.find_command(command_id)) == step.events


async def test_orders_and_tickets_of_any_age_are_found(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=5)
    await told(kept.journal, story, 1)
    before = story.state
    ticket_step = story.tell(*story.ticket())
    await kept.journal.append([ticket_step], before, story.state)
    (ticket,) = story.state.tickets.values()
    names: list[str] = []
    for _ in range(ORDERS_TAIL + 5):
        before = story.state
        submitted = story.tell(*story.order())
        (order,) = story.state.orders.values()
        names.append(order.client_order_id)
        refused = story.tell(
            e.OrderNotSent(at=story.at, client_order_id=order.client_order_id, reason="halted")
        )
        await kept.journal.append([submitted, refused], before, story.state)
    first = names[0]
    assert first not in story.state.orders_finished
    found = await kept.journal.find_order(first)
    assert found is not None
    assert found.refusal == "halted"
    assert found.finished_at is not None
    assert await kept.journal.find_ticket(ticket.ticket_id) == ticket


async def test_an_order_that_left_the_window_within_one_append_is_found(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=6)
    await told(kept.journal, story, 1)
    before, steps = story.state, []
    for _ in range(ORDERS_TAIL + 5):
        steps.append(story.tell(*story.order()))
        (order,) = story.state.orders.values()
        steps.append(story.tell(e.OrderExpired(at=story.at, client_order_id=order.client_order_id)))
    submitted = steps[0].events[1]
    assert isinstance(submitted, e.OrderSubmitted)
    await kept.journal.append(steps, before, story.state)
    found = await kept.journal.find_order(submitted.order.client_order_id)
    assert found is not None
    assert found.is_finished


async def test_a_booked_fill_and_a_consumed_command_are_known_for_ever(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=7)
    await told(kept.journal, story, 60)
    fills, commands = frozenset(story.state.fills_known), frozenset(story.state.commands_known)
    assert fills
    assert commands
    again = await kept.reopen()
    await again.open()

    found = await again.known([*commands, "another"], [*fills, "binance:BTC/USDT:other"])

    assert found == Known(commands=commands, fills=fills)


async def test_many_steps_are_one_append(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=8)
    steps = list(story.steps(100))
    await kept.journal.append([step for step, _, _ in steps], State(), story.state)
    again = await kept.reopen()
    assert await again.open() == story.state


async def test_an_append_without_events_does_nothing(kept: Kept) -> None:
    await kept.journal.open()
    await kept.journal.append([], State(), State())
    assert await kept.journal.open() == State()


async def test_a_decision_from_an_older_state_is_fenced_off(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=9)
    await told(kept.journal, story, 1)
    stale = story.state
    await told(kept.journal, story, 1)
    other = Story(seed=10, state=stale)
    step = other.tell(*other.order())
    with pytest.raises(JournalLocked):
        await kept.journal.append([step], stale, other.state)
    assert await kept.journal.open() == story.state


async def _refused_as_a_bug(kept: Kept, story: Story, *events: e.Event) -> None:
    """A journal that is told what it holds already stops, and holds what it held."""
    before = story.state
    steps = [Step(events=(event,), alerts=()) for event in events]
    forgetful = replace(
        before, fills_known={}, orders_finished={}, orders={}, commands_known={}, tickets={}
    )
    after = forgetful
    for event in events:
        after = apply(after, event)
    with pytest.raises(AssertionError):
        await kept.journal.append(steps, forgetful, after)
    assert await kept.journal.open() == before
    await told(kept.journal, story, 3)


async def test_a_command_consumed_twice_is_a_bug_of_ours(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=11)
    await told(kept.journal, story, 5)
    halt = e.TradingHalted(at=story.at, command_id="c-new", actor=OWNER, reason="STOP")
    await _refused_as_a_bug(kept, story, halt, halt)
    known = next(iter(story.state.commands_known))
    await _refused_as_a_bug(kept, story, replace(halt, command_id=known))


async def test_an_order_named_twice_is_a_bug_of_ours(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=12)
    await told(kept.journal, story, 1)
    submitted = story.order()[1]
    before = story.state
    await kept.journal.append([story.tell(submitted)], before, story.state)
    await _refused_as_a_bug(kept, story, replace(submitted, command_id="another"))


async def test_a_fill_booked_twice_is_a_bug_of_ours(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=13)
    await told(kept.journal, story, 1)
    before = story.state
    order_step = story.tell(*story.order())
    (order,) = story.state.orders.values()
    booked = story.booked(order)
    fill_step = story.tell(booked)
    await kept.journal.append([order_step, fill_step], before, story.state)
    external = replace(booked, fill=replace(booked.fill, client_order_id=None))
    await _refused_as_a_bug(kept, story, external)


async def test_a_refused_append_leaves_nothing_behind(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=14)
    await told(kept.journal, story, 2)
    known = next(iter(story.state.commands_known))
    fresh = e.TradingHalted(at=story.at, command_id="fresh", actor=OWNER, reason="STOP")
    await _refused_as_a_bug(kept, story, fresh, replace(fresh, command_id=known))
    assert await kept.journal.find_command("fresh") == ()


async def test_exact_amounts_survive(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=15)
    before = story.state
    opened, *rest = story.opening()
    assert isinstance(opened, e.JournalOpened)
    step = story.tell(replace(opened, cash=Decimal("1E-8")), *rest)
    await kept.journal.append([step], before, story.state)
    again = await kept.reopen()
    replayed = await again.open()
    assert str(replayed.cash["binance:USDT"]) == "1E-8"


async def test_a_command_s_name_may_hold_any_character(kept: Kept) -> None:
    await kept.journal.open()
    story = Story(seed=16)
    await told(kept.journal, story, 1)
    before = story.state
    halted = e.TradingHalted(at=story.at, command_id="nul \0 \ufdd0", actor=OWNER, reason="\0")
    await kept.journal.append([story.tell(halted)], before, story.state)
    again = await kept.reopen()
    assert await again.open() == story.state
    assert tuple(await again.find_command("nul \0 \ufdd0")) == (halted,)
    assert await again.known(["nul \0 \ufdd0"], []) == Known(commands=frozenset({"nul \0 \ufdd0"}))
