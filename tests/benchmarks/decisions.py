"""Decisions: pre-trade evaluation, fills and watched exits, as pure functions in memory."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count

from bot.clock import SystemClock
from engine import commands as c
from engine import reports as r
from engine.alerts import alerts_of
from engine.asking import asks_of
from engine.confirming import Confirmation, ConfirmPolicy, Measure, Tier
from engine.context import Context
from engine.decide import decide
from engine.exposure import exposure
from engine.fold import apply
from engine.markets.manual import ManualMarket
from engine.proposals import Proposal, propose
from engine.risk import breaches_of
from engine.signals import TradingSignal
from engine.state import State
from engine.watch import Watch
from tests.benchmarks import account as a
from tests.benchmarks.causes import own_time
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import MS, Row, p99_below, row_of, timed

EVERY_TIER = ConfirmPolicy(
    tiers=tuple(
        Tier(measure=measure, confirmation=Confirmation.TYPED, over=Decimal("0.0001"))
        for measure in Measure
        if measure not in (Measure.LIVE, Measure.DRIFT)
    )
)
SIZES = ((10, 10), (100, 200), (100, 1000))


async def pretrade(effort: Effort) -> list[Row]:
    """Propose and judge one entry on a symbol that is not held, so that every rule is run."""
    rows = []
    for positions, orders in SIZES:
        made = a.account(positions, orders)
        wish = a.signal(250)
        asking = replace(made.state, confirm=EVERY_TIER)

        def evaluate(
            made: a.Account = made, wish: TradingSignal = wish, asking: State = asking
        ) -> None:
            proposal = propose(made.state, wish, a.VENUE, made.context)
            assert isinstance(proposal, Proposal), proposal
            around = exposure(made.state, made.context.quotes, proposal.key)
            breaches = breaches_of(proposal, made.state, made.context, around=around)
            assert not breaches, breaches
            asks = asks_of(
                proposal, asking, made.context, actor=c.ENGINE, wanted=False, around=around
            )
            assert asks

        main = (positions, orders) == (100, 200)
        n = effort.n(3000, quick=300)
        row = row_of(
            f"pretrade.{positions}x{orders}",
            "ms",
            timed(evaluate, n, MS),
            *([p99_below(0.5)] if main else []),
            note=f"propose + breaches_of + asks_of, {positions} positions, {orders} orders",
            cause="what the rules look at",
        )
        rows.append(replace(row, measured=(own_time(evaluate, n),)) if row.missed else row)
    return rows


def _booking(made: a.Account) -> Iterator[None]:
    """Decide and fold one fill after another, each on an open order of its own."""
    state = made.state
    for number in count():
        name = f"bench{number}"
        state = a.submitted(state, a.order(name, number % 100, price="110.00", quantity="0.001"))
        report = r.FillReported(fill=a.fill(f"f{number}", number % 100, "0.001", name))
        yield
        events = decide(state, report, made.context)
        for event in events:
            following = apply(state, event)
            alerts_of(state, event, following)
            state = following
        yield


async def fills(effort: Effort) -> list[Row]:
    """Book fills on an account of 100 positions and 200 orders."""
    booking = _booking(a.account(100, 200))
    samples = []
    for _ in range(effort.n(3000, quick=300)):
        next(booking)
        samples.extend(timed(lambda: next(booking), 1, MS, warm=0))
    return [
        row_of(
            "fill.booked",
            "ms",
            samples,
            p99_below(0.5),
            note="decide + apply + alerts of a fill, 100 positions, 200 orders",
            cause="copies of the mappings that the fill changes",
        )
    ]


async def exits(effort: Effort) -> list[Row]:
    """See quotes that reach nothing, with 100 positions; each is looked up and compared."""
    made = a.account(100, 200)
    posted: list[c.Command] = []
    clock = SystemClock()
    market = ManualMarket(instruments=made.context.instruments.values(), clock=clock)
    watch = Watch(quotes=market, clock=clock, state=lambda: made.state, post=posted.append)
    quotes = [a.quote(number) for number in range(100)]
    for quote in quotes:
        market.put(quote)
    turn = count()

    def see() -> None:
        watch.see(quotes[next(turn) % 100])

    samples = timed(see, effort.n(20_000, quick=2000), MS)
    assert not any(isinstance(each, c.TriggerExit) for each in posted), posted
    return [
        row_of(
            "exits.quote",
            "ms",
            samples,
            p99_below(0.1),
            note="one quote against stop and targets, 100 positions; equity once a second",
            cause="the valuation that is made once a second",
        )
    ]


async def signals(effort: Effort) -> list[Row]:
    """Decide and fold whole signals, as the loop does, on an account that stays the same."""
    made = a.account(100, 200)
    turn = count()

    def run() -> State:
        number = next(turn)
        command = c.SubmitSignal(
            command_id=f"bench{number}",
            actor=a.PROGRAM,
            at=a.AT,
            signal=a.signal(100 + number % 200),
            venue=a.VENUE,
        )
        context: Context = made.context
        state = made.state
        for event in decide(state, command, context):
            following = apply(state, event)
            alerts_of(state, event, following)
            state = following
        assert len(state.orders) == len(made.state.orders) + 1
        return state

    n = effort.n(2000, quick=200)
    row = row_of(
        "signal.decided",
        "ms",
        timed(run, n, MS),
        p99_below(1.0),
        note="decide + apply + alerts of a signal, 100 positions, 200 orders",
        cause="two events, each a copy of State and of the mappings that it changes",
    )
    return [replace(row, measured=(own_time(run, n),)) if row.missed else row]
