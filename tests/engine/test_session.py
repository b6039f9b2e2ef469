"""Chats, strangers, backlogs and alerts: noted once, told to whom they concern."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.alerts import Audience, Lane, alerts_of
from engine.commands import AlertKind, AlertMode
from engine.fold import apply
from engine.state import State
from tests.engine.desk import ALWAYS, STRATEGY, TRADER, Desk, kinds, signal


def bind(desk: Desk, chat_id: int = 7, user_id: int = 7) -> tuple[e.Event, ...]:
    return desk.give(c.BindChat, chat_id=chat_id, user_id=user_id)


def test_a_chat_is_bound_once_and_keeps_its_modes_when_its_person_changes() -> None:
    desk = Desk()
    assert kinds(bind(desk)) == ["ChatBound"]
    assert bind(desk) == ()
    desk.give(c.SetAlertMode, chat_id=7, kind=AlertKind.FILL, mode=AlertMode.SILENT)
    bind(desk, user_id=8)
    chat = desk.state.chats["7"]
    assert chat.user_id == 8
    assert chat.mode_of(AlertKind.FILL) is AlertMode.SILENT
    assert chat.mode_of(AlertKind.REPORT) is AlertMode.ON
    assert chat.mode_of(AlertKind.STOP) is AlertMode.ON


@pytest.mark.parametrize(
    ("chat_id", "kind", "rule"),
    [
        (7, AlertKind.STOP, "always_on"),
        (7, AlertKind.TICKET, "always_on"),
        (1, AlertKind.FILL, "not_bound"),
    ],
)
def test_what_must_ring_cannot_be_silenced_and_an_unknown_chat_has_no_modes(
    chat_id: int, kind: AlertKind, rule: str
) -> None:
    desk = Desk()
    bind(desk)
    (refused,) = desk.give(c.SetAlertMode, chat_id=chat_id, kind=kind, mode=AlertMode.OFF)
    assert isinstance(refused, e.CommandRefused)
    assert refused.rule == rule


def test_a_stranger_and_a_backlog_are_noted_and_told_to_whom_they_concern() -> None:
    desk = Desk()
    (stranger,) = desk.give(c.NoteStranger, actor=c.ENGINE, user_id=555, messages=3)
    (row,) = alerts_of(desk.state, stranger, desk.state)
    assert (row.audience, row.kind) == (Audience.OWNERS, AlertKind.STRANGER)
    (backlog,) = desk.give(
        c.NoteBacklog, actor=c.ENGINE, chat_id=7, items=("buy",), done=(), down_since=None
    )
    (row,) = alerts_of(desk.state, backlog, desk.state)
    assert (row.audience, row.chat_id) == (Audience.CHAT, 7)


def test_an_end_is_journaled() -> None:
    desk = Desk()
    assert kinds(desk.give(c.StopEngine, actor=c.ENGINE)) == ["EngineEnded"]


def rows(events: list[e.Event]) -> list[tuple[str, AlertKind, Lane]]:
    """Give every alert of a session, in order."""
    found = []
    state = State()
    for event in events:
        after = apply(state, event)
        found += [(a.event, a.kind, a.lane) for a in alerts_of(state, event, after)]
        state = after
    return found


def session(*acts: Any) -> list[tuple[str, AlertKind, Lane]]:
    desk = Desk(confirm=ALWAYS)
    for act in acts:
        act(desk)
    return rows(desk.events)


@pytest.mark.parametrize(
    ("act", "row"),
    [
        (lambda d: d.give(c.Halt), ("TradingHalted", AlertKind.STOP, Lane.STOP)),
        (
            lambda d: (d.give(c.Halt), d.give(c.Resume)),
            ("TradingResumed", AlertKind.STOP, Lane.STOP),
        ),
        (lambda d: d.give(c.Flatten), ("FlattenStarted", AlertKind.STOP, Lane.STOP)),
        (
            lambda d: d.give(c.TripBreaker, reason="x"),
            ("BreakerTripped", AlertKind.BREAKER, Lane.STOP),
        ),
        (
            lambda d: d.ticket(signal(quantity="0.001")),
            ("TicketOpened", AlertKind.TICKET, Lane.TICKET),
        ),
        (
            lambda d: d.wish(signal("nothing", quantity=1), STRATEGY),
            ("OrderDenied", AlertKind.SIGNAL, Lane.REPORT),
        ),
        (
            lambda d: d.tell(r.VenueSilent(venue="binance", text="?")),
            ("VenueWentSilent", AlertKind.TROUBLE, Lane.FILL),
        ),
        (
            lambda d: d.give(c.ReportDay, chain_head="x"),
            ("DayReported", AlertKind.REPORT, Lane.REPORT),
        ),
        (
            lambda d: d.fill(None, "1", "1"),
            ("FillBooked", AlertKind.FILL, Lane.FILL),
        ),
    ],
)
def test_every_alertable_event_has_its_kind_and_urgency(
    act: Any, row: tuple[str, AlertKind, Lane]
) -> None:
    assert row in session(act)


def test_a_person_s_own_denial_and_an_ordinary_acceptance_ring_nowhere() -> None:
    found = session(lambda d: d.wish(signal("nothing", quantity=1), TRADER))
    assert "OrderDenied" not in [event for event, _, _ in found]
    desk = Desk()
    name = desk.order(signal(quantity="0.001"))
    desk.seen(name, "open")
    assert "OrderAccepted" not in [event for event, _, _ in rows(desk.events)]


def test_an_unknown_order_is_told_at_each_ask_and_at_its_end() -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.001"))
    desk.tell(r.SubmitUnanswered(client_order_id=name, text="?"))
    desk.tell(r.OrderNotSeen(client_order_id=name, complete=True, text="?"))
    desk.seen(name, "open")
    told = [event for event, _, _ in rows(desk.events)]
    assert told == ["OrderUnknown", "OrderAsked", "OrderAccepted"]


@pytest.mark.parametrize(("average", "warned"), [("61546.2", False), ("61546.3", True)])
def test_slippage_above_the_threshold_warns_once_per_order(average: str, warned: bool) -> None:
    desk = Desk()
    name = desk.order(signal(quantity="0.002"))
    desk.fill(name, "0.001", average)
    desk.fill(name, "0.001", average)
    found = [kind for _, kind, _ in rows(desk.events)]
    assert found.count(AlertKind.SLIPPAGE) == int(warned)


def test_fills_of_a_running_flatten_keep_its_card_alive() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    desk.give(c.Flatten)
    before = len(rows(desk.events))
    (name,) = desk.state.orders
    desk.fill(name, "0.01", "61240")
    subjects = {kind for _, kind, _ in rows(desk.events)[before:]}
    assert AlertKind.STOP in subjects


def test_tails_keep_the_newest_and_drop_the_oldest() -> None:
    desk = Desk(limits=replace(Desk().limits, duplicate_window_s=0))
    for _ in range(205):
        name = desk.order(signal(quantity="0.001"))
        desk.seen(name, "canceled")
        desk.later(1)
    assert len(desk.state.orders_finished) == 200
    assert len(desk.state.sent) == 50
    assert len(desk.state.signals) == 50
    assert desk.state.cash == {"binance:USDT": Decimal("12480.20")}
