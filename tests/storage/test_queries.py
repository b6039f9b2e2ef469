from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import events as e
from engine.errors import JournalCorrupt
from engine.positions import Fill, Liquidity
from storage.audit import AUDITED, audit_line
from storage.chain import StoredEvent
from storage.database import Database
from storage.journal import SqlJournal
from storage.queries import Queries
from tests.storage.damage import damaging
from tests.storage.samples import AT, filled
from tests.storage.story import START, Story

BEGIN = START - timedelta(days=1)


class Told:
    """A journal with a whole story in it, and every event by its number."""

    def __init__(self, database: Database) -> None:
        self.journal = SqlJournal(database)
        self.queries = Queries(database)
        self.story = Story(seed=41)
        self.events: list[e.Event] = []

    async def tell(self, steps: int) -> None:
        await self.journal.open()
        for step, before, after in self.story.steps(steps):
            await self.journal.append([step], before, after)
            self.events.extend(step.events)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
async def told(database: Database) -> Told:
    told = Told(database)
    await told.tell(250)
    return told


async def test_the_audit_shows_who_did_what_newest_first(told: Told) -> None:
    page = await told.queries.audit(10)
    seqs = [line.seq for line in page]
    assert seqs == sorted(seqs, reverse=True)
    assert len(page) == 10
    assert all(told.events[line.seq - 1] == line.event for line in page)
    older = await told.queries.audit(10, before_seq=seqs[-1])
    assert older[0].seq < seqs[-1]
    everything = await told.queries.audit(10_000)
    assert len(everything) == await told.queries.audit_length()
    assert {(line.who, line.what) for line in everything} >= {("4242", "STOP"), ("4242", "resume")}


@pytest.mark.parametrize("kind", AUDITED)
def test_every_audited_kind_has_words(kind: str) -> None:
    (found,) = [each for each in e.EVENTS if each.__name__ == kind]
    event = filled(found)
    line = audit_line(StoredEvent(seq=1, at=AT, kind=kind, event=event, hash=""))
    assert line.who
    assert line.what
    assert line.what != kind


async def test_events_are_found_by_number_and_by_command(told: Told) -> None:
    stored = await told.queries.event(3)
    assert stored is not None
    assert stored.event == told.events[2]
    assert await told.queries.event(10**6) is None
    command_id = told.events[0].command_id
    assert command_id is not None
    caused = await told.queries.events_of(command_id)
    assert [found.seq for found in caused] == [1, 2, 3]


async def test_the_last_trouble_is_the_newest_one(told: Told) -> None:
    kinds = (
        e.OrderRejected, e.OrderUnknown, e.VenueWentSilent, e.BooksDiffer, e.CommandRefused
    )  # fmt: skip
    newest = [event for event in told.events if isinstance(event, kinds)][-1]
    found = await told.queries.last_trouble()
    assert found is not None
    assert found.event == newest


async def test_a_new_journal_has_nothing_to_show(database: Database) -> None:
    queries = Queries(database)
    assert await queries.audit(10) == ()
    assert await queries.last_trouble() is None
    assert await queries.equity_since(BEGIN) == ()
    assert await queries.days(7, Decimal(1)) == ()
    assert await queries.order("qd1") is None
    assert await queries.position("p1") is None


