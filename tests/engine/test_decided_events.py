"""What is decided beside orders, whole: sessions, chats, stops, flattens, books, breakers, days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine import commands as c
from engine import events as e
from engine import reports as r
from engine.commands import AlertKind, AlertMode
from engine.decide import Message, Turn, decided
from engine.external import Differing
from engine.fold import apply
from engine.identities import digest
from engine.risk_limits import TradingState
from engine.signals import Target
from tests.engine.desk import AT, LIMITS, NEVER, OWNER, TRADER, Desk, kinds, signal

KEY = "binance:BTC/USDT"
PERP = "BTC/USDT:USDT"
PERP_KEY = f"binance:{PERP}"


def resting(
    desk: Desk, symbol: str = "BTC/USDT", price: int = 50000, quantity: str = "0.01"
) -> str:
    return desk.order(signal(symbol, quantity=quantity, price_limit=price))


def cancel_of(desk: Desk, name: str, command: str | None, actor: c.Actor, why: str) -> e.Event:
    return e.OrderCancelRequested(
        at=desk.now, command_id=command, client_order_id=name, actor=actor, reason=why
    )


# --- a turn


def test_a_decision_gives_each_event_with_the_state_after_it() -> None:
    desk = Desk()
    resting(desk)
    before = desk.state
    command = c.Halt(command_id="tap", actor=OWNER, at=desk.now)
    turn = decided(before, command, desk.context())
    assert kinds(tuple(turn.events)) == ["TradingHalted", "OrderCancelRequested"]
    first = apply(before, turn.events[0])
    assert turn.states == [first, apply(first, turn.events[1])]
    assert turn.state == turn.states[-1]
    assert (turn.command_id, turn.now, turn.journal_id, turn.epoch) == ("tap", desk.now, "desk", 1)


def test_a_report_is_nobody_s_command() -> None:
    desk = Desk()
    report: Message = r.VenueSilent(venue="binance", text="no answer")
    turn = decided(desk.state, report, desk.context())
    assert turn.command_id is None
    assert [event.command_id for event in turn.events] == [None]


@pytest.mark.parametrize("name", ["journal_id", "epoch"])
def test_nothing_is_named_before_the_journal_is_open(name: str) -> None:
    desk = Desk()
    turn = Turn(replace(desk.state, journal=None), desk.context(), None)
    with pytest.raises(AssertionError, match=r"^the journal is not open$"):
        getattr(turn, name)


# --- sessions


def test_a_first_start_opens_the_journal_and_says_with_which_settings() -> None:
    desk = Desk(accounts=("binance", "bybit"), mode="live", cash="5")
    assert desk.events[:2] == [
        e.JournalOpened(
            at=AT,
            journal_id="desk",
            epoch=1,
            mode="live",
            accounts=("binance", "bybit"),
            market="simulated",
            currency="USDT",
            cash=Decimal(0),  # real money is counted at the venue
        ),
        e.EngineStarted(
            at=AT,
            command_id="desk:1",
            limits=LIMITS,
            confirm=NEVER,
            order_timeout_s=300,
            version="0",
        ),
    ]
    # and a second one goes on with it
    assert kinds(desk.start()) == ["EngineStarted"]


def test_a_restart_asks_for_every_order_that_had_no_outcome() -> None:
    desk = Desk()
    silent, known = resting(desk), resting(desk, "ETH/USDT", 3000)
    partly = resting(desk, "SOL/USDT", 100, "0.1")
    cancelled = resting(desk, "XRP/USDT", 2, "10")
    desk.seen(known, "open")
    desk.fill(partly, "0.04", "100")
    desk.give(c.CancelOrder, client_order_id=cancelled)
    desk.give(c.CancelOrder, client_order_id=partly)
    desk.give(c.CancelOrder, client_order_id=known)
    (_, *unknown) = desk.start()
    why = "the console restarted before the venue had answered"
    assert unknown == [
        e.OrderUnknown(at=desk.now, client_order_id=silent, reason=why),
        e.OrderUnknown(at=desk.now, client_order_id=cancelled, reason=why),
    ]
    # what is unknown already is not unknown once more
    assert kinds(desk.start()) == ["EngineStarted"]


def test_a_session_s_end_is_of_its_command() -> None:
    desk = Desk()
    assert desk.give(c.StopEngine, command_id="end", actor=c.ENGINE) == (
        e.EngineEnded(at=desk.now, command_id="end"),
    )


def test_what_is_noted_is_noted_whole() -> None:
    desk = Desk()
    down = datetime(2026, 11, 16, tzinfo=UTC)
    bound = desk.give(c.BindChat, command_id="1", chat_id=-7, user_id=77, is_group=True)
    mode: dict[str, Any] = {"kind": AlertKind.FILL, "mode": AlertMode.SILENT}
    chosen = desk.give(c.SetAlertMode, command_id="2", chat_id=-7, **mode)
    known = desk.give(c.Acknowledge, TRADER, command_id="3", subject="flatten")
    stranger = desk.give(c.NoteStranger, c.ENGINE, command_id="4", user_id=5, messages=3)
    parts: dict[str, Any] = {"items": ("/buy",), "done": ("/stop",), "down_since": down}
    backlog = desk.give(c.NoteBacklog, c.ENGINE, command_id="5", chat_id=7, **parts)
    assert (*bound, *chosen, *known, *stranger, *backlog) == (
        e.ChatBound(at=AT, command_id="1", chat_id=-7, user_id=77, is_group=True),
        e.AlertModeSet(at=AT, command_id="2", chat_id=-7, **mode),
        e.AlertAcknowledged(at=AT, command_id="3", subject="flatten", actor=TRADER),
        e.StrangerNoted(at=AT, command_id="4", user_id=5, messages=3),
        e.BacklogSetAside(at=AT, command_id="5", chat_id=7, **parts),
    )


# --- stop, cancel, protect


def test_a_stop_names_who_gave_it_on_every_cancel() -> None:
    desk = Desk()
    first, second = resting(desk), resting(desk, "ETH/USDT", 3000)
    assert desk.give(c.Halt, TRADER, command_id="tap", reason="panic") == (
        e.TradingHalted(at=desk.now, command_id="tap", actor=TRADER, reason="panic"),
        cancel_of(desk, first, "tap", TRADER, "panic"),
        cancel_of(desk, second, "tap", TRADER, "panic"),
    )


def test_a_stop_with_nothing_to_cancel_is_a_stop_and_no_refusal() -> None:
    assert kinds(Desk().give(c.Halt)) == ["TradingHalted"]


def test_an_entry_that_is_being_cancelled_holds_no_other_back() -> None:
    desk = Desk()
    first, second = resting(desk), resting(desk, "ETH/USDT", 3000)
    desk.give(c.CancelOrder, client_order_id=first)
    assert desk.give(c.CancelEntries, TRADER, command_id="tap") == (
        cancel_of(desk, second, "tap", TRADER, "cancel entries"),
    )


def test_a_breaker_cancels_entries_in_the_engine_s_name() -> None:
    desk = Desk()
    name = resting(desk)
    events = desk.give(c.TripBreaker, command_id="tap", reason="by hand")
    assert events == (
        e.BreakerTripped(
            at=desk.now,
            command_id="tap",
            breaker_id=digest("desk", "manual", desk.now.isoformat(), length=12),
            kind="manual",
            value=Decimal(0),
            limit=Decimal(0),
            action=TradingState.HALTED,
            sentence="by hand",
        ),
        cancel_of(desk, name, "tap", c.ENGINE, "breaker"),
    )


def test_a_breaker_without_entries_says_nothing_about_entries() -> None:
    desk = Desk()
    assert kinds(desk.give(c.TripBreaker, reason="by hand")) == ["BreakerTripped"]


def test_a_cancel_and_a_resume_name_their_person() -> None:
    desk = Desk()
    name = resting(desk)
    assert desk.give(c.CancelOrder, TRADER, command_id="1", client_order_id=name) == (
        cancel_of(desk, name, "1", TRADER, "cancel"),
    )
    desk.give(c.Halt)
    assert desk.give(c.Resume, command_id="2") == (
        e.TradingResumed(at=desk.now, command_id="2", actor=OWNER),
    )


def test_an_order_that_state_forgot_is_told_by_the_journal_s_row() -> None:
    # given an order that left State's window
    desk = Desk()
    name = resting(desk)
    desk.seen(name, "canceled")
    old = desk.state.orders_finished[name]
    desk.state = replace(desk.state, orders_finished={})
    command = c.CancelOrder(command_id="1", actor=OWNER, at=desk.now, client_order_id=name)
    # then a cancel finds it in the context
    (refused,) = desk.tell(command, order=old)
    assert isinstance(refused, e.CommandRefused)
    assert refused.rule == "order_finished"


def test_protections_changed_set_aside_and_restored_name_their_person() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240", stop_loss=60000)
    held = desk.state.positions[KEY]
    target = Target(price=Decimal(62000))
    given: dict[str, Any] = {"stop": Decimal(60500), "targets": (target,)}
    given["position_id"] = held.position_id
    changed = desk.give(c.SetProtection, TRADER, command_id="1", **given)
    aside = desk.give(c.SetProtectionsAside, TRADER, command_id="2")
    back = desk.give(c.RestoreProtections, OWNER, command_id="3")
    assert (*changed, *aside, *back) == (
        e.ProtectionChanged(at=desk.now, command_id="1", key=KEY, reason="trader 77", **given),
        e.ProtectionsSetAside(at=desk.now, command_id="2", actor=TRADER),
        e.ProtectionsRestored(at=desk.now, command_id="3", actor=OWNER),
    )


@pytest.mark.parametrize("only", [{"stop": "60000"}, {"target": "62000"}], ids=str)
def test_a_stop_alone_or_a_target_alone_can_be_set_aside(only: dict[str, str]) -> None:
    desk = Desk()
    targets = (Target(price=Decimal(only["target"])),) if "target" in only else ()
    desk.hold("BTC/USDT", "0.01", "61240", stop_loss=only.get("stop"), targets=targets)
    assert kinds(desk.give(c.SetProtectionsAside)) == ["ProtectionsSetAside"]


def test_exits_that_have_nothing_left_to_close_are_cancelled_with_the_reason() -> None:
    desk = Desk()
    bought = desk.hold("BTC/USDT", "0.01", "61240")
    name = desk.order(signal("btc", "sell", price_limit=70000))
    (_, cancel) = desk.fill(bought, "0.01", "61240", side=desk.state.orders[name].side)
    assert cancel == cancel_of(desk, name, None, c.ENGINE, "nothing is left to close")


def test_an_exit_held_back_by_a_resting_one_says_so() -> None:
    desk = Desk()
    desk.hold("BTC/USDT", "0.01", "61240")
    name = desk.order(signal("btc", "sell", price_limit=70000))
    cancel = desk.give(c.Flatten)[2]
    assert cancel == cancel_of(desk, name, None, c.ENGINE, "it holds back an exit")


# --- books and venues


def test_a_difference_is_journaled_with_its_lines_and_its_symbols() -> None:
    desk = Desk()
    desk.hold("ETH/USDT", "0.3", "3396")
    found = r.VenuePosition(symbol=PERP, quantity=Decimal(1), entry_price=None)
    assert desk.shown({"ETH": "0.2"}, (found,)) == (
        e.BooksDiffer(
            at=desk.now,
            venue="binance",
            lines=(
                "binance:BTC/USDT:USDT: here 0, at the venue 1",
                "binance:ETH/USDT: here 0.3, at the venue 0.2",
            ),
            keys=("binance:BTC/USDT:USDT", "binance:ETH/USDT"),
            found=(
                Differing(key="binance:BTC/USDT:USDT", here=Decimal(0), there=Decimal(1)),
                Differing(key="binance:ETH/USDT", here=Decimal("0.3"), there=Decimal("0.2")),
            ),
        ),
    )
    assert desk.shown({"ETH": "0.3"}) == (e.BooksEqual(at=desk.now, venue="binance"),)


def test_a_silent_venue_is_noted_with_the_reason_and_again_when_it_answers() -> None:
    desk = Desk()
    silent = r.VenueSilent(venue="binance", text="connection refused")
    assert desk.tell(silent) == (
        e.VenueWentSilent(at=desk.now, venue="binance", reason="connection refused"),
    )
    assert desk.shown() == (e.VenueAnswered(at=desk.now, venue="binance"),)


# --- what the account is worth


def sampled(desk: Desk) -> tuple[e.Event, ...]:
    return desk.give(c.SampleEquity, actor=c.SCHEDULE, command_id="sample")


def worth(desk: Desk, amount: str) -> None:
    desk.state = replace(desk.state, cash={"binance:USDT": Decimal(amount)})


@pytest.mark.parametrize(
    ("amount", "loss"),
    [("9840", "1.60"), ("9801", "1.99")],
)
def test_a_warning_gives_the_loss_and_its_limit(amount: str, loss: str) -> None:
    desk = Desk(cash="10000")
    worth(desk, amount)
    assert sampled(desk)[1] == e.BreakerWarned(
        at=desk.now, kind="daily_loss", value=Decimal(loss), limit=Decimal(2)
    )


@pytest.mark.parametrize(
    ("amount", "limits", "kind", "value", "limit", "sentence"),
    [
        ("9787.6", {}, "daily_loss", "2.124", "2", "Daily loss 2.12%, limit 2.00%"),
        (
            "8876",
            {"daily_loss_pct_max": Decimal(99)},
            "drawdown",
            "11.24",
            "10",
            "Drawdown 11.24%, limit 10.00%",
        ),
    ],
)
def test_a_tripped_breaker_says_what_was_measured_and_what_the_limit_is(
    *, amount: str, limits: dict[str, Any], kind: str, value: str, limit: str, sentence: str
) -> None:
    desk = Desk(cash="10000", limits=replace(LIMITS, **limits))
    worth(desk, amount)
    (measured, tripped) = sampled(desk)
    assert measured == e.EquitySampled(
        at=desk.now,
        command_id="sample",
        equity=Decimal(amount),
        cash=Decimal(amount),
        unrealised_pnl=Decimal(0),
        gross=Decimal(0),
        high_water=Decimal(10000),
        unit_value=Decimal(amount),
    )
    assert tripped == e.BreakerTripped(
        at=desk.now,
        command_id="sample",
        breaker_id=digest("desk", kind, desk.now.isoformat(), length=12),
        kind=kind,
        value=Decimal(value),
        limit=Decimal(limit),
        action=TradingState.HALTED,
        sentence=sentence,
    )


def test_an_equity_is_sampled_with_the_cash_apart_from_what_is_held() -> None:
    desk = Desk(cash="10000")
    desk.hold("BTC/USDT", "0.01", "61240")
    event = sampled(desk)[0]
    assert isinstance(event, e.EquitySampled)
    assert event.cash == Decimal(10000) - Decimal("612.40")
    assert event.equity == event.cash + event.gross
    # a new high is the mark from now on
    worth(desk, "20000")
    higher = sampled(desk)[0]
    assert isinstance(higher, e.EquitySampled)
    assert higher.high_water == higher.equity > Decimal(20000)


def test_a_re_armed_breaker_names_its_person() -> None:
    desk = Desk()
    desk.give(c.TripBreaker, reason="x")
    (name,) = desk.state.breakers
    shell = c.Actor(kind=c.ActorKind.SHELL, name="quarterdeck")
    assert desk.give(c.RearmBreaker, shell, command_id="tap", breaker_id=name) == (
        e.BreakerRearmed(
            at=desk.now, command_id="tap", breaker_id=name, actor=shell, kind="manual"
        ),
    )


@pytest.mark.parametrize("kind", [c.ActorKind.SHELL, c.ActorKind.PROGRAM])
def test_the_shell_and_a_program_may_re_arm_and_resume(kind: c.ActorKind) -> None:
    desk = Desk()
    actor = c.Actor(kind=kind)
    desk.give(c.TripBreaker, reason="x")
    assert kinds(desk.give(c.RearmBreaker, actor)) == ["BreakerRearmed"]
    desk.give(c.Halt)
    assert kinds(desk.give(c.Resume, actor)) == ["TradingResumed"]


def test_every_breaker_is_re_armed_at_once_when_none_is_named() -> None:
    desk = Desk()
    for reason in ("x", "y"):
        desk.give(c.TripBreaker, reason=reason)
        desk.later(1)
    assert kinds(desk.give(c.RearmBreaker)) == ["BreakerRearmed"] * 2
    assert desk.state.breakers == {}


def test_a_day_rolls_once_and_opens_at_the_last_equity() -> None:
    desk = Desk(cash="10000")
    assert desk.give(c.RollDay, actor=c.SCHEDULE) == ()
    desk.now = datetime(2026, 11, 18, tzinfo=UTC) - timedelta(microseconds=1)
    assert desk.give(c.RollDay, actor=c.SCHEDULE) == ()
    desk.now = datetime(2026, 11, 18, tzinfo=UTC)
    assert desk.give(c.RollDay, c.SCHEDULE, command_id="roll") == (
        e.DayRolled(
            at=desk.now, command_id="roll", day=date(2026, 11, 18), day_open=Decimal(10000)
        ),
    )


def a_day_of_two_trades(desk: Desk) -> None:
    """Win 10 on one round trip, lose 20 on the next, fees apart; two slippages of 1 and 2 bps."""
    rows = (("0.01", "61246.124", "62246.124", "0.5"), ("0.01", "61252.248", "59252.248", "0.25"))
    for quantity, bought, sold, fee in rows:
        name = desk.order(signal(quantity=quantity))
        desk.fill(name, quantity, bought, fee=Decimal(fee))
        desk.later(20)
        desk.quotes.pop(KEY)
        name = desk.order(signal("btc", "close"))
        desk.fill(name, quantity, sold, fee=Decimal(fee))
        desk.later(20)
        desk.quote("BTC/USDT", "61236.33", "61243.67")


def test_a_day_s_report_gives_every_number_of_the_day() -> None:
    desk = Desk(cash="10000")
    a_day_of_two_trades(desk)
    worth(desk, "9950")
    sampled(desk)
    desk.tell(r.VenueSilent(venue="binance", text="?"))
    desk.give(c.TripBreaker, reason="an incident")
    (report,) = desk.give(c.ReportDay, c.SCHEDULE, command_id="report", chain_head="abc")
    assert report == e.DayReported(
        at=desk.now,
        command_id="report",
        day=date(2026, 11, 17),
        day_open=Decimal(10000),
        equity=Decimal(9950),
        realised_pnl=Decimal("-11.5"),
        fees=Decimal("1.5"),
        closed_trades=2,
        won=1,
        lost=1,
        best=Decimal(9),
        worst=Decimal("-20.5"),
        volume=Decimal("0.01") * Decimal("243996.744"),
        slippage_bps=Decimal("1.5"),
        incidents=2,
        drawdown_pct=Decimal("0.5"),
        chain_head="abc",
    )


def test_a_report_of_the_day_before_gives_that_day_as_it_closed() -> None:
    desk = Desk(cash="10000")
    a_day_of_two_trades(desk)
    worth(desk, "9950")
    sampled(desk)
    (today,) = desk.give(c.ReportDay, c.SCHEDULE, command_id="report", chain_head="abc")
    desk.later(86400)
    desk.give(c.RollDay, actor=c.SCHEDULE)
    worth(desk, "7000")
    sampled(desk)
    (before,) = desk.give(c.ReportDay, c.SCHEDULE, command_id="later", chain_head="def")
    assert isinstance(today, e.DayReported)
    assert before == replace(today, at=desk.now, command_id="later", chain_head="def")


def test_a_quiet_day_reports_no_slippage_and_no_best_trade() -> None:
    (report,) = Desk().give(c.ReportDay, actor=c.SCHEDULE, chain_head="abc")
    assert isinstance(report, e.DayReported)
    assert (report.slippage_bps, report.best, report.worst) == (None, None, None)


def test_nothing_is_reported_sampled_or_rolled_before_there_is_an_equity() -> None:
    desk = Desk()
    desk.state = replace(desk.state, equity=None)
    assert desk.give(c.ReportDay, actor=c.SCHEDULE, chain_head="abc") == ()
    assert sampled(desk) == ()
    assert desk.give(c.RollDay, actor=c.SCHEDULE) == ()
