"""The paper venue's ledger against the journal: every way in which two books can differ."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine.orders import OrderKind, OrderSide
from engine.positions import Liquidity
from engine.reports import VenueOrderStatus
from engine.venues.ledger import (
    Balance,
    Flow,
    FlowKind,
    LedgerSnapshot,
    SwapPosition,
    Trade,
    VenueOrder,
)
from storage.chain import StoredEvent
from storage.ledger_check import FAULTS_MAX, LedgerCheck, _checked, _Journal
from tests.engine.desk import Desk, signal

D = Decimal
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
LATER = timedelta(hours=1)


def traded() -> tuple[Desk, list[str]]:
    """Buy 0.01 on spot and 0.02 on the swap, sell half of the swap, leave one order open."""
    desk = Desk(cash="10000")
    first = desk.order(signal(SPOT, quantity="0.01"))
    desk.fill(first, "0.01", "61000", fee=D("0.61"), trade_id="t1")
    second = desk.order(signal(SWAP, quantity="0.01"))
    desk.fill(second, "0.01", "61000", fee=D("0.30"), trade_id="t2")
    (swap,) = (each for each in desk.state.positions.values() if each.symbol == SWAP)
    desk.later(20)
    desk.give(c.ClosePosition, position_id=swap.position_id)
    (third,) = desk.state.orders
    desk.fill(third, "0.004", "61500", fee=D("0.12"), trade_id="t3")
    return desk, [first, second, third]


DESK, NAMES = traded()


def journal() -> _Journal:
    """Take in what the desk decided, as a check of the stored events does."""
    made = _Journal()
    for seq, event in enumerate(DESK.events, 1):
        stored = StoredEvent(seq=seq, at=event.at, kind=type(event).__name__, event=event, hash="")
        made.take(DESK.state, stored)
    return made


def trade(number: int, symbol: str, side: OrderSide, *numbers: str) -> Trade:
    quantity, price, fee = map(D, numbers)
    return Trade(
        trade_id=f"t{number}",
        sequence=number,
        venue_order_id=f"v{number}",
        client_order_id=NAMES[number - 1],
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price,
        fee=fee,
        fee_currency="USDT",
        liquidity=Liquidity.TAKER,
        at=DESK.now,
    )


def order(number: int, status: VenueOrderStatus) -> VenueOrder:
    here = DESK.state.order(NAMES[number - 1])
    assert here is not None
    return VenueOrder(
        venue_order_id=f"v{number}",
        client_order_id=here.client_order_id,
        symbol=here.symbol,
        side=here.side,
        kind=OrderKind.MARKET,
        quantity=here.quantity,
        status=status,
        accepted_at=DESK.now,
        updated_at=DESK.now,
    )


def ledger() -> LedgerSnapshot:
    """Give the ledger that the venue of this story keeps."""
    gain = D("0.004") * 500
    cash = D(10000) - D(610) - D("0.61") - D("0.30") + gain - D("0.12")
    return LedgerSnapshot(
        flows=(
            Flow(
                flow_id="f1",
                sequence=0,
                kind=FlowKind.DEPOSIT,
                currency="USDT",
                amount=D(10000),
                at=DESK.now,
            ),
        ),
        trades=(
            trade(1, SPOT, OrderSide.BUY, "0.01", "61000", "0.61"),
            trade(2, SWAP, OrderSide.BUY, "0.01", "61000", "0.30"),
            replace(trade(3, SWAP, OrderSide.SELL, "0.004", "61500", "0.12"), realised_pnl=gain),
        ),
        orders=(
            order(1, VenueOrderStatus.FILLED),
            order(2, VenueOrderStatus.FILLED),
            order(3, VenueOrderStatus.OPEN),
        ),
        balances=(
            Balance(currency="USDT", total=cash),
            Balance(currency="BTC", total=D("0.01")),
        ),
        positions=(
            SwapPosition(
                symbol=SWAP,
                currency="USDT",
                quantity=D("0.006"),
                entry_price=D(61000),
                leverage=D(1),
                margin=D(366),
            ),
        ),
    )


def checked(kept: LedgerSnapshot, here: _Journal | None = None) -> LedgerCheck:
    return _checked("binance", here or journal(), kept)


def test_two_books_of_one_story_agree() -> None:
    found = checked(ledger())
    assert found.faults == ()
    assert (found.trades, found.orders, found.balances, found.positions) == (3, 3, 2, 1)
    assert found.on_its_way == 0


def without_trade(kept: LedgerSnapshot) -> LedgerSnapshot:
    return replace(kept, trades=kept.trades[1:])


def changed_trade(**fields: Any) -> Callable[[LedgerSnapshot], LedgerSnapshot]:
    return lambda kept: replace(kept, trades=(replace(kept.trades[0], **fields), *kept.trades[1:]))


def changed_order(place: int, **fields: Any) -> Callable[[LedgerSnapshot], LedgerSnapshot]:
    def change(kept: LedgerSnapshot) -> LedgerSnapshot:
        orders = list(kept.orders)
        orders[place] = replace(orders[place], **fields)
        return replace(kept, orders=tuple(orders))

    return change


def changed_cash(amount: str) -> Callable[[LedgerSnapshot], LedgerSnapshot]:
    def change(kept: LedgerSnapshot) -> LedgerSnapshot:
        cash, coins = kept.balances
        return replace(kept, balances=(replace(cash, total=cash.total + D(amount)), coins))

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without_trade, f"the journal booked the execution t1 on {SPOT}, the ledger has none"),
        (changed_trade(price=D(61001)), "execution t1 has the price 61001 in the ledger and 61000"),
        (changed_trade(fee=D(1)), "execution t1 has the fee 1 in the ledger and 0.61"),
        (changed_trade(client_order_id=None), "execution t1 has the order None in the ledger"),
        (
            lambda kept: replace(kept, orders=(*kept.orders, kept.orders[0])),
            f"the ledger has the order {NAMES[0]} more than once",
        ),
        (changed_order(0, client_order_id="qdghost"), "the order qdghost, no event submitted it"),
        (changed_order(0, quantity=D(9)), f"the order {NAMES[0]} differs between"),
        (
            changed_order(1, status=VenueOrderStatus.OPEN),
            f"the order {NAMES[1]} rests at the venue, the journal has finished it",
        ),
        (
            changed_cash("5"),
            "the ledger's balance of USDT is 9395.97, its entries add up to 9390.97",
        ),
        (changed_cash("-5"), "the cash is 9385.97 USDT in the ledger and 9390.97 in the journal"),
        (
            lambda kept: replace(kept, positions=(replace(kept.positions[0], quantity=D(1)),)),
            f"binance:{SWAP}: the position is 1 in the ledger and 0.006 in the journal",
        ),
        (
            lambda kept: replace(kept, positions=()),
            "the ledger's position on BTC/USDT:USDT is 0, its entries add up to 0.006",
        ),
        (
            lambda kept: replace(kept, balances=kept.balances[:1]),
            f"binance:{SPOT}: the journal holds 0.01, the ledger has only 0 BTC",
        ),
        (
            lambda kept: replace(kept, flows=(replace(kept.flows[0], amount=D(9000)),)),
            "the ledger began with 9000 USDT, the journal with 10000",
        ),
    ],
)
def test_each_difference_is_told_in_a_sentence(
    change: Callable[[LedgerSnapshot], LedgerSnapshot], sentence: str
) -> None:
    found = checked(change(ledger()))
    assert any(sentence in fault for fault in found.faults), found.faults
    assert all(fault.endswith(".") for fault in found.faults)


def ahead(client_order_id: str | None, at_s: int) -> LedgerSnapshot:
    """Let the venue have executed once more than the journal knows."""
    kept = ledger()
    more = replace(
        trade(1, SPOT, OrderSide.BUY, "0.001", "61000", "0"),
        trade_id="t9",
        client_order_id=client_order_id,
        at=DESK.now + timedelta(seconds=at_s),
    )
    cash, coins = kept.balances
    balances = (replace(cash, total=cash.total - 61), replace(coins, total=D("0.011")))
    return replace(kept, trades=(*kept.trades, more), balances=balances)


@pytest.mark.parametrize(
    ("client_order_id", "at_s", "waits"),
    [
        (NAMES[0], 1, True),  # later than the last event
        (NAMES[2], -600, True),  # the order is open still, so its fills are asked for
        (NAMES[0], -600, False),  # finished here: nobody asks again
        (None, -60, True),  # somebody else's is fetched once a minute
        (None, -600, False),
    ],
)
def test_an_execution_is_on_its_way_while_somebody_may_still_fetch_it(
    client_order_id: str | None, at_s: int, waits: bool
) -> None:
    found = checked(ahead(client_order_id, at_s))
    assert found.on_its_way == (1 if waits else 0)
    missing = f"the ledger has the execution t9 on {SPOT}, the journal has not booked it."
    assert any(missing in fault for fault in found.faults) is not waits
    assert waits is (found.faults == ())


def test_money_paid_in_by_hand_is_no_difference() -> None:
    kept = changed_cash("250")(ledger())
    paid = replace(kept.flows[0], flow_id="f2", sequence=9, amount=D(250))
    assert checked(replace(kept, flows=(*kept.flows, paid))).faults == ()


def test_the_list_of_faults_is_bounded() -> None:
    kept = ledger()
    ghosts = tuple(
        replace(kept.orders[0], client_order_id=f"qdghost{n}") for n in range(FAULTS_MAX * 2)
    )
    assert len(checked(replace(kept, orders=ghosts)).faults) == FAULTS_MAX
