"""A symbol that nobody has traded yet."""

from decimal import Decimal

from bot.embed import paper_engine
from engine.markets.simulated import SimulatedMarket
from tests.engine.world import signal, world


async def test_a_first_order_on_a_symbol_waits_for_its_first_price() -> None:
    engine = paper_engine()
    await engine.start()
    try:
        # given a swap that the simulated market does not quote before somebody follows it
        assert isinstance(engine.quotes, SimulatedMarket)
        assert "binance:ETH/USDT:USDT" not in engine.quotes.latest()
        # when it is bought
        result = await engine.execute_signal(
            signal("ETH/USDT:USDT", quantity=Decimal("0.05")), "binance"
        )
        # then the order waited for the price
        assert result.success, result.error
    finally:
        await engine.stop()


async def test_a_symbol_without_a_price_is_denied_after_a_bounded_wait() -> None:
    async with world(first_price_s=0.05) as here:
        # when a symbol is bought for which no price ever comes
        result = await here.engine.execute_signal(signal("ADA/USDT", quantity="100"))
        # then it is denied for that reason
        assert not result.success
        assert result.error is not None
        assert "Price none yet" in result.error
