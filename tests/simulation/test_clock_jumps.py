"""A clock that jumps settles nothing: only time that really passed counts as waiting."""

from engine import commands as c
from engine.orders import OrderStatus
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import signal
from tests.simulation.session import SETTLE_S, Session
from tests.simulation.virtual_time import run


async def _jumped() -> None:
    # given a create that is on its way still when its answer is given up, after 5 seconds
    made = Session(1)
    await made.open()
    made.faults.script(Operation.SUBMIT, Fault(kind=FaultKind.LATE, delay_s=12.0))
    wish = signal("BTC/USDT", notional="100", price_limit="50000")
    made.give(made.named(c.SubmitSignal, signal=wish, venue="binance"))
    await made.pass_time(5.2)
    (order,) = made.engine.state.orders.values()
    assert order.status is OrderStatus.UNKNOWN
    # when the wall clock is set forward by more than the settle window
    made.clock.jump(SETTLE_S + 10)
    await made.pass_time(5)
    # then the venue, which has been asked several times by now, has not had its say
    (order,) = made.engine.state.orders.values()
    assert order.status is OrderStatus.UNKNOWN
    # and what arrives there after all is found
    await made.pass_time(30)
    (order,) = made.engine.state.orders.values()
    assert order.status is OrderStatus.ACCEPTED
    await made.rest()
    await made.engine.stop()
    await made.venue.stop()


def test_a_clock_set_forward_does_not_pass_the_settle_window() -> None:
    run(_jumped())
