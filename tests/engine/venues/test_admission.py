from dataclasses import replace
from decimal import Decimal

import pytest

from engine.orders import OrderKind, OrderPurpose, OrderSide
from engine.reports import SubmitAccepted
from engine.venues.terms import PaperSettings
from tests.engine.venues.room import BTC, SWAP, Room

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, STOP = OrderKind.LIMIT, OrderKind.STOP
EXIT = OrderPurpose.EXIT


async def test_an_unknown_symbol_is_refused() -> None:
    async with Room() as room:
        assert await room.refused(room.order(BUY, "1", symbol="NOPE/USDT")) == "symbol_unknown"


async def test_a_symbol_that_does_not_trade_is_refused() -> None:
    async with Room() as room:
        halted = replace(room.market.instruments()["binance:BTC/USDT"], active=False)
        room.market.replace(halted)

        assert await room.refused(room.order(BUY, "0.1")) == "symbol_inactive"


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        ("0.000011", "60000.00", "quantity_step"),
        ("0.1", "60000.001", "price_tick"),
        ("0.00001", "60000.00", "notional_min"),
        ("0", "60000.00", "quantity_min"),
        ("-1", "60000.00", "quantity_min"),
        ("1001", "60000.00", "quantity_max"),
        ("1", "60000.00", "insufficient_balance"),
        ("0.1", "-1", "price_tick"),
    ],
)
async def test_a_limit_order_that_breaks_a_filter_is_refused(
    quantity: str, price: str, code: str
) -> None:
    async with Room() as room:
        order = room.order(BUY, quantity, kind=LIMIT, price=price)

        assert await room.refused(order) == code
        assert room.free("USDT") == Decimal(10_000)


async def test_a_limit_without_a_price_and_a_stop_without_a_trigger_are_refused() -> None:
    async with Room() as room:
        assert await room.refused(room.order(BUY, "0.1", kind=LIMIT)) == "price_missing"
        assert await room.refused(room.order(SELL, "0.1", kind=STOP)) == "price_missing"


async def test_a_market_order_needs_the_money_for_its_fee_too() -> None:
    async with Room(cash={"USDT": Decimal("6000.01")}) as room:
        assert await room.refused(room.order(BUY, "0.1")) == "insufficient_balance"


async def test_what_a_resting_order_reserves_cannot_be_spent_again() -> None:
    async with Room() as room:
        first = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="59000.00"))
        second = room.order(BUY, "0.1", kind=LIMIT, price="59000.00")
        assert await room.refused(second) == "insufficient_balance"

        await room.venue.cancel(first)

        await room.accepted(second)


async def test_a_spot_exit_cannot_sell_more_than_the_balance() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1"))

        order = room.order(SELL, "0.10001", purpose=EXIT)

        assert await room.refused(order) == "insufficient_balance"


async def test_a_swap_exit_without_a_position_is_refused() -> None:
    async with Room() as room:
        assert await room.refused(room.order(SELL, "0.1", symbol=SWAP, purpose=EXIT)) == (
            "reduce_only"
        )
        await room.accepted(room.order(BUY, "0.1", symbol=SWAP))
        assert await room.refused(room.order(BUY, "0.1", symbol=SWAP, purpose=EXIT)) == (
            "reduce_only"
        )


async def test_leverage_beyond_the_instrument_is_refused() -> None:
    async with Room() as room:
        order = room.order(BUY, "0.1", symbol=SWAP, leverage="51")

        assert await room.refused(order) == "leverage"


async def test_a_stop_that_would_fire_at_once_is_refused() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1"))

        order = room.order(SELL, "0.1", kind=STOP, trigger="60000.00")

        assert await room.refused(order) == "trigger_at_once"


async def test_a_price_older_than_the_terms_allow_is_no_price() -> None:
    async with Room(settings=PaperSettings(quote_age_s_max=Decimal(60))) as room:
        room.clock.advance(61)
        assert await room.refused(room.order(BUY, "0.1")) == "no_price"

        await room.quote("60000.00", "60000.10")
        await room.accepted(room.order(BUY, "0.1"))


async def test_a_repeated_client_id_answers_with_the_first_order() -> None:
    async with Room() as room:
        order = room.order(BUY, "0.01")
        first, second = await room.submit(order), await room.submit(order)

        assert isinstance(first, SubmitAccepted)
        assert first == second
        assert room.total("BTC") == Decimal("0.01")


async def test_a_venue_that_reuses_filled_ids_buys_twice_as_binance_does() -> None:
    async with Room(settings=PaperSettings(reuses_filled_ids=True)) as room:
        order = room.order(BUY, "0.01")
        resting = room.order(BUY, "0.01", kind=LIMIT, price="50000.00")
        await room.submit(order)
        await room.submit(order)
        await room.submit(resting)
        await room.submit(resting)

        assert room.total("BTC") == Decimal("0.02")
        assert len(room.venue.ledger.open) == 1, "an open order's id is never taken again"


async def test_a_symbol_of_another_venue_is_not_traded_here() -> None:
    async with Room() as room:
        order = replace(room.order(BUY, "0.1", symbol=BTC), venue="kraken")

        assert await room.refused(order) == "symbol_unknown"


async def test_while_the_market_has_not_loaded_orders_are_refused_and_resting_ones_keep() -> None:
    async with Room() as room:
        resting = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="59000.00"))
        listed = dict(room.market._instruments)
        room.market._instruments.clear()
        await room.restart()

        assert await room.refused(room.order(BUY, "0.1")) == "no_price"
        room.market._instruments.update(listed)
        await room.quote("58000.00", "58001.00")
        found = room.venue.ledger.find(resting.client_order_id)
        assert found is not None
        assert not found.is_open
