"""Trading through the real process: tickets, fills, resting orders, watched stops."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox import SeenMessage
from tests.system.console import Phone, short_id, ticket_id, until
from tests.system.house import DESK, House, house

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("desk")
    async with house(folder, CONFIRM="always") as running:
        await running.bind(running.owner, running.trader)
        yield running
        assert "level=error" not in running.console.log
        await running.console.verified()


async def orders_of(desk: House, card: SeenMessage) -> list[str]:
    """Give the orders that the journal sent for a ticket."""
    ours = ticket_id(card)
    sent = await desk.console.events("OrderSubmitted")
    orders = [event["order"] for event in sent]
    assert all(isinstance(order, dict) for order in orders)
    return [o["client_order_id"] for o in orders if isinstance(o, dict) and o["ticket_id"] == ours]


def at_the_venue(desk: House, client_order_id: str) -> tuple[int, int]:
    """Give how many orders and trades the paper venue's own ledger has under a name."""
    counts = [
        len(desk.console.rows(f"select 1 from {table} where instr(document, ?)", client_order_id))  # noqa: S608
        for table in ("paper_orders", "paper_trades")
    ]
    return counts[0], counts[1]


async def fill_cards(phone: Phone, order: str) -> list[SeenMessage]:
    return [one for one in await phone.history() if "Bought" in one.text and order in one.text]


async def test_a_double_tap_on_confirm_sends_one_order_and_the_second_is_told_already_used(
    desk: House,
) -> None:
    card = await desk.owner.ticket("/buy btc 300 usdt")
    order = short_id(card).replace("T-", "O-")

    taps = await asyncio.gather(
        desk.owner.pressed(card, "Confirm"), desk.owner.pressed(card, "Confirm")
    )

    assert sorted("Already used" in (tap.text or "") for tap in taps) == [False, True]
    fill = await desk.owner.see(f"{order}")
    await desk.owner.see("Bought")
    confirmed = await desk.owner.see_in(card.message_id, "Confirmed")
    assert not confirmed.labels
    sent = await orders_of(desk, card)
    assert len(sent) == 1
    assert at_the_venue(desk, sent[0]) == (1, 1)
    cards = await fill_cards(desk.owner, order)
    assert [one.reply_to for one in cards] == [card.message_id], fill.text


async def test_two_owners_whose_taps_cross_in_a_group_send_one_order(desk: House) -> None:
    asked = await desk.sandbox.say(desk.owner.user_id, "/buy eth 300 usdt", chat_id=DESK)
    card = await desk.sandbox.wait_for_message(
        lambda one: one.message_id > asked and one.has_button("Confirm"), chat_id=DESK
    )

    taps = await asyncio.gather(
        desk.owner.pressed(card, "Confirm"),
        desk.owner_too.pressed(card, "Confirm"),
        desk.owner.pressed(card, "Confirm"),
        desk.owner_too.pressed(card, "Confirm"),
    )

    assert [("Already used" in (tap.text or "")) for tap in taps].count(True) == 3
    sent = await orders_of(desk, card)
    assert len(sent) == 1
    await until(lambda: at_the_venue(desk, sent[0]) == (1, 1), "the venue never filled it")


async def test_a_limit_order_rests_is_listed_and_is_cancelled_by_its_button(desk: House) -> None:
    card = await desk.trader.ticket("/buy doge 1000 @ 0.17400")
    await desk.trader.pressed(card, "Confirm")
    await desk.trader.see_in(card.message_id, "Confirmed")

    listed = await desk.trader.ask("/orders", "DOGE")
    await desk.trader.pressed(listed, "DOGE")
    one = await desk.trader.sandbox.wait_for_message(
        lambda m: m.message_id > listed.message_id and m.has_button("Cancel"),
        chat_id=desk.trader.user_id,
    )
    tap = await desk.trader.pressed(one, "Cancel")

    assert tap.answered_s is not None
    await until(
        lambda: (
            desk.console.rows("select status from orders where symbol = 'DOGE/USDT'")
            == [("canceled",)]
        ),
        "the order was never cancelled",
    )
    told = await desk.trader.ask("/orders", "orders")
    assert "DOGE" not in told.text


async def test_a_stop_that_the_exchange_touches_closes_the_position_and_says_so(
    desk: House,
) -> None:
    card = await desk.trader.ticket("/buy eth 200 usdt sl 1%")
    await desk.trader.pressed(card, "Confirm")
    await desk.trader.see("Bought")
    assert desk.position("ETH/USDT") is not None

    desk.exchange.move("ETH", "3300.00")

    await desk.trader.see("Stop")
    sold = await desk.trader.see("Sold")
    assert "Realised" in sold.text
