"""Every field of what is decided: orders, tickets and denials as they go to the journal, whole."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.confirming import Confirmation
from engine.identities import client_order_id, digest
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.signals import Target
from engine.tickets import Ask, TargetView, Ticket, TicketStatus, WhatIf
from tests.engine.desk import LIMITS, OWNER, STRATEGY, TRADER, Desk, kinds, signal

KEY = "binance:BTC/USDT"
PERP = "BTC/USDT:USDT"
PERP_KEY = f"binance:{PERP}"
MID = Decimal("61240.00")
STOP = Target(price=Decimal(62000), fraction=Decimal("0.5"))


def named(intent: str, leg: str = "entry", attempt: int = 0) -> str:
    """Name an order as EXECUTION 2 says: journal, epoch, command, leg, attempt."""
    return client_order_id("desk", 1, intent, leg, attempt)


def order_in(events: tuple[e.Event, ...]) -> Order:
    (found,) = [event for event in events if isinstance(event, e.OrderSubmitted)]
    return found.order


def submitted(desk: Desk, actor: c.Actor = OWNER, **fields: Any) -> tuple[e.Event, ...]:
    made = signal(**fields)
    return desk.give(c.SubmitSignal, actor, command_id="wish", signal=made, venue="binance")


# --- entries


def test_an_entry_carries_everything_that_was_wished_for() -> None:
    desk = Desk()
    wish = signal(
        PERP,
        "short",
        quantity="0.01",
        leverage=2,
        stop_loss=62500,
        targets=(Target(price=Decimal(60000), fraction=Decimal("0.5")),),
        strategy="breakout",
        signal_id="s1",
        created_at=desk.now,
    )
    events = desk.give(c.SubmitSignal, STRATEGY, command_id="wish", signal=wish, venue="binance")
    assert events[0] == e.SignalReceived(
        at=desk.now,
        command_id="wish",
        signal_id="s1",
        signal=wish,
        venue="binance",
        actor=STRATEGY,
    )
    assert order_in(events) == Order(
        client_order_id=named("wish"),
        venue="binance",
        symbol=PERP,
        side=OrderSide.SELL,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal("0.01"),
        intent="wish",
        price_limit=Decimal("61171.3"),
        leverage=Decimal(2),
        stop=Decimal("62500.0"),
        targets=(Target(price=Decimal("60000.0"), fraction=Decimal("0.5")),),
        strategy="breakout",
        reason="signal",
        actor="strategy breakout",
        signal_id="s1",
        price_decision=Decimal("61232.45"),
        price_arrival=Decimal("61232.45"),
    )


def test_a_signal_without_a_name_or_a_time_gets_both_from_its_command() -> None:
    desk = Desk()
    events = submitted(desk, TRADER, quantity="0.001")
    received = events[0]
    assert isinstance(received, e.SignalReceived)
    name = digest("desk", "wish", "signal")
    assert received.signal_id == name
    assert received.signal == replace(signal(quantity="0.001"), signal_id=name, created_at=desk.now)
    assert received.actor == TRADER
    assert order_in(events).signal_id == name


def test_a_sale_by_signal_is_an_exit_that_names_its_position() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    held = desk.state.positions[KEY]
    order = order_in(submitted(desk, action="sell", quantity="0.004"))
    assert order.purpose is OrderPurpose.EXIT
    assert order.reason == "close"
    assert order.position_id == held.position_id
    assert order.price_decision == order.price_arrival == MID


def test_an_exit_without_a_price_has_no_arrival_price() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.quotes.clear()
    order = order_in(submitted(desk, action="sell"))
    assert (order.price_decision, order.price_arrival) == (None, None)


# --- denials


def test_a_denial_shows_the_order_that_was_not_sent() -> None:
    desk = Desk()
    event = submitted(desk, TRADER, notional=3, price_limit=50000)[-1]
    assert isinstance(event, e.OrderDenied)
    (breach,) = event.breaches
    assert breach.rule == "minimum"
    assert event == e.OrderDenied(
        at=desk.now,
        command_id="wish",
        signal_id=digest("desk", "wish", "signal"),
        ticket_id=None,
        venue="binance",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        kind=OrderKind.LIMIT,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal("0.00006"),
        notional=Decimal(3),
        price_limit=Decimal("50000.00"),
        breaches=(breach,),
        actor=TRADER,
        quote=desk.quotes[KEY],
    )


def test_a_signal_of_which_no_order_can_be_made_is_denied_as_it_was_written() -> None:
    desk = Desk()
    fields = {"quantity": "0.001", "price_limit": 50000, "stop_loss": 62000}
    event = submitted(desk, TRADER, **fields)[-1]
    assert isinstance(event, e.OrderDenied)
    assert event == e.OrderDenied(
        at=desk.now,
        command_id="wish",
        signal_id=digest("desk", "wish", "signal"),
        ticket_id=None,
        venue="binance",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        kind=OrderKind.LIMIT,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal("0.001"),
        notional=None,
        price_limit=Decimal(50000),
        breaches=event.breaches,
        actor=TRADER,
        quote=desk.quotes[KEY],
    )
    assert [breach.rule for breach in event.breaches] == ["stop_side"]


@pytest.mark.parametrize(
    ("action", "purpose", "side"),
    [
        ("sell", OrderPurpose.EXIT, None),
        ("close", OrderPurpose.EXIT, None),
        ("short", OrderPurpose.ENTRY, None),
    ],
)
def test_a_market_wish_that_cannot_be_made_is_denied_by_its_purpose(
    action: str, purpose: OrderPurpose, side: OrderSide | None
) -> None:
    event = submitted(Desk(), action=action, notional=100)[-1]
    assert isinstance(event, e.OrderDenied)
    assert (event.purpose, event.side, event.kind) == (purpose, side, OrderKind.MARKET)
    assert (event.quantity, event.notional, event.price_limit) == (None, Decimal(100), None)
    assert event.suggestions == ()


# --- tickets


def test_a_ticket_holds_everything_its_card_shows() -> None:
    desk = Desk()
    wish = signal(
        PERP,
        "short",
        quantity="0.01",
        leverage=2,
        stop_loss=62500,
        targets=(Target(price=Decimal(60000), fraction=Decimal("0.5")),),
        signal_id="s1",
        created_at=desk.now,
    )
    (_, event) = desk.give(
        c.SubmitSignal, TRADER, command_id="wish", signal=wish, venue="binance", ticket_wanted=True
    )
    assert isinstance(event, e.TicketOpened)
    name = digest("desk", 1, "wish", "ticket", length=16)
    cost = Decimal("0.01") * Decimal("61230.2")
    fee = desk.instruments[PERP_KEY].fee_taker
    stop_pnl = (Decimal("61230.2") - Decimal(62500)) * Decimal("0.01") - fee * Decimal("0.01") * (
        Decimal("61230.2") + Decimal(62500)
    )
    half = Decimal("0.005")
    target_pnl = Decimal("1230.2") * half - fee * half * Decimal("121230.2")
    assert event.ticket == Ticket(
        ticket_id=name,
        client_order_id=named(name),
        command_id="wish",
        signal=wish,
        venue="binance",
        symbol=PERP,
        side=OrderSide.SELL,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal("0.01"),
        price_limit=Decimal("61171.3"),
        quote=desk.quotes[PERP_KEY],
        leverage=Decimal(2),
        cost=cost,
        cost_max=cost,
        fee=cost * fee,
        slippage_bps=Decimal("2.25") / Decimal("61232.45") * 10000,
        stop=Decimal("62500.0"),
        stop_pnl=stop_pnl,
        targets=(TargetView(price=Decimal(60000), fraction=Decimal("0.5"), pnl=target_pnl),),
        risk_pct=-stop_pnl / Decimal("12480.20") * 100,
        quantity_after=Decimal("-0.01"),
        asks=(
            Ask(
                rule="confirm",
                confirmation=Confirmation.TAP,
                sentence="it was to be shown first",
            ),
        ),
        confirmation=Confirmation.TAP,
        owner_id=77,
        actor="trader 77",
        opened_at=desk.now,
        expires_at=desk.now + timedelta(seconds=60),
        what_if=WhatIf(
            gross_pct=ZERO,
            gross_pct_after=cost / Decimal("12480.20") * 100,
            gross_pct_max=LIMITS.gross_pct_max,
            coin_pct=ZERO,
            coin_pct_after=cost / Decimal("12480.20") * 100,
            coin_pct_max=LIMITS.coin_pct_max,
            drawdown_pct=ZERO,
            drawdown_pct_after=-stop_pnl / Decimal("12480.20") * 100,
            drawdown_pct_max=LIMITS.drawdown_pct_max,
        ),
    )


def test_a_ticket_without_a_stop_shows_no_risk() -> None:
    ticket = Desk().ticket(signal(notional=100))
    assert (ticket.stop, ticket.stop_pnl, ticket.risk_pct) == (None, None, None)


def test_a_ticket_s_risk_is_no_share_of_nothing() -> None:
    desk = Desk()
    assert desk.state.equity is not None
    for amount, share in ((Decimal(0), False), (Decimal(-1), False), (Decimal(1), True)):
        worth = replace(
            desk.state.equity, equity=amount, high_water=Decimal(0), loss_base=Decimal(0)
        )
        desk.state = replace(desk.state, equity=worth)
        limits = replace(
            desk.state.limits,
            order_notional_pct_max=Decimal(10**9),
            leverage_max=Decimal(10**9),
        )
        desk.state = replace(desk.state, limits=limits)
        event = desk.wish(signal(quantity="0.001", stop_loss_pct=2), ticket_wanted=True)
        shown = isinstance(event, e.TicketOpened) and event.ticket.risk_pct is not None
        assert shown is share


def test_a_program_with_a_number_owns_no_ticket() -> None:
    # given an actor that is no person but carries a person's number
    program = c.Actor(kind=c.ActorKind.PROGRAM, name="script", user_id=77)
    assert Desk().ticket(signal(notional=100), program).owner_id is None


def test_an_approved_ticket_becomes_its_own_order_and_no_other() -> None:
    desk = Desk()
    ticket = desk.ticket(signal(notional=500, stop_loss_pct=2, targets=(STOP,)), TRADER)
    desk.later(5)
    now = desk.quote("BTC/USDT", "61321.0", "61321.2")
    (ended, sent) = desk.give(c.ApproveTicket, OWNER, command_id="tap", ticket_id=ticket.ticket_id)
    assert ended == e.TicketEnded(
        at=desk.now,
        command_id="tap",
        ticket_id=ticket.ticket_id,
        status=TicketStatus.APPROVED,
        by="owner 4242",
        user_id=4242,
        quote=now,
    )
    assert isinstance(sent, e.OrderSubmitted)
    assert sent.order == Order(
        client_order_id=ticket.client_order_id,
        venue="binance",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=ticket.quantity,
        intent=ticket.ticket_id,
        price_limit=ticket.price_limit,
        stop=ticket.stop,
        targets=ticket.order_targets,
        reason="signal",
        actor="owner 4242",
        ticket_id=ticket.ticket_id,
        signal_id=ticket.signal.signal_id,
        price_decision=MID,
        price_arrival=Decimal("61321.1"),
    )


def test_an_order_bears_the_name_that_its_ticket_was_journaled_with() -> None:
    desk = Desk()
    ticket = replace(desk.ticket(signal(notional=500)), client_order_id="qdjournaled")
    desk.state = replace(desk.state, tickets={ticket.ticket_id: ticket})
    sent = desk.give(c.ApproveTicket, ticket_id=ticket.ticket_id)
    assert order_in(sent).client_order_id == "qdjournaled"


def test_a_ticket_is_judged_by_its_own_quantity_and_not_by_today_s() -> None:
    # given a ticket of one percent, and then twice the equity and a larger least amount
    desk = Desk()
    ticket = desk.ticket(signal(percent=1))
    assert desk.state.equity is not None
    twice = replace(desk.state.equity, equity=desk.state.equity.equity * 2)
    desk.state = replace(desk.state, equity=twice)
    desk.instruments[KEY] = replace(desk.instruments[KEY], notional_min=Decimal(1000))
    denied = desk.give(c.ApproveTicket, ticket_id=ticket.ticket_id)[-1]
    assert isinstance(denied, e.OrderDenied)
    assert denied.breaches[0].value == f"{ticket.quantity * Decimal('61243.67'):.2f}"


def ended_by(desk: Desk, ticket: Ticket, actor: c.Actor = OWNER) -> e.TicketEnded:
    event = desk.give(c.ApproveTicket, actor, ticket_id=ticket.ticket_id)[0]
    assert isinstance(event, e.TicketEnded)
    return event


def test_a_ticket_that_moved_shows_the_price_that_it_met() -> None:
    desk = Desk()
    ticket = desk.ticket(signal(notional=500))
    moved = desk.quote("BTC/USDT", "62000", "62001")
    event = ended_by(desk, ticket)
    assert (event.status, event.quote, event.by) == (TicketStatus.MOVED, moved, "owner 4242")


@pytest.mark.parametrize(("mid", "status"), [("61286", "approved"), ("61286.01", "moved")])
def test_drift_passes_at_its_limit_and_not_beyond(mid: str, status: str) -> None:
    # given a mid of 61,240 and a limit that 46 of it makes exactly
    limit = (Decimal(61286) - MID) / MID * 10000
    desk = Desk(limits=replace(LIMITS, drift_bps_max=limit, slippage_cap_bps=Decimal(50)))
    ticket = desk.ticket(signal(notional=500))
    desk.quote("BTC/USDT", mid, mid)
    assert ended_by(desk, ticket).status == status


def test_a_limit_ticket_waits_for_its_price_and_does_not_drift() -> None:
    desk = Desk()
    ticket = desk.ticket(signal(quantity="0.002", price_limit=50000))
    desk.quote("BTC/USDT", "63000", "63001")
    assert ended_by(desk, ticket).status is TicketStatus.APPROVED


def test_a_denied_ticket_is_denied_with_its_own_numbers_to_whom_tapped() -> None:
    desk = Desk()
    ticket = desk.ticket(signal(notional=500), TRADER)
    desk.give(c.Halt)
    (ended, denied) = desk.give(
        c.ApproveTicket, OWNER, command_id="tap", ticket_id=ticket.ticket_id
    )
    assert isinstance(ended, e.TicketEnded)
    assert (ended.status, ended.quote) == (TicketStatus.DENIED, desk.quotes[KEY])
    assert isinstance(denied, e.OrderDenied)
    assert (denied.ticket_id, denied.actor) == (ticket.ticket_id, OWNER)
    assert (denied.quantity, denied.price_limit) == (ticket.quantity, ticket.price_limit)
    assert [breach.sentence for breach in denied.breaches] == ["Halted: stopped by a person."]


def test_a_ticket_whose_symbol_is_gone_is_denied_to_whom_tapped() -> None:
    desk = Desk()
    ticket = desk.ticket(signal(notional=500), TRADER)
    del desk.instruments[KEY]
    (ended, denied) = desk.give(
        c.ApproveTicket, OWNER, command_id="tap", ticket_id=ticket.ticket_id
    )
    assert isinstance(ended, e.TicketEnded)
    assert (ended.status, ended.quote) == (TicketStatus.DENIED, desk.quotes[KEY])
    assert isinstance(denied, e.OrderDenied)
    assert (denied.venue, denied.symbol, denied.actor) == ("binance", "BTC/USDT", OWNER)
    assert (denied.ticket_id, denied.signal_id) == (None, ticket.signal.signal_id)
    assert [breach.rule for breach in denied.breaches] == ["symbol"]


def test_a_ticket_outlives_the_age_of_its_signal() -> None:
    # given a signal that may be ten seconds old, and a ticket that lives sixty
    desk = Desk(limits=replace(LIMITS, signal_age_s_max=10))
    ticket = desk.ticket(signal(notional=500))
    desk.later(30)
    assert ended_by(desk, ticket).status is TicketStatus.APPROVED


def test_a_turned_position_denies_a_ticket_in_words() -> None:
    desk = Desk()
    ticket = desk.ticket(signal(PERP, quantity="0.002"))
    short = desk.order(signal(PERP, "short", quantity="0.003"))
    desk.fill(short, "0.003", "61232")
    denied = desk.give(c.ApproveTicket, ticket_id=ticket.ticket_id)[-1]
    assert isinstance(denied, e.OrderDenied)
    assert denied.breaches[0] == e.Breach(
        rule="changed", sentence="The position is another one by now."
    )


def ended_expired(desk: Desk, act: Callable[[], tuple[e.Event, ...]]) -> None:
    (event,) = act()
    assert isinstance(event, e.TicketEnded)
    assert (event.status, event.by, event.user_id) == (TicketStatus.EXPIRED, "engine", None)
    assert event.quote is None


def test_a_ticket_that_ran_out_is_ended_by_the_engine_whoever_noticed() -> None:
    desk = Desk()
    ticket = desk.ticket(signal(notional=500))
    desk.later(60)
    ended_expired(desk, lambda: desk.give(c.ApproveTicket, ticket_id=ticket.ticket_id))
    desk.ticket(signal("eth", notional=500))
    desk.later(60)
    ended_expired(desk, lambda: desk.give(c.Sweep, actor=c.SCHEDULE))
    desk.ticket(signal("sol", notional=500))
    (_, expired) = desk.start()
    ended_expired(desk, lambda: (expired,))


# --- exits by hand and by the engine


def short_desk() -> Desk:
    desk = Desk()
    fields: dict[str, Any] = {"leverage": 2, "strategy": "breakout", "stop_loss": 62500}
    desk.hold(PERP, "0.01", "61230.2", action="short", **fields)
    return desk


def exit_of(desk: Desk, intent: str, leg: str, **fields: Any) -> Order:
    """Give the exit of the short, whole, but for what a case says otherwise."""
    base: dict[str, Any] = {
        "client_order_id": named(intent, f"{leg}:{PERP_KEY}"),
        "venue": "binance",
        "symbol": PERP,
        "side": OrderSide.BUY,
        "kind": OrderKind.MARKET,
        "purpose": OrderPurpose.EXIT,
        "quantity": Decimal("0.010"),
        "intent": intent,
        "leverage": Decimal(2),
        "strategy": "breakout",
        "position_id": desk.state.positions[PERP_KEY].position_id,
        "price_decision": Decimal("61232.45"),
        "price_arrival": Decimal("61232.45"),
    }
    return Order(**(base | fields))


def test_a_close_sends_an_exit_with_everything_of_its_position() -> None:
    desk = short_desk()
    held = desk.state.positions[PERP_KEY]
    events = desk.give(c.ClosePosition, command_id="tap", position_id=held.position_id)
    assert kinds(events) == ["OrderSubmitted"]
    assert order_in(events) == exit_of(
        desk, "tap", "close", reason="close", price_limit=Decimal("61540.9")
    )


def test_a_stop_sends_an_exit_that_says_which_level_it_was() -> None:
    desk = short_desk()
    held = desk.state.positions[PERP_KEY]
    quote = desk.quote(PERP, "62500", "62502", mark="62501")
    (triggered, sent) = desk.give(
        c.TriggerExit,
        c.ENGINE,
        command_id="watch",
        position_id=held.position_id,
        leg="stop",
        price=Decimal(62500),
        quote=quote,
    )
    assert triggered == e.ExitTriggered(
        at=desk.now,
        command_id="watch",
        key=PERP_KEY,
        position_id=held.position_id,
        leg="stop",
        price=Decimal(62500),
        quote=quote,
    )
    assert isinstance(sent, e.OrderSubmitted)
    mid = {"price_decision": Decimal(62501), "price_arrival": Decimal(62501)}
    mid["price_limit"] = Decimal("62814.6")  # 50 bps behind the ask
    assert sent.order == exit_of(desk, "watch", "stop", reason="stop 62500", **mid)


def test_a_target_s_exit_carries_the_target_and_a_stop_s_carries_none() -> None:
    # given a stop and a target that stand at one price
    desk = Desk()
    both = Target(price=Decimal(62000), fraction=Decimal("0.5"))
    desk.hold("BTC/USDT", "0.01", "61240", targets=(both,))
    held = replace(desk.state.positions[KEY], stop=Decimal(62000))
    desk.state = replace(desk.state, positions={KEY: held})
    given: dict[str, Any] = {"price": Decimal(62000), "quote": desk.quotes[KEY]}
    given |= {"position_id": held.position_id}
    first = desk.give(c.TriggerExit, c.ENGINE, command_id="watch", leg="target", **given)
    order = order_in(first)
    assert order.targets == (both,)
    assert (order.reason, order.quantity) == ("target 62000", Decimal("0.005"))
    assert order.client_order_id == named("watch", f"target:{KEY}")
    # and the stop's exit, of the same position with the target still on it
    desk.state = replace(desk.state, positions={KEY: held}, orders={}, open_on={})
    last = order_in(desk.give(c.TriggerExit, c.ENGINE, leg="stop", **given))
    assert (last.targets, last.quantity) == ((), Decimal("0.01"))


def test_a_flatten_s_exits_are_named_by_the_journal_s_position() -> None:
    desk = short_desk()
    events = desk.give(c.Flatten, command_id="flat")
    seq = desk.state.seq - 1
    assert order_in(events) == exit_of(
        desk,
        "flat",
        "flatten",
        client_order_id=named("flat", f"flatten:{PERP_KEY}", seq),
        reason="flatten",
    )


def test_an_exit_whose_intent_has_sent_one_already_gets_a_name_of_its_own() -> None:
    # given an exit that the venue refused
    desk = short_desk()
    held = desk.state.positions[PERP_KEY]
    first = order_in(desk.give(c.ClosePosition, command_id="tap", position_id=held.position_id))
    desk.tell(r.SubmitRefused(client_order_id=first.client_order_id, code="x", text="busy"))
    # and another instrument's exit of the same intent, and one of another intent
    desk.hold("BTC/USDT", "0.01", "61240")
    other = desk.state.positions[KEY]
    desk.give(c.ClosePosition, command_id="tap", position_id=other.position_id)
    desk.later(1)
    third = order_in(desk.give(c.ClosePosition, command_id="again", position_id=held.position_id))
    assert third.client_order_id == named("again", f"close:{PERP_KEY}", 0)
    desk.tell(r.SubmitRefused(client_order_id=third.client_order_id, code="x", text="busy"))
    # when the first intent tries again
    second = order_in(desk.give(c.ClosePosition, command_id="tap", position_id=held.position_id))
    # then it counts its own tries on this instrument
    assert second.client_order_id == named("tap", f"close:{PERP_KEY}", 1)


def test_an_exit_without_a_fresh_price_goes_without_an_arrival_price() -> None:
    desk = short_desk()
    desk.now += timedelta(seconds=6)
    held = desk.state.positions[PERP_KEY]
    order = order_in(desk.give(c.ClosePosition, position_id=held.position_id))
    assert (order.price_decision, order.price_arrival) == (None, None)
