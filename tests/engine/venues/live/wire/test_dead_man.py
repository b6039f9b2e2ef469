"""The dead man's switch at the venues that have one: what leaves ccxt, and when it runs."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

import pytest

from engine.markets.apart import Loaded
from engine.markets.listing import Listing, MarketSource
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.ports import VenueUnavailable
from engine.venues.live import capabilities
from engine.venues.live.account import LiveAccount
from engine.venues.live.budget import Priority
from engine.venues.live.calls import Call
from engine.venues.live.dead_man import ANSWERS, DeadMan
from engine.venues.live.line import Line
from engine.venues.live.timed import TimedVenue
from tests.engine.markets.stores import store_of
from tests.engine.venues.live.wire import wire
from tests.engine.venues.live.wire.markets import MARKETS, prepared
from tests.engine.venues.live.wire.wire import SWAP, Request, Wire
from tests.engine.venues.room import StillClock, open_gate

PATHS = {
    "okx": "/api/v5/trade/cancel-all-after",
    "kraken": "/0/private/CancelAllOrdersAfter",
    "htx": "/v2/algo-orders/cancel-all-after",
}
KEYS = {"okx": "timeOut", "kraken": "timeout", "htx": "timeout"}
BODIES = {
    "okx": '{"code":"0","msg":"","data":[{"triggerTime":"1587971460","tag":"","ts":"1587971400"}]}',
    "kraken": '{"error":[],"result":{"currentTime":"2026-11-17T14:32:05Z","triggerTime":"0"}}',
    "htx": '{"code":200,"message":"success","data":{"currentTime":1630491627230,"triggerTime":0}}',
}
REFUSALS = {
    "okx": '{"code":"50030","data":[],"msg":"No permission to use this API"}',
    "kraken": '{"error":["EGeneral:Permission denied"]}',
    "htx": '{"code":2002,"message":"invalid field value in `timeout`"}',
}
VENUES = tuple(PATHS)
SECONDS = 60


@dataclass
class Room:
    """One venue's switch on a real socket, a clock set by hand, and what is wanted of it."""

    wire: Wire
    venue: str
    clock: StillClock
    line: Line
    client: Any
    is_wanted: bool = False
    switch: DeadMan = field(init=False)

    def __post_init__(self) -> None:
        self.switch = DeadMan(
            venue=self.venue,
            seconds=SECONDS,
            ask=self.ask,
            is_wanted=lambda: self.is_wanted,
            clock=self.clock,
        )
        self.wire.body = BODIES[self.venue]

    async def ask(self, call: Call, priority: Priority) -> Any:
        return await self.line.answer(self.client, call, priority)

    def still_runs(self) -> bool:
        return self.switch.may_run

    async def looked(self) -> list[int]:
        """Give the seconds that one look has set at the venue."""
        self.wire.requests.clear()
        await self.switch.look()
        return [self.seconds(request) for request in self.wire.requests]

    def seconds(self, request: Request) -> int:
        assert (request.verb, request.path) == ("POST", PATHS[self.venue])
        return int(request.fields[KEYS[self.venue]])


@asynccontextmanager
async def room_at(venue: str) -> AsyncIterator[Room]:
    clock = StillClock()
    line = Line(venue=venue, clock=clock, jitter=random.Random(1), timeout_s=2, sleep=asyncio.sleep)
    async with Wire() as listening:
        client = prepared(wire.client(venue, listening.url, MARKETS[venue]))
        line.hooked(client)
        try:
            yield Room(wire=listening, venue=venue, clock=clock, line=line, client=client)
        finally:
            await client.close()


def test_every_venue_that_has_one_is_tried_here() -> None:
    assert set(ANSWERS) == set(VENUES)


@pytest.mark.parametrize("venue", VENUES)
async def test_it_runs_while_it_is_wanted_and_is_put_off_each_third_of_its_time(venue: str) -> None:
    async with room_at(venue) as room:
        room.is_wanted = True
        assert await room.looked() == [SECONDS]
        assert room.switch.is_armed
        room.clock.advance(19)
        assert await room.looked() == []
        room.clock.advance(1)
        assert await room.looked() == [SECONDS]


@pytest.mark.parametrize("venue", VENUES)
async def test_it_is_stopped_once_it_is_not_wanted_and_then_left_alone(venue: str) -> None:
    async with room_at(venue) as room:
        room.is_wanted = True
        assert await room.looked() == [SECONDS]
        room.is_wanted = False
        assert await room.looked() == [0]
        assert not room.switch.is_armed
        assert await room.looked() == []


@pytest.mark.parametrize("venue", VENUES)
async def test_what_a_dead_process_may_have_left_is_stopped_at_the_start(venue: str) -> None:
    async with room_at(venue) as room:
        assert await room.looked() == [0]
        assert await room.looked() == []


async def test_what_a_dead_process_left_has_run_out_after_its_time() -> None:
    async with room_at("okx") as room:
        room.clock.advance(SECONDS)
        assert await room.looked() == []


@pytest.mark.parametrize("venue", VENUES)
async def test_a_lost_answer_is_no_proof_that_it_does_not_run(venue: str) -> None:
    async with room_at(venue) as room:
        assert await room.looked() == [0]
        room.is_wanted, room.wire.body = True, "{}"
        assert await room.looked() == [SECONDS]
        assert not room.switch.is_armed
        room.is_wanted = False
        assert await room.looked() == [0]
        room.wire.body = BODIES[venue]
        assert await room.looked() == [0]
        assert await room.looked() == []


