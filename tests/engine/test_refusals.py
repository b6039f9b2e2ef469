"""What a person reads when a command cannot run: the sentence, the rule, whose command it was."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine.commands import AlertKind, AlertMode
from engine.signals import Target
from tests.engine.desk import OWNER, STRATEGY, TRADER, VIEWER, Desk, signal

PERP = "BTC/USDT:USDT"
Act = Callable[[Desk], tuple[e.Event, ...]]
Refusal = tuple[str, str, str]


def long_of(desk: Desk) -> str:
    desk.hold("BTC/USDT", "0.01", "61240")
    return desk.state.positions["binance:BTC/USDT"].position_id


def short_of(desk: Desk) -> str:
    desk.hold(PERP, "0.01", "61230.2", action="short")
    return desk.state.positions[f"binance:{PERP}"].position_id


def resting(desk: Desk) -> str:
    return desk.order(signal(quantity="0.001", price_limit=50000))


def cancel(desk: Desk, name: str) -> tuple[e.Event, ...]:
    return desk.give(c.CancelOrder, client_order_id=name)


def a_finished_order(desk: Desk) -> tuple[e.Event, ...]:
    name = resting(desk)
    desk.seen(name, "canceled")
    return cancel(desk, name)


def a_cancelled_order(desk: Desk) -> tuple[e.Event, ...]:
    name = resting(desk)
    cancel(desk, name)
    return cancel(desk, name)


def twice(wanted: type[c.CommandBase]) -> Act:
    def act(desk: Desk) -> tuple[e.Event, ...]:
        desk.give(wanted)
        return desk.give(wanted)

    return act


def a_flatten_again(desk: Desk) -> tuple[e.Event, ...]:
    long_of(desk)
    return twice(c.Flatten)(desk)


def a_resume(*before: type[c.CommandBase], actor: c.Actor = OWNER) -> Act:
    def act(desk: Desk) -> tuple[e.Event, ...]:
        long_of(desk)
        for wanted in before:
            fields: dict[str, Any] = {"reason": "x"} if wanted is c.TripBreaker else {}
            desk.give(wanted, **fields)
        return desk.give(c.Resume, actor)

    return act


def two_breakers(desk: Desk) -> tuple[e.Event, ...]:
    desk.give(c.TripBreaker, reason="x")
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(12200)})
    desk.later(1)
    desk.give(c.SampleEquity, actor=c.SCHEDULE)
    return desk.give(c.Resume)


def a_protection(find: Callable[[Desk], str], stop: str | None, target: str | None) -> Act:
    def act(desk: Desk) -> tuple[e.Event, ...]:
        name = find(desk)
        targets = () if target is None else (Target(price=Decimal(target)),)
        level = None if stop is None else Decimal(stop)
        return desk.give(c.SetProtection, position_id=name, stop=level, targets=targets)

    return act


def a_close_of_all_under_way(desk: Desk) -> tuple[e.Event, ...]:
    name = long_of(desk)
    desk.give(c.ClosePosition, position_id=name)
    return desk.give(c.ClosePosition, position_id=name)


def alerts(chat_id: int, kind: AlertKind) -> Act:
    def act(desk: Desk) -> tuple[e.Event, ...]:
        desk.give(c.BindChat, chat_id=7, user_id=7)
        return desk.give(c.SetAlertMode, chat_id=chat_id, kind=kind, mode=AlertMode.OFF)

    return act


CLOSED = ("position_closed", "That position is closed already.")
NO_OWNER = ("role", "Only an owner may re-arm a breaker.")
CASES: list[tuple[Act, Refusal]] = [
    (
        lambda d: cancel(d, "nobody"),
        ("cancel", "order_unknown", "There is no such order here."),
    ),
    (
        lambda d: d.give(c.ClosePosition, position_id="nobody"),
        ("close", *CLOSED),
    ),
    (
        a_close_of_all_under_way,
        (
            "close",
            "exit_cap",
            "Exits under way, or an amount too small to sell, leave nothing to close.",
        ),
    ),
    (
        lambda d: d.give(c.SetProtection, position_id="nobody", stop=None),
        ("protect", *CLOSED),
    ),
    (
        a_protection(long_of, "61240", None),
        ("protect", "stop_side", "The stop 61240 must stand below the price 61240."),
    ),
    (
        a_protection(short_of, "61232.45", None),
        ("protect", "stop_side", "The stop 61232.45 must stand above the price 61232.45."),
    ),
    (
        a_protection(long_of, None, "61240"),
        ("protect", "target_side", "Each target must stand above the price 61240."),
    ),
    (
        a_protection(short_of, None, "61232.45"),
        ("protect", "target_side", "Each target must stand below the price 61232.45."),
    ),
    (
        lambda d: d.give(c.SetProtectionsAside),
        ("cancel stops", "no_stops", "There is no stop to cancel."),
    ),
    (
        lambda d: d.give(c.RestoreProtections),
        ("put stops back", "no_stops", "No stop was set aside."),
    ),
    (
        twice(c.Halt),
        ("stop", "halted_already", "Halted already; nothing changed."),
    ),
    (
        lambda d: d.give(c.CancelEntries),
        ("cancel entries", "no_entries", "No entry is open."),
    ),
    (
        a_flatten_again,
        (
            "flatten",
            "flattening_already",
            "Flattening already; each item is being worked on.",
        ),
    ),
    (
        a_resume(actor=TRADER),
        ("resume", "role", "Only an owner may resume."),
    ),
    (
        a_resume(c.Flatten),
        ("resume", "flattening", "A flatten is under way; wait for its end."),
    ),
    (
        a_resume(c.TripBreaker),
        ("resume", "breaker", "Re-arm the breaker first: manual."),
    ),
    (
        two_breakers,
        ("resume", "breaker", "Re-arm the breaker first: manual, daily_loss."),
    ),
    (
        a_resume(),
        ("resume", "not_halted", "Trading is active already."),
    ),
    (
        lambda d: d.give(c.RearmBreaker, TRADER),
        ("re-arm", *NO_OWNER),
    ),
    (
        lambda d: d.give(c.RearmBreaker, STRATEGY),
        ("re-arm", *NO_OWNER),
    ),
    (
        lambda d: d.give(c.RearmBreaker),
        ("re-arm", "no_breaker", "That breaker is not tripped."),
    ),
    (
        alerts(7, AlertKind.STOP),
        ("alerts", "always_on", "Stop alerts are always on."),
    ),
    (
        alerts(7, AlertKind.BREAKER),
        ("alerts", "always_on", "Breaker alerts are always on."),
    ),
    (
        alerts(8, AlertKind.FILL),
        ("alerts", "not_bound", "Send /start first, so that this chat receives alerts."),
    ),
]


def refused(events: tuple[e.Event, ...]) -> e.CommandRefused:
    (event,) = events
    assert isinstance(event, e.CommandRefused), event
    return event


@pytest.mark.parametrize(
    ("act", "says"), CASES, ids=[f"{n}-{r[1]}" for n, (_, r) in enumerate(CASES)]
)
def test_a_refused_command_says_why_in_one_sentence(act: Act, says: Refusal) -> None:
    event = refused(act(Desk()))
    assert (event.command, event.rule, event.sentence) == says


@pytest.mark.parametrize("actor", [OWNER, TRADER, VIEWER, STRATEGY], ids=lambda actor: actor.text)
@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (c.CancelOrder, {"client_order_id": "nobody"}),
        (c.ClosePosition, {"position_id": "nobody"}),
        (c.SetProtection, {"position_id": "nobody", "stop": None}),
        (c.SetProtectionsAside, {}),
        (c.RestoreProtections, {}),
        (c.CancelEntries, {}),
        (c.Resume, {}),
        (c.RearmBreaker, {}),
        (c.ApproveTicket, {"ticket_id": "nobody"}),
        (c.CancelTicket, {"ticket_id": "nobody"}),
        (c.SetAlertMode, {"chat_id": 8, "kind": AlertKind.STOP, "mode": AlertMode.OFF}),
        (c.SetAlertMode, {"chat_id": 8, "kind": AlertKind.FILL, "mode": AlertMode.OFF}),
    ],
)
def test_a_refusal_names_whose_command_it_was(
    wanted: type[c.CommandBase], fields: dict[str, Any], actor: c.Actor
) -> None:
    assert refused(Desk().give(wanted, actor, **fields)).actor == actor


@pytest.mark.parametrize("wanted", [c.Halt, c.Flatten])
def test_a_second_stop_or_flatten_is_refused_to_whom_gave_it(wanted: type[c.CommandBase]) -> None:
    desk = Desk()
    long_of(desk)
    desk.give(wanted, OWNER)
    assert refused(desk.give(wanted, TRADER)).actor == TRADER


def test_what_cannot_be_protected_or_closed_is_refused_to_whom_asked() -> None:
    for act in (a_protection(long_of, "70000", None), a_protection(long_of, None, "50000")):
        assert refused(act(Desk())).actor == OWNER
    assert refused(a_close_of_all_under_way(Desk())).actor == OWNER
    assert refused(a_resume(c.Flatten)(Desk())).actor == OWNER
    assert refused(a_resume(c.TripBreaker)(Desk())).actor == OWNER


def test_an_order_that_is_finished_or_being_cancelled_is_named() -> None:
    desk = Desk()
    event = refused(a_finished_order(desk))
    (order,) = desk.state.orders_finished.values()
    assert event.sentence == f"{order.short_id} is canceled already."
    assert (event.command, event.rule, event.actor) == ("cancel", "order_finished", OWNER)
    desk = Desk()
    event = refused(a_cancelled_order(desk))
    (order,) = desk.state.orders.values()
    assert event.sentence == f"{order.short_id} is being cancelled already."
    assert (event.command, event.rule, event.actor) == ("cancel", "order_cancelling", OWNER)


# --- tickets


def the_ticket(desk: Desk, actor: c.Actor = OWNER) -> str:
    return desk.ticket(signal(notional=500), actor).ticket_id


TICKET_COMMANDS: list[tuple[type[c.CommandBase], str]] = [
    (c.ApproveTicket, "confirm"),
    (c.CancelTicket, "cancel ticket"),
]


@pytest.mark.parametrize(("wanted", "command"), TICKET_COMMANDS)
def test_a_ticket_that_nobody_knows_is_refused(wanted: type[c.CommandBase], command: str) -> None:
    event = refused(Desk().give(wanted, ticket_id="nobody"))
    assert event.command == command
    assert (event.rule, event.sentence) == ("ticket_unknown", "There is no such ticket here.")


@pytest.mark.parametrize(("wanted", "command"), TICKET_COMMANDS)
@pytest.mark.parametrize("actor", [TRADER, VIEWER, STRATEGY], ids=lambda actor: actor.text)
def test_another_s_ticket_is_refused_with_its_person(
    wanted: type[c.CommandBase], command: str, actor: c.Actor
) -> None:
    desk = Desk()
    name = the_ticket(desk)
    event = refused(desk.give(wanted, actor, ticket_id=name))
    short = desk.state.tickets[name].short_id
    assert (event.command, event.rule, event.actor) == (command, "ticket_person", actor)
    assert event.sentence == f"Not yours. {short} was made for owner 4242."


@pytest.mark.parametrize(("wanted", "command"), TICKET_COMMANDS)
@pytest.mark.parametrize("actor", [TRADER, OWNER], ids=lambda actor: actor.text)
def test_a_ticket_that_has_ended_says_how_and_by_whom(
    wanted: type[c.CommandBase], command: str, actor: c.Actor
) -> None:
    desk = Desk()
    name = the_ticket(desk, TRADER)
    desk.give(c.CancelTicket, TRADER, ticket_id=name)
    event = refused(desk.give(wanted, actor, ticket_id=name))
    short = desk.state.tickets_ended[name].short_id
    assert (event.command, event.rule, event.actor) == (command, "ticket_canceled", actor)
    assert event.sentence == f"{short} was canceled by trader 77."


def test_a_strategy_s_ticket_belongs_to_no_strategy() -> None:
    desk = Desk()
    name = the_ticket(desk, STRATEGY)
    event = refused(desk.give(c.ApproveTicket, STRATEGY, ticket_id=name))
    short = desk.state.tickets[name].short_id
    assert event.sentence == f"Not yours. {short} was made for strategy breakout."


def test_a_trader_confirms_and_withdraws_what_is_theirs() -> None:
    desk = Desk()
    ended = desk.give(c.ApproveTicket, TRADER, ticket_id=the_ticket(desk, TRADER))
    assert isinstance(ended[-1], e.OrderSubmitted)
    desk.later(20)
    (withdrawn,) = desk.give(c.CancelTicket, TRADER, ticket_id=the_ticket(desk, TRADER))
    assert isinstance(withdrawn, e.TicketEnded)
    assert (withdrawn.status, withdrawn.by, withdrawn.user_id) == ("canceled", "trader 77", 77)
