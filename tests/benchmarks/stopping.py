"""STOP under load: handed out by the Bot API until its answer arrives, while all else is busy.

A picture is drawn all the time in a process beside it, 20 venue calls and more hang, 1,000 quotes
arrive each second, and 200 updates stand in the queue before the STOP. The console is a process of
its own (`loaded_console`); beside it the bare bot bears the same load. Only the one whose turn it
is has quotes and updates, so that the two do not slow each other.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.sandbox import Person, Sandbox, SeenCall, SeenMessage
from bot.sandbox.verbs import NothingCame
from tests.benchmarks.bare_bot import NAME, bare_bot
from tests.benchmarks.causes import busy_s_of, preemptions_of
from tests.benchmarks.chat import last_call
from tests.benchmarks.children import Child, child
from tests.benchmarks.effort import Effort
from tests.benchmarks.loaded_console import loaded_console
from tests.benchmarks.quote_stream import CLOSED
from tests.benchmarks.rows import MS, Row, baseline_of, p99_below, row_of
from tests.system.console import Phone

OWNERS = tuple(range(5001, 5017))
# They have nothing in the queue, so that a resume waits for nobody.
RESUMERS = (6001, 6002, 6003, 6004)
# He has said /start, so that every alert goes to him; his STOPs are answered by the alert itself.
PRESSER = 4242
STRANGERS = tuple(range(9001, 9011))
PEOPLE = tuple(
    Person(id=each, name=f"P{each}", started=True)
    for each in (PRESSER, *OWNERS, *RESUMERS, *STRANGERS)
)
ORDERS = 32
# Of the updates that wait: half are strangers' words, most others are taps on buttons of an older
# release, which a popup answers, and a few have to be answered by a message or an edit.
WAITING, COMMANDS, REFRESHES = 200, 4, 8
STALE = "q0|status"
# Of getUpdates, where none is asked for.
LIMIT = 100
SETTLE_S, REST_S = 0.35, 0.15
SAMPLES_A_LIFE = 20
# Far more than any of it takes: a busy machine shows as a slow row, not as one that broke.
WAIT_S, ANSWER_S = 120.0, 30.0


@dataclass(slots=True, kw_only=True)
class Side:
    """One of the two under load; `turn` is its number at the quote stream."""

    sandbox: Sandbox
    turn: int
    halted: str
    resumable: bool
    samples: list[float] = field(default_factory=list)
    queued: list[float] = field(default_factory=list)
    unanswered: int = 0
    cards: dict[int, SeenMessage] = field(default_factory=dict)
    owners: Iterator[int] = field(default_factory=lambda: itertools.cycle(OWNERS))
    resumers: Iterator[int] = field(default_factory=lambda: itertools.cycle(RESUMERS))


async def stops(effort: Effort) -> list[Row]:
    """Press STOP again and again on both, each time upon a fresh queue, and resume in between."""
    turns = effort.turns(40, quick=3, budget_s=130.0)
    seen, preempted, busy_s = list[Side](), 0, 0.0
    for turn in turns:
        async with _both(effort.room(f"stop{turn}")) as (sides, stream, process_id):
            before, busy_before_s = preemptions_of(process_id), busy_s_of(process_id)
            for _ in itertools.chain([turn], itertools.islice(turns, SAMPLES_A_LIFE - 1)):
                for side in sides:
                    await _sample(side, stream)
            preempted += preemptions_of(process_id) - before
            busy_s += busy_s_of(process_id) - busy_before_s
            seen += sides
    n = sum(len(side.samples) + side.unanswered for side in seen[0::2])
    measured = (
        f"the console was taken off its core {preempted:,} times",
        f"it took {busy_s / n * MS:,.0f} ms of processor time a sample, quotes and resume included",
    )
    return _rows(seen[0::2], seen[1::2], measured)


def _rows(ours: list[Side], bare: list[Side], measured: tuple[str, ...]) -> list[Row]:
    def gathered(sides: list[Side], name: str) -> list[float]:
        return [sample for side in sides for sample in getattr(side, name)]

    def silent(sides: list[Side]) -> int:
        return sum(side.unanswered for side in sides)

    loaded = row_of(
        "stop.load",
        "ms",
        gathered(ours, "samples"),
        p99_below(50.0),
        beside=baseline_of(
            NAME,
            "ms",
            gathered(bare, "samples"),
            note=f"the same load; a flag, nothing stored; {silent(bare)} never answered",
        ),
        note=f"STOP behind {WAITING} updates, handed out until answered; {ORDERS} venue calls "
        f"hanging in turn, 1,000 quotes/s, a picture being drawn; {silent(ours)} never answered",
        cause="updates that are read and served before it, the commit of the halt, its screen",
    )
    queued = row_of(
        "stop.queued",
        "ms",
        gathered(ours, "queued"),
        beside=baseline_of(NAME, "ms", gathered(bare, "queued")),
        note="the same from when the STOP was sent: all updates before it are fetched first",
    )
    return [replace(loaded, measured=measured), queued]


@asynccontextmanager
async def _both(folder: Path) -> AsyncIterator[tuple[list[Side], Child, int]]:
    """Put both up with their load."""
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(child("quote_stream", folder))
        ports = stream.word.split()
        console = await stack.enter_async_context(
            loaded_console(
                folder,
                owners=(PRESSER, *OWNERS, *RESUMERS),
                people=PEOPLE,
                quotes=f"127.0.0.1:{ports[0]}",
            )
        )
        bare = await stack.enter_async_context(
            bare_bot(
                folder,
                operators=(PRESSER, *OWNERS, *RESUMERS),
                watcher=PRESSER,
                people=PEOPLE,
                QUOTES=f"127.0.0.1:{ports[1]}",
                HANGING=str(ORDERS),
            )
        )
        sides = [
            Side(sandbox=console.sandbox, turn=0, halted="HALTED at", resumable=True),
            Side(sandbox=bare.sandbox, turn=1, halted="HALTED", resumable=False),
        ]
        stream.tell("0")
        await _hang(sides[0])
        for side in sides:
            await _ask_for_cards(side)
        await stack.enter_async_context(child("picture", folder))
        assert console.process is not None
        yield sides, stream, console.process.pid


async def _ask_for_cards(side: Side) -> None:
    for user_id in OWNERS:
        phone = Phone(sandbox=side.sandbox, user_id=user_id)
        await phone.say("/status")
        side.cards[user_id] = await side.sandbox.wait_for_message(
            lambda one, since=phone.seen: one.message_id > since and bool(one.labels),  # type: ignore[misc]
            chat_id=user_id,
            timeout_s=WAIT_S,
        )


async def _hang(side: Side) -> None:
    """Rest orders whose cancels the venue never answers: from the first STOP on they hang."""
    phone = Phone(sandbox=side.sandbox, user_id=PRESSER)
    await phone.say("/start")
    await phone.see("Try three things", timeout_s=WAIT_S)
    for number in range(ORDERS):
        await side.sandbox.say(OWNERS[number % len(OWNERS)], f"/buy btc {100 + number} usdt @ 90")
    for user_id in OWNERS:
        await side.sandbox.wait_for_text("limit entry", chat_id=user_id, timeout_s=WAIT_S)
    await phone.say("/stop")
    await phone.see(side.halted, timeout_s=WAIT_S)
    await _resume(side)


async def _sample(side: Side, stream: Child) -> None:
    """Let one side have its load for a moment, then queue 200 updates and a STOP at once."""
    stream.tell(str(side.turn))
    await asyncio.sleep(SETTLE_S)
    before = await last_call(side.sandbox)
    await _fill_queue(side)
    said_s = time.monotonic()
    await side.sandbox.say(PRESSER, "/stop")
    world = side.sandbox._world
    assert world is not None
    stop_id = int(world.updates.pending[-1]["update_id"])
    try:
        answer = await _answered(side, before)
    except NothingCame:
        # Told in the row's note, and no reason to leave the others unmeasured.
        side.unanswered += 1
    else:
        handed_s = await _handed_s(side.sandbox, before, stop_id)
        side.samples.append((answer.arrived_s - handed_s) * MS)
        side.queued.append((answer.arrived_s - said_s) * MS)
    await _resume(side)
    stream.tell(CLOSED)
    await asyncio.sleep(REST_S)


async def _fill_queue(side: Side) -> None:
    """Queue what people of all kinds send; nobody is served before all of it stands there."""
    sandbox = side.sandbox
    for number in range(WAITING // 2):
        await sandbox.say(STRANGERS[number % len(STRANGERS)], "Is this thing on?")
        user_id = next(side.owners)
        if number < COMMANDS:
            await sandbox.say(user_id, "/status")
            continue
        card = side.cards[user_id]
        data = None if number < COMMANDS + REFRESHES else STALE
        label = card.labels[0] if data is None else None
        await sandbox.press(user_id, card.message_id, label, callback_data=data, gone_ok=True)


async def _answered(side: Side, after: int) -> SeenCall:
    """Give the first message to the presser that says that trading is halted."""
    while True:
        call = await side.sandbox.wait_for_call("sendMessage", after=after, timeout_s=ANSWER_S)
        if call.chat_id == PRESSER and side.halted in str(call.parameters.get("text")):
            return call
        after = call.number


async def _handed_s(sandbox: Sandbox, after: int, update_id: int) -> float:
    """Give when the answer of getUpdates left that had the update in it first."""
    calls = []
    for call in await sandbox.calls("getUpdates", after=max(0, after - 10)):
        offset, limit = call.parameters.get("offset"), call.parameters.get("limit")
        if call.answered_s is not None:
            first = None if offset is None else int(offset)
            calls.append((first, int(limit or LIMIT), call.answered_s))
    return handed_by(calls, update_id)


def handed_by(calls: Iterable[tuple[int | None, int, float]], update_id: int) -> float:
    """Find, in calls as (offset, limit, time of the answer), the first that held the update."""
    for offset, limit, answered_s in calls:
        if offset is not None and offset <= update_id < offset + limit:
            return answered_s
    raise AssertionError(f"update {update_id} was never handed out")


async def _resume(side: Side) -> None:
    """Allow entries again, by another owner than who stopped."""
    phone = Phone(sandbox=side.sandbox, user_id=next(side.resumers))
    await phone.say("/resume")
    if side.resumable:
        card = await side.sandbox.wait_for_message(
            lambda one: one.message_id > phone.seen and one.has_button("Resume"),
            chat_id=phone.user_id,
            timeout_s=WAIT_S,
        )
        await phone.pressed(card, "Resume")
    await phone.see("ACTIVE", timeout_s=WAIT_S)
