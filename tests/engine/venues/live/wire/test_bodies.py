"""What comes back, as the venues document it, over a real socket through the real ccxt.

Our client order id is found again, and sizes, fees, stops, balances and positions are read.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from engine.instruments import Instrument, InstrumentKind
from engine.orders import Order, OrderSide
from engine.reports import CancelAccepted, OrderNotSeen, OrderSeen, SubmitAccepted, VenueOrderStatus
from engine.venues.live import calls, capabilities, client_ids, parsing
from engine.venues.live import capabilities_terms as terms
from engine.venues.live.answers import cancel_answer, submit_answer
from engine.venues.live.asking import ask
from engine.venues.live.budget import Priority
from engine.venues.live.calls import Call
from engine.venues.live.line import Line
from engine.venues.live.search import Search
from tests.engine.venues.live.wire import cells, wire
from tests.engine.venues.live.wire.cells import VENUES
from tests.engine.venues.live.wire.markets import MARKETS, prepared
from tests.engine.venues.live.wire.wire import Wire
from tests.engine.venues.room import StillClock

BODIES: dict[str, dict[str, object]] = {
    venue: json.loads((Path(__file__).parent / "bodies" / f"{venue}.json").read_text())
    for venue in VENUES
}
THEIRS = "98765"
CASES = [
    (venue, segment.kind.value)
    for venue in VENUES
    for segment in capabilities.of(venue).segments
]  # fmt: skip
STOPS = [(venue, kind) for venue, kind in CASES if f"{kind} stops" in BODIES[venue]]
Clients = tuple[Wire, dict[str, Any]]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Wire() as listening:
        made = {v: prepared(wire.client(v, listening.url, MARKETS[v])) for v in VENUES}
        yield listening, made
        for each in made.values():
            await each.close()


class Room:
    """One kind of instrument at one venue, and an order there."""

    def __init__(self, clients: Clients, venue: str, kind: str) -> None:
        self.wire, self.client, self.venue, self.kind = clients[0], clients[1][venue], venue, kind
        self.table = capabilities.of(venue)
        found = self.table.segment(InstrumentKind(kind))
        assert found is not None
        self.segment: terms.Segment = found
        self.symbol = cells.SYMBOLS[found.kind]
        size = MARKETS[venue][-1]["contractSize"] if kind == "swap" else 1
        self.instrument: Instrument = wire.instrument(venue, self.symbol, str(size))
        self.order: Order = cells.order(venue, found, "plain")
        self.unit = Decimal(size) if kind == "swap" else Decimal("0.1")

    async def told(self, key: str, call: Call) -> Any:
        """Ask, and be answered with a body of the venue's, our name in its place."""
        name = self.order.client_order_id
        body = json.dumps(BODIES[self.venue][f"{self.kind} {key}"])
        # Where the venue writes it as a number, so does the body.
        self.wire.body = body.replace('"{number}"', name).replace("{id}", name)
        return await ask(self.client, call)

    def read(self, row: Mapping[str, Any]) -> OrderSeen:
        assert row["symbol"] == self.symbol
        return parsing.order_seen(
            row,
            venue=self.venue,
            symbol=self.symbol,
            instrument=self.instrument,
            client_order_id=client_ids.seen(self.segment, row),
        )

    def is_ours(self, row: Mapping[str, Any]) -> bool:
        return client_ids.seen(self.segment, row) == self.order.client_order_id


@pytest.mark.parametrize(("venue", "kind"), CASES)
async def test_a_create_is_accepted_under_our_name(clients: Clients, venue: str, kind: str) -> None:
    room = Room(clients, venue, kind)
    for key, book in (("create", "plain"), ("stop create", "trigger")):
        if f"{kind} {key}" not in BODIES[venue]:
            continue
        order = cells.order(venue, room.segment, book)
        answer = await room.told(key, calls.create(room.table, order, room.instrument))
        echoed = client_ids.seen(room.segment, answer)
        assert submit_answer(venue, order.client_order_id, answer, echoed=echoed) == SubmitAccepted(
            client_order_id=order.client_order_id, venue_order_id=THEIRS
        )


