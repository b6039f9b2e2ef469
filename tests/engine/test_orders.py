"""Orders move along one table; whatever is not in it is a bug of ours."""

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.orders import (
    FINISHED,
    TRANSITIONS,
    Order,
    OrderKind,
    OrderPurpose,
    OrderSide,
    OrderStatus,
    OrderTrigger,
    can,
    status_after,
)

S, T = OrderStatus, OrderTrigger
OPEN = (S.SUBMITTED, S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.UNKNOWN)


def an_order(status: OrderStatus = S.SUBMITTED, **fields: object) -> Order:
    return Order(
        client_order_id="qd1",
        venue="binance",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal("0.01"),
        intent="i",
        status=status,
        **fields,  # type: ignore[arg-type]
    )


# Columns: what happens to an order that is SUBMITTED, ACCEPTED, PARTIALLY_FILLED, PENDING_CANCEL,
# UNKNOWN. None is a row that does not exist: such an event is never decided.
TABLE: dict[OrderTrigger, tuple[OrderStatus | None, ...]] = {
    T.ACCEPT: (S.ACCEPTED, None, None, S.PENDING_CANCEL, S.ACCEPTED),
    T.REJECT: (S.REJECTED, S.REJECTED, None, S.REJECTED, S.REJECTED),
    T.NOT_SEND: (S.NOT_SENT, None, None, S.NOT_SENT, None),
    T.NO_ANSWER: (S.UNKNOWN, None, None, S.UNKNOWN, None),
    T.FILL_PART: (
        S.PARTIALLY_FILLED,
        S.PARTIALLY_FILLED,
        S.PARTIALLY_FILLED,
        S.PENDING_CANCEL,
        S.PARTIALLY_FILLED,
    ),
    T.FILL_ALL: (S.FILLED,) * 5,
    T.REQUEST_CANCEL: (
        S.PENDING_CANCEL,
        S.PENDING_CANCEL,
        S.PENDING_CANCEL,
        None,
        S.UNKNOWN,
    ),
    T.CANCEL: (S.CANCELED,) * 5,
    T.EXPIRE: (S.EXPIRED,) * 5,
}
ROWS = [
    (status, trigger, after)
    for trigger, row in TABLE.items()
    for status, after in zip(OPEN, row, strict=True)
]


@pytest.mark.parametrize(("status", "trigger", "after"), ROWS)
def test_an_open_order_moves_as_the_table_says(
    status: OrderStatus, trigger: OrderTrigger, after: OrderStatus | None
) -> None:
    order = an_order(status)
    assert can(order, trigger) is (after is not None)
    if after is None:
        with pytest.raises(AssertionError, match="qd1"):
            status_after(order, trigger)
    else:
        assert status_after(order, trigger) is after


BACK = {(S.REJECTED, T.REAPPEAR), (S.NOT_SENT, T.REAPPEAR)}


@pytest.mark.parametrize("status", sorted(FINISHED))
@pytest.mark.parametrize("trigger", list(T))
def test_a_finished_order_stays_finished_whatever_happens(
    status: OrderStatus, trigger: OrderTrigger
) -> None:
    order = an_order(status)
    if trigger in (T.FILL_PART, T.FILL_ALL):
        # A late fill is booked; it never reopens the order.
        assert status_after(order, trigger) is status
    elif (status, trigger) in BACK:
        # Settled as nothing, and the venue has it: only that reopens an order.
        assert status_after(order, trigger) is S.ACCEPTED
    else:
        assert not can(order, trigger)


def test_every_row_of_the_table_is_specified_here() -> None:
    specified = {(status, trigger) for status, trigger, after in ROWS if after is not None}
    late = {(status, trigger) for status in FINISHED for trigger in (T.FILL_PART, T.FILL_ALL)}
    assert set(TRANSITIONS) == specified | late | BACK


def test_no_status_is_neither_open_nor_finished() -> None:
    assert set(OPEN) | FINISHED == set(S)
    assert all(status.is_finished == (status in FINISHED) for status in S)


@pytest.mark.parametrize("trigger", [T.ACCEPT, T.FILL_PART])
def test_an_unknown_order_that_turns_up_is_cancelled_if_that_was_asked_for(
    trigger: OrderTrigger,
) -> None:
    asked = an_order(S.UNKNOWN, cancel_requested=True)
    assert status_after(asked, trigger) is S.PENDING_CANCEL


def test_what_is_left_of_an_overfilled_order_is_nothing() -> None:
    assert an_order(filled=Decimal("0.02")).remaining == 0


@pytest.mark.parametrize(
    ("side", "average", "cost"),
    [
        (OrderSide.BUY, "61301.24", "10"),
        (OrderSide.BUY, "61178.76", "-10"),
        (OrderSide.SELL, "61178.76", "10"),
    ],
)
def test_slippage_is_positive_when_it_cost(side: OrderSide, average: str, cost: str) -> None:
    order = an_order(price_arrival=Decimal(61240), price_average=Decimal(average))
    assert replace(order, side=side).slippage_cost_bps == Decimal(cost)


def test_slippage_is_null_without_a_fill_or_an_arrival_price() -> None:
    assert an_order(price_arrival=Decimal(1)).slippage_cost_bps is None
    assert an_order(price_average=Decimal(1)).slippage_cost_bps is None


def test_a_ticket_and_its_order_share_four_characters() -> None:
    order = an_order(ticket_id="t1")
    other = an_order()
    assert order.short_id.startswith("O-")
    assert order.short_id != other.short_id
