"""A clock that jumps settles nothing: only time that really passed counts as waiting."""

from pathlib import Path

from engine import commands as c
from engine.orders import OrderStatus
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import signal
from tests.simulation.session import PERSON, Session
from tests.simulation.virtual_time import run

SETTLE_S = 60


async def _jumped(folder: Path) -> None:
    # given a create that is on its way still when its answer is given up, after 5 seconds
    made = Session(1, folder)
    made.dies_at = lambda _dice: None
    await made.outside.start()
    await made.open()
    made.outside.faults.script(Operation.SUBMIT, Fault(kind=FaultKind.LATE, delay_s=30.0))
    wish = signal("BTC/USDT", notional="100", price_limit="50000")
    made.give(made.named(c.SubmitSignal, PERSON, signal=wish, venue="binance"))
    await made.pass_time(5.2)
    (order,) = made.state.orders.values()
    assert order.status is OrderStatus.UNKNOWN
    # when the wall clock is set forward by more than the settle window
    made.outside.clock.jump(SETTLE_S + 10)
    await made.pass_time(15)
    # then the venue, which has been asked several times by now, has not had its say
    (order,) = made.state.orders.values()
    assert order.status is OrderStatus.UNKNOWN
    # and what arrives there after all is found
    await made.pass_time(30)
    (order,) = made.state.orders.values()
    assert order.status is OrderStatus.ACCEPTED
    await made.rest()
    await made.close()


def test_a_clock_set_forward_does_not_pass_the_settle_window(tmp_path: Path) -> None:
    run(_jumped(tmp_path))
