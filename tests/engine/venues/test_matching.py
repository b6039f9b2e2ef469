from decimal import Decimal

from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.positions import Liquidity
from engine.reports import VenueOrderStatus
from engine.venues.book import BookShape, book_around
from engine.venues.ledger import VenueOrder
from engine.venues.terms import PaperSettings
from tests.engine.venues.room import BTC, SWAP, Room

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, STOP = OrderKind.LIMIT, OrderKind.STOP
EXIT = OrderPurpose.EXIT
# Levels of about 600 USDT, so that a hundredth of a bitcoin already walks.
SHALLOW = PaperSettings(shape=BookShape(depth_notional=Decimal(600)))


def seen(room: Room, order: Order) -> VenueOrder:
    found = room.venue.ledger.find(order.client_order_id)
    assert found is not None
    return found


async def test_a_small_market_buy_fills_at_the_ask_and_pays_the_taker_fee() -> None:
    async with Room() as room:
        order = await room.accepted(room.order(BUY, "0.1"))

        (trade,) = room.venue.ledger.trades
        assert (trade.price, trade.quantity) == (Decimal("60000.10"), Decimal("0.1"))
        assert (trade.fee, trade.fee_currency) == (Decimal("6.00001"), "USDT")
        assert trade.liquidity is Liquidity.TAKER
        assert seen(room, order).status is VenueOrderStatus.FILLED
        assert room.total("BTC") == Decimal("0.1")
        assert room.total("USDT") == Decimal(10_000) - Decimal("6000.01") - Decimal("6.00001")


async def test_a_fee_in_base_comes_out_of_what_was_bought() -> None:
    async with Room(settings=PaperSettings(fees_in_base=True)) as room:
        await room.accepted(room.order(BUY, "0.1"))

        (trade,) = room.venue.ledger.trades
        assert (trade.fee, trade.fee_currency) == (Decimal("0.0001"), "BTC")
        assert room.total("BTC") == Decimal("0.0999")
        assert room.total("USDT") == Decimal("3999.99")


async def test_a_large_market_order_walks_the_book_in_several_trades() -> None:
    async with Room(settings=SHALLOW) as room:
        order = await room.accepted(room.order(BUY, "0.04"))

        trades = room.venue.ledger.trades
        prices = [trade.price for trade in trades]
        assert len(trades) > 1
        assert prices == sorted(prices)
        assert sum(trade.quantity for trade in trades) == Decimal("0.04")
        assert seen(room, order).status is VenueOrderStatus.FILLED


async def test_a_market_order_never_fills_beyond_its_limit_and_the_rest_expires() -> None:
    async with Room(settings=SHALLOW) as room:
        order = await room.accepted(room.order(BUY, "0.1", price="60004.00"))

        found = seen(room, order)
        assert found.status is VenueOrderStatus.EXPIRED
        assert Decimal(0) < found.filled < Decimal("0.1")
        assert all(trade.price <= Decimal(60004) for trade in room.venue.ledger.trades)
        assert room.free("USDT") == room.total("USDT")


async def test_a_market_order_whose_limit_is_out_of_reach_expires_without_a_trade() -> None:
    async with Room() as room:
        order = await room.accepted(room.order(BUY, "0.1", price="59000.00"))

        assert seen(room, order).status is VenueOrderStatus.EXPIRED
        assert room.venue.ledger.trades == []


async def test_the_same_quote_always_has_the_same_book() -> None:
    async with Room() as room:
        quote = room.market.set(BTC, Decimal(60000), Decimal(60001))
        instrument = room.market.instruments()["binance:BTC/USDT"]

        first = book_around(quote, instrument, BookShape())
        assert first == book_around(quote, instrument, BookShape())
        assert first.asks[0].price == Decimal(60001)
        assert [level.price for level in first.bids] == sorted(
            (level.price for level in first.bids), reverse=True
        )


async def test_a_resting_limit_waits_until_the_price_trades_through_it() -> None:
    async with Room() as room:
        order = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="59000.00"))
        assert room.free("USDT") == Decimal(10_000) - Decimal("5905.9")

        await room.quote("58999.00", "59000.00")
        assert seen(room, order).filled == 0, "a touch fills nothing"
        await room.quote("58980.00", "58990.00")

        found = seen(room, order)
        (trade,) = room.venue.ledger.trades
        assert found.status is VenueOrderStatus.FILLED
        assert (trade.price, trade.liquidity) == (Decimal(59000), Liquidity.MAKER)
        assert room.free("USDT") == room.total("USDT") == Decimal(10_000) - Decimal("5905.9")


async def test_a_resting_limit_fills_in_parts_as_volume_trades_through() -> None:
    async with Room(settings=SHALLOW) as room:
        order = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="59000.00"))

        await room.quote("58990.00", "58999.00")
        first = seen(room, order).filled
        await room.quote("58989.00", "58998.00")
        second = seen(room, order).filled

        assert Decimal(0) < first < second < Decimal("0.1")
        assert seen(room, order).status is VenueOrderStatus.OPEN
        for step in range(20):
            await room.quote("58900.00", f"{58950 - step}.00")
        assert seen(room, order).status is VenueOrderStatus.FILLED
        assert {trade.price for trade in room.venue.ledger.trades} == {Decimal(59000)}


async def test_two_resting_limits_share_the_volume_that_traded() -> None:
    async with Room(settings=SHALLOW) as room:
        better = await room.accepted(room.order(BUY, "0.05", kind=LIMIT, price="59000.00"))
        worse = await room.accepted(room.order(BUY, "0.05", kind=LIMIT, price="58999.00"))

        await room.quote("58990.00", "58997.00")

        assert seen(room, better).filled > 0
        assert seen(room, worse).filled == 0


