"""What a venue answered and left unanswered is counted on its way, and nothing else changes."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from engine import events as e
from engine.breaker_limits import BreakerLimits
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.counted import Counted
from engine.ports import VenueUnavailable
from engine.risk_limits import RiskLimits
from engine.venues.faults import Fault, FaultKind, Operation
from tests.engine.world import world

NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)
MINUTE = timedelta(seconds=60)


async def test_answers_and_silences_are_counted_and_passed_on() -> None:
    async with world(confirm=NEVER) as w:
        counted = Counted(w.venue, w.engine.clock)
        assert counted.tally(MINUTE) is None
        shown = await counted.snapshot()
        assert shown.venue == counted.name == "binance"
        w.venue.faults.script(Operation.OPEN_ORDERS, Fault(kind=FaultKind.DROPPED))
        with pytest.raises(VenueUnavailable):
            await counted.open_orders()
        w.venue.faults.script(Operation.FILLS, Fault(kind=FaultKind.SWALLOWED))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await counted.fills(w.engine.clock.now())
        tally = counted.tally(MINUTE)
        assert tally is not None
        assert (tally.calls, tally.errors) == (3, 2)
        assert timedelta() < tally.oldest < MINUTE
        await asyncio.sleep(0.02)
        assert counted.tally(timedelta(milliseconds=10)) is None


async def test_a_venue_that_answers_nothing_trips_its_breaker_in_a_running_engine() -> None:
    few = RiskLimits(breakers=BreakerLimits(venue_calls_min=3, failures_max=1000))
    async with world(confirm=NEVER, limits=few, submit_timeout_s=0.05) as w:
        await w.buy(quantity="0.001")
        w.venue.faults.go_down()
        await w.buy("ETH/USDT", quantity="0.01", price_limit=3000)
        await w.until(lambda: w.engine.state.breakers)
        (breaker,) = w.engine.state.breakers.values()
        assert breaker.kind == "venue_errors"
        assert breaker.scope.name == "binance"
        denied = (await w.buy("SOL/USDT", quantity="1")).events[-1]
        assert isinstance(denied, e.OrderDenied)
        # and it stays when the venue answers again
        w.venue.faults.come_up()
        await asyncio.sleep(1.2)
        assert w.engine.state.breakers
