"""Every change of State that a table shows is written with the event that made it."""

from dataclasses import replace
from decimal import Decimal

from engine import events as e
from engine.fold import apply
from engine.identities import instrument_key
from engine.orders import Order, OrderPurpose, OrderSide, OrderStatus
from engine.positions import Position
from engine.signals import Target
from engine.state import State
from storage import tables as t
from storage.codec import POSITIONS
from storage.projections import Projection
from tests.storage.samples import filled


def test_a_target_that_a_failed_exit_gives_back_stands_in_the_position_s_row() -> None:
    # given a position whose target is on its way out with an exit that nobody answered for
    target = Target(price=Decimal(3500), fraction=Decimal(1))
    sample: Position = filled(Position)
    position = replace(sample, symbol="ETH/USDT", quantity=Decimal(1), targets=())
    made: Order = filled(Order)
    order = replace(
        made,
        symbol=position.symbol,
        venue=position.venue,
        side=OrderSide.SELL,
        purpose=OrderPurpose.EXIT,
        status=OrderStatus.UNKNOWN,
        quantity=Decimal(1),
        filled=Decimal(0),
        targets=(target,),
        position_id=position.position_id,
        finished_at=None,
    )
    key = instrument_key(position.venue, position.symbol)
    before = State(positions={key: position}, orders={order.client_order_id: order})
    # when the venue turns out never to have had it
    rejected = e.OrderRejected(
        at=position.opened_at,
        client_order_id=order.client_order_id,
        code="not_found",
        reason="nowhere",
    )
    after = apply(before, rejected)
    projection = Projection()
    projection.add(before, rejected, after)
    # then the position watches the target again, in State and in its row
    assert after.positions[key].targets == (target,)
    row = projection.all(t.POSITIONS)[position.position_id]
    assert row["document"] == POSITIONS.encode(after.positions[key])
