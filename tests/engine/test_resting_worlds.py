"""Resting stops in a running engine on paper, the watch beside them, and what is told."""

from decimal import Decimal

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.alerts import alerts_of
from engine.fold import apply
from engine.journal_memory import MemoryJournal
from engine.markets.manual import ManualMarket
from engine.orders import OrderStatus
from engine.protection import is_resting, stops_on
from engine.venues.ledger import MemoryLedgerStore
from engine.watch import VENUE_FILLS_S, Watch
from tests.engine.desk import NEVER, Desk, quote_of
from tests.engine.test_resting_stops import (
    KEY,
    PERP,
    PERP_KEY,
    RESTS,
    SPOT,
    answer,
    close,
    resting_desk,
    stop,
    tick,
)
from tests.engine.venues.room import StillClock
from tests.engine.world import World, world


def resting(w: World, key: str) -> bool:
    return any(is_resting(order) for order in stops_on(w.engine.state, key))


@pytest.mark.parametrize(("symbol", "key"), [(SPOT, KEY), (PERP, PERP_KEY)])
async def test_a_stop_outlives_the_engine_and_closes_at_the_venue(symbol: str, key: str) -> None:
    journal, store = MemoryJournal(), MemoryLedgerStore()
    async with world(journal=journal, store=store, rests=RESTS, confirm=NEVER) as w:
        await w.buy(symbol, quantity="0.01", stop_loss=60000)
        await w.until(lambda: resting(w, key))
    async with world(journal=journal, store=store, rests=RESTS, confirm=NEVER) as w:
        # given the one stop of before, known again
        assert resting(w, key)
        (name,) = [order.client_order_id for order in stops_on(w.engine.state, key)]
        # when the price goes through it, at a gap
        w.set(symbol, "58000")
        await w.until(lambda: key not in w.engine.state.positions)
        await w.until(lambda: not w.engine.state.orders)
        # then the venue's order closed it, and nobody here sent another
        assert w.engine.state.orders_finished[name].status is OrderStatus.FILLED
        assert not any(isinstance(event, e.ExitTriggered) for event in journal.events)
        assert len(store.orders) == 2


async def test_a_close_on_spot_takes_the_stop_out_of_its_way_in_a_moment() -> None:
    async with world(rests=RESTS, confirm=NEVER) as w:
        await w.buy(SPOT, quantity="0.01", stop_loss=60000)
        await w.until(lambda: resting(w, KEY))
        result = await w.engine.close_position(SPOT)
        assert result.success, result.error
        await w.until(lambda: not w.engine.state.orders)
        assert w.engine.state.positions == {}


def watch_of(desk: Desk) -> tuple[Watch, StillClock, list[c.Command]]:
    clock, posted = StillClock(), list[c.Command]()
    market = ManualMarket(instruments=desk.instruments.values(), clock=clock)
    watch = Watch(quotes=market, clock=clock, state=lambda: desk.state, post=posted.append)
    return watch, clock, posted


def test_the_watch_leaves_a_resting_stop_to_the_venue_for_three_seconds() -> None:
    desk = resting_desk()
    watch, clock, posted = watch_of(desk)
    through = quote_of(SPOT, "59999", "60001")
    watch.see(through)
    clock.advance(VENUE_FILLS_S - 0.1)
    watch.see(through)
    assert posted == []
    clock.advance(0.1)
    watch.see(through)
    assert [type(each) for each in posted] == [c.TriggerExit]


def test_a_price_that_comes_back_gives_the_venue_its_time_anew() -> None:
    desk = resting_desk()
    watch, clock, posted = watch_of(desk)
    watch.see(quote_of(SPOT, "59999", "60001"))
    watch.see(quote_of(SPOT, "60001", "60003"))
    clock.advance(VENUE_FILLS_S)
    watch.see(quote_of(SPOT, "59999", "60001"))
    assert posted == []


@pytest.mark.parametrize("why", ["watched only", "being cancelled", "moved and not replaced yet"])
def test_the_watch_closes_at_once_what_no_resting_stop_covers(why: str) -> None:
    desk = resting_desk(rests={} if why == "watched only" else RESTS)
    price = "59999"
    if why == "being cancelled":
        close(desk)
    elif why == "moved and not replaced yet":
        name = desk.state.positions[KEY].position_id
        desk.give(c.SetProtection, position_id=name, stop=Decimal(60500))
        price = "60400"
    watch, _, posted = watch_of(desk)
    watch.see(quote_of(SPOT, price, "60500"))
    assert [type(each) for each in posted] == [c.TriggerExit]


def told(desk: Desk, *events: e.Event) -> list[str]:
    """Give the subjects of the alerts of events that were folded already, from the State before."""
    seen = []
    state = desk.state
    for event in events:
        after = apply(state, event)
        seen += [alert.subject for alert in alerts_of(state, event, after)]
        state = after
    return seen


def test_a_stop_the_venue_ends_is_told_once_and_one_that_is_replaced_never() -> None:
    desk = resting_desk()
    before, name = desk.state, stop(desk).client_order_id
    gone = desk.seen(name, "canceled")
    desk.state, after = before, desk.state
    assert told(desk, *gone) == [f"order:{name}"]
    # the next try is refused as well, and says nothing
    desk.state = after
    desk.later(5)
    tick(desk)
    before, again = desk.state, stop(desk).client_order_id
    refused = desk.tell(r.SubmitRefused(client_order_id=again, code="x", text="no"))
    desk.state, after = before, desk.state
    assert told(desk, *refused) == []
    # what was replaced on purpose says nothing either
    desk = resting_desk()
    close(desk)
    before, name = desk.state, stop(desk).client_order_id
    ended = desk.seen(name, "canceled")
    desk.state = before
    assert told(desk, ended[0]) == []


def test_a_stop_that_fills_is_told_as_every_fill_is() -> None:
    desk = resting_desk()
    before, name = desk.state, stop(desk).client_order_id
    filled = desk.fill(name, "0.01", "59990")
    desk.state = before
    assert f"order:{name}" in told(desk, *filled)
    answer(desk)
