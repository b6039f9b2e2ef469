"""A clock set back makes nobody wait for it to catch up, and lets no ticket live on."""

from datetime import timedelta

from engine import commands as c
from engine import events as e
from engine import reports as r
from tests.engine.desk import ALWAYS, Desk, kinds, signal

HOUR = timedelta(hours=1)


def test_a_flatten_tries_again_though_its_last_try_lies_in_the_future() -> None:
    # given a flatten whose exit was refused
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    begun = desk.give(c.Flatten)
    (sent,) = [event for event in begun if isinstance(event, e.OrderSubmitted)]
    name = sent.order.client_order_id
    desk.tell(r.SubmitRefused(client_order_id=name, code="busy", text="busy"))
    # when the clock is set back
    desk.now -= HOUR
    desk.later(0)
    # then the next try goes at once
    assert "OrderSubmitted" in kinds(desk.give(c.ContinueFlatten, actor=c.ENGINE))


def test_a_flatten_asks_the_venues_again_though_it_was_told_in_the_future() -> None:
    desk = Desk()
    assert "FlattenAsked" in kinds(desk.give(c.Flatten))
    desk.tell(r.VenueSilent(venue="binance", text="no answer"))
    desk.now -= HOUR
    assert "FlattenAsked" in kinds(desk.give(c.ContinueFlatten, actor=c.ENGINE))


def test_a_ticket_of_the_future_has_expired() -> None:
    desk = Desk(confirm=ALWAYS)
    ticket = desk.ticket(signal(quantity="0.001"))
    desk.now -= HOUR
    desk.later(0)
    events = desk.give(c.ApproveTicket, ticket_id=ticket.ticket_id)
    assert kinds(events) == ["TicketEnded"]
    # and the sweep sees it too
    desk = Desk(confirm=ALWAYS)
    desk.ticket(signal(quantity="0.001"))
    desk.now -= HOUR
    assert kinds(desk.give(c.Sweep, actor=c.ENGINE)) == ["TicketEnded"]


def test_an_order_of_the_future_is_no_duplicate_for_hours() -> None:
    desk = Desk()
    desk.order(signal(quantity="0.001"))
    desk.now -= HOUR
    desk.later(0)
    desk.order(signal(quantity="0.001"))