@pytest.mark.parametrize(("venue", "kind"), CASES)
async def test_every_source_shows_the_order_under_our_name(
    clients: Clients, venue: str, kind: str
) -> None:
    room, bodies = Room(clients, venue, kind), BODIES[venue]
    for lookup in calls.lookups(room.table, room.order):
        key = {terms.Source.BY_ID: "order", terms.Source.TRADES: "trades"}.get(
            lookup.source, "list"
        )
        is_done = lookup.source is terms.Source.CLOSED and f"{kind} closed" in bodies
        answer = await room.told("closed" if is_done else key, lookup.call)
        (row,) = calls.mentioned(answer)
        assert room.is_ours(row)
        assert client_ids.names(room.segment, row, room.order)
        if lookup.source is terms.Source.TRADES:
            continue
        seen = room.read(row)
        assert (seen.venue_order_id, seen.side) == (THEIRS, OrderSide.BUY)
        wanted = VenueOrderStatus.CANCELED if is_done else VenueOrderStatus.OPEN
        assert seen.status is wanted
        # Bitstamp's list of open orders knows only what is left.
        is_rest = venue == "bitstamp" and lookup.source is terms.Source.OPEN
        assert seen.quantity == (2 if is_rest else 3) * room.unit
        assert seen.filled == (0 if is_rest else 1) * room.unit


@pytest.mark.parametrize(("venue", "kind"), STOPS)
async def test_a_resting_stop_is_read_with_its_trigger_and_our_name(
    clients: Clients, venue: str, kind: str
) -> None:
    room = Room(clients, venue, kind)
    call, *_ = cells.asked(room.table, room.segment, "trigger", "list")
    (row,) = await room.told("stops", call)
    seen = room.read(row)
    assert room.is_ours(row)
    assert (seen.status, seen.side) == (VenueOrderStatus.OPEN, OrderSide.SELL)
    assert (seen.price_trigger, seen.filled) == (Decimal(60000), Decimal(0))
    assert seen.quantity == 3 * room.unit
    limit = Decimal(59900) if room.segment.stop.form is terms.StopForm.LIMIT else None
    assert seen.price_limit == limit


async def test_every_kind_of_stop_that_rests_is_read_here() -> None:
    resting = {
        (venue, segment.kind.value)
        for venue in VENUES
        for segment in capabilities.of(venue).segments
        if segment.stop.form is not terms.StopForm.NONE
    }
    assert set(STOPS) == resting


@pytest.mark.parametrize(("venue", "kind"), CASES)
async def test_a_cancel_that_was_taken_is_told_from_one_that_was_not(
    clients: Clients, venue: str, kind: str
) -> None:
    room = Room(clients, venue, kind)
    name, proof = room.order.client_order_id, room.segment.cancel_proof
    for key, book in (("cancel", "plain"), ("stop cancel", "trigger")):
        if f"{kind} {key}" not in BODIES[venue]:
            continue
        call, *_ = cells.asked(room.table, room.segment, book, "cancel")
        answer = await room.told(key, call)
        assert cancel_answer(venue, name, answer, proof=proof) == CancelAccepted(
            client_order_id=name
        )
    untaken: Mapping[str, object] = {"info": {"result": {"count": 0}, "data": "0"}, "id": None}
    assert not isinstance(cancel_answer(venue, name, untaken, proof=proof), CancelAccepted)


@pytest.mark.parametrize(("venue", "kind"), CASES)
async def test_a_trade_is_read_with_its_fee_and_leads_to_our_name(
    clients: Clients, venue: str, kind: str
) -> None:
    room = Room(clients, venue, kind)
    call, *_ = cells.asked(room.table, room.segment, "plain", "trades")
    (row,) = await room.told("trades", call)
    named = client_ids.seen(room.segment, row)
    fill = parsing.fill_reported(
        row,
        venue=venue,
        symbol=room.symbol,
        instrument=room.instrument,
        client_order_id=named,
        is_fee_unsigned=room.segment.is_fee_unsigned,
    ).fill
    assert row["symbol"] == room.symbol
    assert (fill.trade_id, fill.side, fill.price) == ("555", OrderSide.BUY, Decimal(61240))
    assert fill.quantity == room.unit
    in_quote = kind == "swap" or venue in ("kraken", "coinbase", "bitstamp")
    fee = {"swap": "0.02", "spot": "0.1" if in_quote else "0.0001"}[kind]
    assert (fill.fee, fill.fee_currency) == (Decimal(fee), "USDT" if in_quote else "BTC")
    at = fill.at.replace(microsecond=0)
    assert at == datetime(2026, 11, 17, 14, 32, 10, tzinfo=UTC)
    # Where the trade itself bears no name, its order does.
    assert fill.venue_order_id == THEIRS
    if named is None:
        key = "order by id" if f"{kind} order by id" in BODIES[venue] else "order"
        asked = Call(method="fetch_order", args=(THEIRS, room.symbol), symbol=room.symbol)
        order = await room.told(key, asked)
        assert THEIRS in client_ids.venue_ids(order)
        named = client_ids.seen(room.segment, order)
    assert named == room.order.client_order_id


