"""Growth with open orders: what each core step costs with 10, 100 and 1,000 of them resting."""

from itertools import count
from pathlib import Path
from time import perf_counter

from engine import commands as c
from engine import reports as r
from engine.alerts import Alert, alerts_of
from engine.decide import Message, decide
from engine.fold import apply
from engine.ports import Step
from engine.proposals import Proposal, propose
from engine.risk import breaches_of
from engine.state import State
from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks import account as a
from tests.benchmarks.effort import Effort
from tests.benchmarks.growth import Grower, Growth
from tests.benchmarks.rows import MS, timed

SIZES = (10, 100, 1000)
POSITIONS = 10


async def orders(effort: Effort) -> list[Growth]:
    """Take the sizes in turn, several times over, so that the machine's moods meet them alike."""
    grower = Grower("open orders", SIZES)
    folder = effort.room("orders")
    rounds, n = effort.n(4, quick=1), effort.n(50, quick=20)
    for turn in range(rounds):
        for size in SIZES:
            made = a.account(POSITIONS, size)
            _pure(grower, made, size, n)
            await _stored(grower, folder / f"{turn}-{size}.db", made, n)
    return [grower.table()]


def _step(made: a.Account, message: Message) -> tuple[Step, State]:
    """Decide and fold a message, as the loop does, on a State that stays as it is."""
    state, alerts, states = made.state, list[Alert](), list[State]()
    events = decide(state, message, made.context)
    for event in events:
        following = apply(state, event)
        alerts.extend(alerts_of(state, event, following))
        state = following
        states.append(state)
    return Step(events=events, alerts=tuple(alerts), states=tuple(states)), state


def _signal(number: int) -> c.SubmitSignal:
    return c.SubmitSignal(
        command_id=f"bench{number}",
        actor=a.PROGRAM,
        at=a.AT,
        signal=a.signal(100 + number % 200, name=f"bench{number}"),
        venue=a.VENUE,
    )


def _halt(number: int) -> c.Halt:
    return c.Halt(command_id=f"halt{number}", actor=a.PROGRAM, at=a.AT)


def _pure(grower: Grower, made: a.Account, size: int, n: int) -> None:
    turn = count()
    wish = a.signal(250)

    def evaluate() -> None:
        proposal = propose(made.state, wish, a.VENUE, made.context)
        assert isinstance(proposal, Proposal), proposal
        assert not breaches_of(proposal, made.state, made.context)

    def fill() -> None:
        number = next(turn)
        filled = a.fill(f"f{number}", number % POSITIONS, "0.001", f"open{number % size}")
        step, _ = _step(made, r.FillReported(fill=filled))
        assert step.events

    def stop() -> None:
        step, _ = _step(made, _halt(next(turn)))
        assert len(step.events) == 1 + size, [type(each) for each in step.events[:3]]

    grower.add("pre-trade evaluation", "ms", size, timed(evaluate, n, MS, warm=5))
    grower.add(
        "signal: decide, fold", "ms", size,
        timed(lambda: _step(made, _signal(next(turn))), n, MS, warm=5),
    )  # fmt: skip
    grower.add("fill: decide, fold", "ms", size, timed(fill, n, MS, warm=5))
    grower.add("STOP: halt, all cancels", "ms", size, timed(stop, max(5, n // 5), MS, warm=1))


async def _stored(grower: Grower, file: Path, made: a.Account, n: int) -> None:
    """Append signals to a journal of that account, and at last a STOP with its cancels."""
    journal = SqlJournal(Database(f"sqlite:///{file}"))
    before = await journal.open()
    try:
        events = (*a.opening(), *a.holding(POSITIONS, size := len(made.state.orders)))
        await journal.append([Step(events=events, alerts=())], before, made.state)
        samples = []
        for number in range(n):
            step, after = _step(made, _signal(number))
            begun = perf_counter()
            await journal.append([step], made.state, after)
            samples.append((perf_counter() - begun) * MS)
            made = a.Account(state=after, context=made.context)
        grower.add("signal: journal append", "ms", size, samples)
        step, after = _step(made, _halt(0))
        begun = perf_counter()
        await journal.append([step], made.state, after)
        grower.add("STOP: journal append", "ms", size, [(perf_counter() - begun) * MS])
    finally:
        await journal.close()
