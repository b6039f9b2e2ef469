"""Every cell of the capability table: what leaves ccxt for it, or the sentence that refuses it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from engine.errors import InvalidInput
from engine.instruments import InstrumentKind
from engine.orders import OrderKind, OrderSide
from engine.venues.live import calls, capabilities
from engine.venues.live import capabilities_terms as terms
from tests.engine.venues.live.wire import cells, wire
from tests.engine.venues.live.wire.cells import REFUSED, VENUES, Cell
from tests.engine.venues.live.wire.markets import MARKETS, prepared
from tests.engine.venues.live.wire.wire import Wire

TABLE = cells.read()
Clients = tuple[Wire, dict[str, Any]]
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clients() -> AsyncIterator[Clients]:
    async with Wire() as listening:
        made = {v: prepared(wire.client(v, listening.url, MARKETS[v])) for v in VENUES}
        yield listening, made
        for each in made.values():
            await each.close()


async def test_no_cell_is_forgotten() -> None:
    assert sorted(capabilities.TABLE) == sorted(VENUES)
    assert list(TABLE) == list(cells.wanted())
    assert all(TABLE.values())


@pytest.mark.parametrize("cell", TABLE, ids=" ".join)
async def test_a_cell_sends_what_the_table_says_or_refuses_before_the_socket(
    clients: Clients, cell: Cell
) -> None:
    venue, kind, book, operation = cell
    listening, made = clients
    table = capabilities.of(venue)
    segment = table.segment(InstrumentKind(kind))
    told = cells.refusal(table, cell)
    listening.requests.clear()

    if told is None:
        assert segment is not None
        name = str(cells.order(venue, segment, "plain").client_order_id)
        heard = await listening.heard(made[venue], *cells.asked(table, segment, book, operation))
        assert [cells.shown(each, name) for each in heard] == TABLE[cell]
        return
    assert TABLE[cell] == [REFUSED + told]
    assert told.endswith(".")
    with pytest.raises(InvalidInput) as refused:
        await listening.heard(made[venue], _refused(table, cell))
    assert told in str(refused.value)
    assert listening.requests == []


def _refused(table: terms.Capabilities, cell: Cell) -> calls.Call:
    """Ask for what the cell refuses: the create, without which the others have no order."""
    symbol = cells.SYMBOLS[InstrumentKind(cell[1])]
    stop = {"kind": OrderKind.STOP, "side": OrderSide.SELL, "price_trigger": cells.TRIGGER}
    order = wire.order(table.venue, symbol, **(stop if cell[2] == "trigger" else {}))
    if cell[3] == "leverage":
        return calls.leverage(table, symbol, cells.LEVERAGE)
    return calls.create(table, order, wire.instrument(table.venue, symbol))


@pytest.mark.parametrize("venue", VENUES)
async def test_no_purse_is_counted_twice(clients: Clients, venue: str) -> None:
    asked = await clients[0].heard(clients[1][venue], *calls.balances(capabilities.of(venue)))
    paths = [(each.path, each.fields.get("type")) for each in asked]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("venue", ["okx", "kraken"])
async def test_a_create_says_until_when_the_venue_may_take_it(clients: Clients, venue: str) -> None:
    table, client = capabilities.of(venue), clients[1][venue]
    order = wire.order(venue)
    client.options["timeDifference"] = -30_000  # the venue's clock is half a minute ahead
    before_ms = client.milliseconds() + 30_000
    (create,) = await clients[0].heard(client, calls.create(table, order, wire.instrument(venue)))
    (cancel,) = await clients[0].heard(client, *calls.cancels(table, order))
    after_ms = client.milliseconds() + 30_000
    client.options["timeDifference"] = 0
    stated = create.headers.get("expTime") or client.parse8601(create.fields.get("deadline"))
    assert table.receive_window_ms is not None
    assert before_ms <= int(stated) - table.receive_window_ms <= after_ms
    assert "expTime" not in cancel.headers
    assert "deadline" not in cancel.fields


async def test_only_two_venues_are_called_deep() -> None:
    deep = {venue for venue in VENUES if capabilities.of(venue).tested is terms.Tested.DEEP}
    assert deep == {"binance", "bybit"}