async def test_a_crossing_limit_takes_at_once_and_rests_with_the_remainder() -> None:
    async with Room(settings=SHALLOW) as room:
        order = await room.accepted(room.order(BUY, "0.1", kind=LIMIT, price="60004.00"))

        found = seen(room, order)
        assert found.status is VenueOrderStatus.OPEN
        assert Decimal(0) < found.filled < Decimal("0.1")
        assert {trade.liquidity for trade in room.venue.ledger.trades} == {Liquidity.TAKER}


async def test_a_spot_stop_rests_apart_and_fires_on_the_bid() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1"))
        stop = await room.accepted(room.order(SELL, "0.1", kind=STOP, trigger="58000.00"))
        shown = (await room.venue.snapshot()).orders
        assert [(each.client_order_id, each.price_trigger) for each in shown] == [
            (stop.client_order_id, Decimal(58000))
        ]

        await room.quote("58001.00", "58002.00")
        assert seen(room, stop).status is VenueOrderStatus.OPEN
        await room.quote("57999.00", "58010.00")

        assert seen(room, stop).status is VenueOrderStatus.FILLED
        assert room.venue.ledger.trades[-1].price == Decimal(57999)
        assert room.total("BTC") == 0


async def test_a_swap_stop_fires_on_the_mark_and_not_on_the_bid() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1", symbol=SWAP, leverage="3"))
        stop = await room.accepted(
            room.order(SELL, "0.1", kind=STOP, symbol=SWAP, trigger="58000.0", purpose=EXIT)
        )

        room.market.set(SWAP, Decimal(57000), Decimal(57001), mark=Decimal(59000))
        await room.venue.settle()
        assert seen(room, stop).status is VenueOrderStatus.OPEN
        room.market.set(SWAP, Decimal(58100), Decimal(58101), mark=Decimal(58000))
        await room.venue.settle()

        assert seen(room, stop).status is VenueOrderStatus.FILLED


async def test_quotes_between_two_looks_at_the_book_are_not_lost() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1"))
        stop = await room.accepted(room.order(SELL, "0.1", kind=STOP, trigger="58000.00"))

        room.market.set(BTC, Decimal(57000), Decimal(57001))
        room.market.set(BTC, Decimal(60000), Decimal(60001))
        await room.venue.settle()

        assert seen(room, stop).status is VenueOrderStatus.FILLED


async def test_a_swap_position_binds_margin_and_realises_profit_after_fees() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1", symbol=SWAP, leverage="5"))
        position = room.venue.ledger.positions[SWAP]
        assert (position.quantity, position.margin) == (Decimal("0.1"), Decimal("1200.002"))
        assert room.total("USDT") - room.free("USDT") == Decimal("1200.002")

        await room.quote("61000.0", "61000.1", SWAP)
        await room.accepted(room.order(SELL, "0.1", symbol=SWAP, purpose=EXIT))

        fees = Decimal("6000.01") * Decimal("0.00055") + Decimal(6100) * Decimal("0.00055")
        assert room.venue.ledger.positions[SWAP].quantity == 0
        assert abs(room.total("USDT") - (Decimal(10_000) + Decimal("99.99") - fees)) < Decimal(
            "0.00000002"
        )
        assert room.free("USDT") == room.total("USDT")


async def test_a_short_can_be_opened_flipped_and_closed() -> None:
    async with Room() as room:
        await room.accepted(room.order(SELL, "0.1", symbol=SWAP, leverage="2"))
        assert room.venue.ledger.positions[SWAP].quantity == Decimal("-0.1")

        await room.accepted(room.order(BUY, "0.15", symbol=SWAP, leverage="2"))

        position = room.venue.ledger.positions[SWAP]
        assert position.quantity == Decimal("0.05")
        assert position.entry_price == Decimal("60000.1")


async def test_a_reduce_only_order_stops_at_the_position() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1", symbol=SWAP))

        order = await room.accepted(room.order(SELL, "0.3", symbol=SWAP, purpose=EXIT))

        assert room.venue.ledger.positions[SWAP].quantity == 0
        assert (seen(room, order).filled, seen(room, order).status) == (
            Decimal("0.1"),
            VenueOrderStatus.EXPIRED,
        )
        assert "no position left" in seen(room, order).reason


async def test_resting_exits_go_when_their_position_is_closed() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.1", symbol=SWAP))
        target = await room.accepted(
            room.order(SELL, "0.1", kind=LIMIT, symbol=SWAP, price="65000.0", purpose=EXIT)
        )

        await room.accepted(room.order(SELL, "0.1", symbol=SWAP, purpose=EXIT))

        assert seen(room, target).status is VenueOrderStatus.EXPIRED
        assert (await room.venue.snapshot()).orders == ()


async def test_a_swap_that_lost_its_margin_is_liquidated_and_the_balance_stays_above_zero() -> None:
    async with Room(cash={"USDT": Decimal(700)}) as room:
        await room.accepted(room.order(BUY, "0.1", symbol=SWAP, leverage="10"))

        await room.quote("50000.0", "50000.1", SWAP)

        assert room.venue.ledger.positions[SWAP].quantity == 0
        assert room.total("USDT") == 0
        assert [flow.kind.value for flow in room.venue.ledger.flows] == ["deposit", "insurance"]
        assert room.venue.ledger.trades[-1].client_order_id is None


async def test_time_stamps_never_go_back_when_the_clock_does() -> None:
    async with Room() as room:
        await room.accepted(room.order(BUY, "0.01"))
        room.clock.advance(-3600)

        await room.accepted(room.order(BUY, "0.01"))

        first, second = room.venue.ledger.trades
        assert second.at >= first.at
