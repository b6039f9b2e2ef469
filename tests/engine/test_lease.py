"""The lease, asked just before the socket write: without it no order leaves, and cancels do."""

from typing import Any

from engine import commands as c
from engine import events as e
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.orders import OrderStatus
from tests.engine.world import World, world

NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)


class Lent:
    """A lease that a test gives and takes away."""

    def __init__(self) -> None:
        self.held = True

    def is_held(self) -> bool:
        return self.held


async def bought(w: World, **fields: Any) -> str:
    event = (await w.buy(**({"quantity": "0.001"} | fields))).events[-1]
    assert isinstance(event, e.OrderSubmitted), event
    return event.order.client_order_id


async def test_an_entry_without_the_lease_is_not_sent_and_its_sender_is_told() -> None:
    lease = Lent()
    async with world(lease=lease, confirm=NEVER) as w:
        lease.held = False
        name = await bought(w)
        await w.until(lambda: name in w.engine.state.orders_finished)
        order = w.engine.state.orders_finished[name]
        assert order.status is OrderStatus.NOT_SENT
        assert "the lease was lost" in (order.refusal or "")
        assert not w.venue.ledger.orders
        # and with it entries go out again
        lease.held = True
        name = await bought(w, quantity="0.002")
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.FILLED


async def test_an_exit_without_the_lease_is_not_sent_either() -> None:
    lease = Lent()
    async with world(lease=lease, confirm=NEVER) as w:
        await bought(w)
        await w.until(lambda: w.engine.state.positions and not w.engine.state.orders)
        (position,) = w.engine.state.positions.values()
        lease.held = False
        sent = len(w.venue.ledger.orders)
        result = await w.engine.close_position("btc")
        assert result.order is not None
        assert result.order.status is OrderStatus.NOT_SENT
        assert len(w.venue.ledger.orders) == sent
        assert tuple(w.engine.state.positions.values()) == (position,)


async def test_a_cancel_goes_out_without_the_lease() -> None:
    lease = Lent()
    async with world(lease=lease, confirm=NEVER) as w:
        name = await bought(w, price_limit=50000)
        await w.until(lambda: w.venue.ledger.orders)
        lease.held = False
        await w.give(c.Halt)
        await w.until(lambda: name in w.engine.state.orders_finished)
        assert w.engine.state.orders_finished[name].status is OrderStatus.CANCELED


async def test_a_flatten_that_lost_the_lease_closes_everything_once_it_is_back() -> None:
    lease = Lent()
    async with world(lease=lease, confirm=NEVER) as w:
        await bought(w)
        await w.until(lambda: w.engine.state.positions and not w.engine.state.orders)
        lease.held = False
        await w.give(c.Flatten)
        unsent = OrderStatus.NOT_SENT
        await w.until(
            lambda: any(o.status is unsent for o in w.engine.state.orders_finished.values())
        )
        assert w.engine.state.positions
        lease.held = True
        await w.until(lambda: not w.engine.state.positions)
        exits = [o for o in w.engine.state.orders_finished.values() if o.is_exit]
        filled = [o for o in exits if o.status is OrderStatus.FILLED]
        assert len(filled) == 1