async def test_equity_is_read_as_it_was_sampled(told: Told) -> None:
    samples = told.of(e.EquitySampled)
    points = await told.queries.equity_since(BEGIN)
    assert [(point.at, str(point.equity)) for point in points] == [
        (sample.at, str(sample.equity)) for sample in samples
    ]
    since = samples[len(samples) // 2].at
    assert (await told.queries.equity_since(since))[0].at == since


async def test_a_thinned_series_is_bounded_and_ends_with_the_newest(told: Told) -> None:
    samples = told.of(e.EquitySampled)
    points = await told.queries.equity_since(BEGIN, points_max=4)
    assert 2 <= len(points) <= 4
    assert points[-1].at == samples[-1].at


async def test_orders_are_found_by_id_and_by_time(told: Told) -> None:
    submitted = told.of(e.OrderSubmitted)
    name = submitted[0].order.client_order_id
    found = await told.queries.order(name)
    assert found is not None
    assert found == await told.journal.find_order(name)
    orders = await told.queries.orders_since(BEGIN, limit=5)
    assert orders[0].client_order_id == submitted[-1].order.client_order_id
    assert len(orders) == 5


async def test_fills_are_read_of_an_order_and_since_a_time(told: Told) -> None:
    booked = told.of(e.FillBooked)
    name = booked[0].fill.client_order_id
    fills = await told.queries.fills_of(name)
    assert [found.trade_id for found in fills] == [
        event.fill.trade_id for event in booked if event.fill.client_order_id == name
    ]
    first: Fill = booked[0].fill
    assert (fills[0].quantity, fills[0].price, fills[0].fee) == (
        first.quantity, first.price, first.fee
    )  # fmt: skip
    assert {found.liquidity for found in await told.queries.fills_since(BEGIN)} == {
        Liquidity.MAKER, None
    }  # fmt: skip
    everything = await told.queries.fills_since(BEGIN)
    assert len(everything) == len(booked)
    assert len(await told.queries.fills_since(BEGIN, limit=3)) == 3
    of_one = await told.queries.fills_since(BEGIN, symbol="BTC/USDT", venue="binance")
    assert {found.symbol for found in of_one} == {"BTC/USDT"}


async def test_realised_pnl_of_fills_adds_up_to_the_ledger_fold(told: Told) -> None:
    fills = await told.queries.fills_since(BEGIN)
    opening = Decimal(10000)
    cash = told.story.state.cash["binance:USDT"]
    cost = sum(
        (position.entry_price * position.quantity for position in
         told.story.state.positions.values()),
        Decimal(0),
    )  # fmt: skip
    realised = sum((found.realised_pnl for found in fills), Decimal(0))
    assert abs(cash + cost - opening - realised) < Decimal("1E-15")


async def test_closed_positions_are_shown_as_they_ended(told: Told) -> None:
    closed = await told.queries.closed_since(BEGIN)
    assert closed
    assert list(closed) == sorted(closed, key=lambda each: each.closed_at, reverse=True)
    for each in closed:
        assert each.position.quantity == 0
        assert each.position.position_id not in {
            position.position_id for position in told.story.state.positions.values()
        }
        assert each.exit_price > 0
    found = await told.queries.position(closed[0].position.position_id)
    assert found == closed[0].position
    assert {each.is_long for each in closed} == {True, False}


async def test_open_positions_are_the_states(told: Told) -> None:
    for position in told.story.state.positions.values():
        assert await told.queries.position(position.position_id) == position


async def test_the_bars_of_days_add_up(told: Told) -> None:
    equity = told.story.state.equity
    assert equity is not None
    bars = await told.queries.days(1000, equity.equity)
    assert len(bars) == len(told.of(e.DayRolled)) + 1
    assert sum(bar.pnl for bar in bars) == equity.equity - 10000
    assert [bar.day for bar in bars] == sorted(bar.day for bar in bars)
    last = await told.queries.days(1, equity.equity)
    assert last == bars[-1:]


# What is read is judged alike; what is stored differently the other tests show.
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE fills SET price='free' WHERE rowid=1", "Table fills, row .*, column price"),
        ("UPDATE fills SET side='both' WHERE rowid=1", "Table fills, row .*'both'"),
        ("UPDATE orders SET document=x'7b' WHERE rowid=1", "Table orders, row .*Order"),
        ("UPDATE orders SET submitted_at='noon' WHERE rowid=1", "column submitted_at"),
        ("UPDATE equity SET equity='NaN'", "Table equity, row .*, column equity"),
        ("UPDATE positions SET exit_price=NULL", "Table positions, row .*no exit price"),
        ("UPDATE days SET day='someday' WHERE seq=1", "Table days"),
        ("UPDATE journal SET payload=x'7b' WHERE kind='SignalReceived'", r"Event \d+ \(Signal"),
    ],
)
async def test_a_broken_row_is_named(
    database: Database, told: Told, damage: str, words: str
) -> None:
    await database.write(damaging(damage))

    async def everything() -> None:
        await told.queries.fills_since(BEGIN)
        await told.queries.equity_since(BEGIN)
        await told.queries.orders_since(BEGIN, 1000)
        await told.queries.closed_since(BEGIN)
        await told.queries.days(1000, Decimal(0))
        await told.queries.audit(1000)

    with pytest.raises(JournalCorrupt, match=words):
        await everything()
