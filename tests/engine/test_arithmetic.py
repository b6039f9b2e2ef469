"""Sums come out the same whatever a library has done to Python's decimal arithmetic."""

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, Underflow, getcontext, localcontext, setcontext

import pytest
from ccxt.base.decimal_to_precision import decimal_to_precision

from engine import commands as c
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.events import Event
from engine.fold import apply
from engine.ports import Step
from engine.state import State
from storage.codec import state_hash
from storage.projections import Projection
from storage.tables import FILLS, POSITIONS
from tests.engine.world import World, signal, world
from tests.storage.story import Story

ROUGH = Context(prec=9, rounding=ROUND_HALF_UP, traps=[Underflow])


@pytest.fixture(autouse=True)
def _own_context() -> Iterator[None]:
    with localcontext(Context()):
        yield


def folded(events: Sequence[Event]) -> str:
    state = State()
    for event in events:
        state = apply(state, event)
    return state_hash(state)


def test_the_client_of_the_venues_changes_the_context_of_whoever_calls_it() -> None:
    before = getcontext().rounding
    decimal_to_precision("1.005", precision=2)
    # Why all of this is needed; once this fails the rest may go.
    assert before != getcontext().rounding == ROUND_HALF_UP
    assert getcontext().traps[Underflow]


def test_a_fold_gives_the_same_state_in_any_context() -> None:
    events = [event for step, _, _ in Story(seed=3).steps(400) for event in step.events]
    exact = folded(events)
    setcontext(ROUGH.copy())
    assert folded(events) == exact


def rows(told: Sequence[tuple[Step, State, State]]) -> list[object]:
    projection = Projection()
    for step, begun, _ in told:
        before = begun
        for event, after in step.folded(begun):
            projection.add(before, event, after)
            before = after
    return [projection.all(FILLS), projection.all(POSITIONS)]


def test_the_rows_of_a_fill_are_the_same_in_any_context() -> None:
    told = list(Story(seed=41).steps(400))
    exact = rows(told)
    setcontext(ROUGH.copy())
    assert rows(told) == exact


async def test_what_was_decided_in_any_context_replays_in_another() -> None:
    setcontext(ROUGH.copy())
    async with world(confirm=ConfirmPolicy(mode=ConfirmMode.NEVER)) as w:
        for number in range(1, 8):
            await traded(w, Decimal(number) * Decimal("0.00137"))
        live, events = w.engine.state, w.journal.events
    # Another process, and each thread, begins with Python's own context.
    with localcontext(Context()):
        assert folded(events[: live.seq]) == state_hash(live)
    prices = [each.entry_price for each in live.positions.values()]
    assert any(len(price.as_tuple().digits) > ROUGH.prec for price in prices)


async def traded(w: World, quantity: Decimal) -> None:
    wish = signal("BTC/USDT", "buy", quantity=quantity)
    await w.give(c.SubmitSignal, signal=wish, venue="binance")
    await w.until(lambda: not w.engine.state.orders)
    w.set("BTC/USDT", str(Decimal(61000) + quantity * 1000))