@pytest.mark.parametrize(("venue", "kind"), CASES)
async def test_balances_are_read_in_total_and_free(clients: Clients, venue: str, kind: str) -> None:
    room = Room(clients, venue, kind)
    answer = await room.told("balance", calls.balances(room.table)[0 if kind == "spot" else -1])
    assert parsing.amounts(answer, "total")["USDT"] == Decimal("1000.5")
    assert parsing.amounts(answer, "free")["USDT"] == Decimal("900.5")
    if kind == "spot":
        assert parsing.amounts(answer, "total")["BTC"] == Decimal("0.2")


@pytest.mark.parametrize("venue", [venue for venue, kind in CASES if kind == "swap"])
async def test_a_position_is_signed_and_in_base_currency(clients: Clients, venue: str) -> None:
    room = Room(clients, venue, "swap")
    (row,) = await room.told("positions", *calls.positions(room.table))
    held = parsing.position_of(row, venue=venue, instrument=room.instrument)
    assert held is not None
    assert row["symbol"] == room.symbol
    assert (held.quantity, held.entry_price) == (-3 * room.unit, Decimal(61000))


@pytest.mark.parametrize(
    "raw", [{"mode": "dual_long"}, {"position_side": "long"}, {"positionSide": "SHORT"}], ids=str
)
async def test_hedge_mode_is_refused_where_ccxt_does_not_tell_it(raw: Mapping[str, str]) -> None:
    row = {"contracts": Decimal(3), "side": "long", "info": raw}
    with pytest.raises(parsing.Unreadable, match="one-way mode"):
        parsing.position_of(row, venue="gate", instrument=wire.instrument("gate", wire.SWAP))


async def test_a_stop_of_somebody_else_is_read_and_one_on_the_whole_position_has_no_size(
    clients: Clients,
) -> None:
    room = Room(clients, "okx", "spot")
    _, call, *_ = cells.asked(room.table, room.segment, "trigger", "list")
    theirs, whole = await room.told("theirs", call)
    seen = room.read(theirs)
    assert seen.client_order_id is None
    assert (seen.price_trigger, seen.quantity) == (Decimal(60000), Decimal("0.3"))
    assert parsing.is_of_a_size(theirs)
    assert not parsing.is_of_a_size(whole)
    with pytest.raises(parsing.Unreadable, match="without a size"):
        room.read(whole)


async def test_what_a_stop_of_okx_became_is_found_by_either_id(clients: Clients) -> None:
    room = Room(clients, "okx", "spot")
    stop = cells.order("okx", room.segment, "trigger")
    fired = await room.told("fired", calls.lookups(room.table, stop)[0].call)
    assert room.is_ours(fired)
    assert [fired["info"][key] for key in room.segment.stop.children] == ["4711"]
    asked = Call(method="fetch_order", args=("4711", room.symbol), symbol=room.symbol)
    child = await room.told("child", asked)
    assert client_ids.venue_ids(child) == {"4711", THEIRS}
    seen = room.read(child)
    assert (seen.status, seen.filled) == (VenueOrderStatus.FILLED, Decimal("0.3"))
    assert seen.venue_order_id == THEIRS
    known = replace(stop, venue_order_id=THEIRS)
    assert client_ids.names(room.segment, child, known)


async def test_a_lookup_follows_a_stop_that_has_fired_to_what_it_became(clients: Clients) -> None:
    room = Room(clients, "okx", "spot")
    stop = cells.order("okx", room.segment, "trigger")
    clock = StillClock()
    line = Line(
        venue="okx", clock=clock, jitter=random.Random(1), timeout_s=20, sleep=asyncio.sleep
    )
    search = Search(capabilities=room.table, line=line)

    def body(key: str) -> str:
        return json.dumps(BODIES["okx"][key]).replace("{id}", stop.client_order_id)

    async def found() -> OrderSeen | OrderNotSeen:
        return await search.found(room.client, stop, room.instrument, Priority.QUERY)

    room.wire.body, room.wire.bodies = '{"code":"0","data":[],"msg":""}', {}
    room.wire.bodies["/api/v5/trade/order-algo"] = body("spot fired")
    hidden = await found()
    assert isinstance(hidden, OrderNotSeen)
    assert not hidden.complete

    room.wire.bodies["/api/v5/trade/order"] = body("spot child")
    seen = await found()
    room.wire.bodies = {}
    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.filled) == (VenueOrderStatus.FILLED, Decimal("0.3"))
    assert seen.client_order_id == stop.client_order_id