@pytest.mark.parametrize("venue", VENUES)
async def test_a_refusal_leaves_it_unarmed_and_is_tried_again(venue: str) -> None:
    async with room_at(venue) as room:
        room.is_wanted, room.wire.body = True, REFUSALS[venue]
        assert await room.looked() == [SECONDS]
        assert not room.switch.is_armed
        assert await room.looked() == [SECONDS]


@pytest.mark.parametrize("venue", VENUES)
async def test_it_is_released_before_a_stop_comes_to_rest_however_silent_the_venue(
    venue: str,
) -> None:
    async with room_at(venue) as room:
        room.is_wanted = True
        await room.looked()
        room.wire.requests.clear()
        room.wire.status, room.wire.body = 503, "down"
        await room.switch.release()
        assert room.still_runs()
        room.wire.status, room.wire.body = 200, BODIES[venue]
        await room.switch.release()
        assert not room.switch.may_run
        assert [room.seconds(each) for each in room.wire.requests] == [0, 0]
        await room.switch.release()
        assert len(room.wire.requests) == 2


async def test_an_answer_that_says_nothing_of_a_time_is_none() -> None:
    async with room_at("okx") as room:
        room.wire.body = '{"code":"0","msg":"","data":[]}'
        with pytest.raises(VenueUnavailable, match="did not say"):
            await room.switch._set(SECONDS)


# --- beside a whole account


def okx_listing(source: MarketSource, at: datetime) -> Listing:
    markets = {row["symbol"]: row for row in MARKETS["okx"]}
    instruments = {f"okx:{symbol}": wire.instrument("okx", symbol) for symbol in markets}
    return Listing(
        source=source,
        loaded_at=at,
        missing=(),
        precision_mode=4,
        markets={symbol: cast(Any, MappingProxyType(row)) for symbol, row in markets.items()},
        extras=(),
        currencies={},
        aliases={},
        instruments=instruments,
    )


@asynccontextmanager
async def okx_account(listening: Wire, *, only_entries: bool) -> AsyncIterator[TimedVenue]:
    async def load(source: MarketSource, at: datetime, _timeout_s: float) -> Loaded:
        return Loaded(listing=okx_listing(source, at), pack=b"")

    clock = StillClock()
    listening.bodies[PATHS["okx"]] = BODIES["okx"]
    venue = TimedVenue(
        LiveAccount(
            venue="okx", api_key="k", api_secret="s", api_password="p", api_url=listening.url
        ),
        dead_man_s=SECONDS,
        only_entries=lambda: only_entries,
        clock=clock,
        jitter=random.Random(1),
        timeout_s=2,
        metadata=store_of(clock, load=load),
        symbols=lambda: (SWAP,),
    )
    await venue.start()
    try:
        yield venue
    finally:
        await venue.stop()


def timers(listening: Wire) -> list[int]:
    return [int(each.fields["timeOut"]) for each in listening.requests if each.path == PATHS["okx"]]


async def until(listening: Wire, expected: list[int]) -> None:
    async with asyncio.timeout(5):
        while timers(listening) != expected:  # noqa: ASYNC110 - nobody signals a request
            await asyncio.sleep(0.01)


def stop_order() -> Order:
    return wire.order(
        "okx",
        SWAP,
        side=OrderSide.SELL,
        kind=OrderKind.STOP,
        purpose=OrderPurpose.EXIT,
        price_limit=None,
        price_trigger=Decimal("60000.5"),
    )


async def test_an_account_with_entries_arms_it_and_stops_it_at_a_good_end() -> None:
    async with Wire() as listening:
        async with okx_account(listening, only_entries=True) as venue:
            await until(listening, [SECONDS])
            assert venue.vitals.dead_man_s == SECONDS
            assert venue.vitals.is_dead_man_armed
        assert timers(listening) == [SECONDS, 0]


async def test_a_stop_comes_to_rest_after_the_timer_was_stopped() -> None:
    async with Wire() as listening, okx_account(listening, only_entries=True) as venue:
        await until(listening, [SECONDS])
        await venue.submit(stop_order(), open_gate)
        paths = [each.path for each in listening.requests if each.verb == "POST"]
        timer, algo = PATHS["okx"], "/api/v5/trade/order-algo"
        assert paths[:3] == [timer, timer, algo]
        assert timers(listening)[:2] == [SECONDS, 0]


async def test_a_market_exit_waits_for_no_timer() -> None:
    async with Wire() as listening, okx_account(listening, only_entries=True) as venue:
        await until(listening, [SECONDS])
        way_out = wire.order(
            "okx", SWAP, side=OrderSide.SELL, kind=OrderKind.MARKET,
            purpose=OrderPurpose.EXIT, price_limit=None,
        )  # fmt: skip
        await venue.submit(way_out, open_gate)
        assert timers(listening) == [SECONDS]


def test_no_other_venue_s_client_is_asked() -> None:
    assert "bybit" not in ANSWERS
    assert all(capabilities.of(venue) for venue in ANSWERS)
