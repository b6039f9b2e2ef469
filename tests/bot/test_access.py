from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot import callbacks
from bot.access import (
    COMMANDS,
    NOTICES_PER_HOUR_MAX,
    Access,
    Act,
    Person,
    Strangers,
    act_of,
    refusal_sentence,
)
from bot.callbacks import CODES, Button
from bot.settings import OperatorSetting
from engine.commands import AlertKind, Role
from engine.orders import OrderSide

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ACCESS = Access(
    (
        OperatorSetting(user_id=4242, role=Role.OWNER),
        OperatorSetting(user_id=77, role=Role.TRADER),
        OperatorSetting(user_id=99, role=Role.VIEWER),
    )
)
SEES = """start help positions orders balance pnl performance signals risk mode status audit
venues chart"""
TABLE = {
    **dict.fromkeys(SEES.split(), "viewer trader owner"),
    "stop": "viewer trader owner",
    "alerts": "viewer trader owner",
    "buy": "trader owner",
    "sell": "trader owner",
    "close": "trader owner",
    "cancel": "trader owner",
    "flatten": "trader owner",
    "resume": "owner",
}


def person(role: Role) -> Person:
    return Person(user_id=1, role=role, chat_id=1)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_role_may_run_exactly_the_commands_of_its_row(command: str, role: Role) -> None:
    assert person(role).may(COMMANDS[command]) is (role.value in TABLE[command].split())


def test_every_command_of_the_contract_has_its_row() -> None:
    assert COMMANDS.keys() == TABLE.keys()
    assert len(COMMANDS) == 22


def test_everyone_but_a_stranger_may_stop() -> None:
    assert all(person(role).may(Act.STOP) for role in Role)
    assert ACCESS.person(555, 555) is None


BUTTONS: list[tuple[Button, str]] = [
    (callbacks.ConfirmTicket(ticket_id="t"), "trader owner"),
    (callbacks.CancelTicket(ticket_id="t"), "trader owner"),
    (callbacks.EditSize(ticket_id="t"), "trader owner"),
    (
        callbacks.ResizeTicket(
            ticket_id="t", unit=callbacks.PresetUnit.NOTIONAL, amount=Decimal(1)
        ),
        "trader owner",
    ),
    (callbacks.BackToTicket(ticket_id="t"), "trader owner"),
    (callbacks.NewTicket(ticket_id="t"), "trader owner"),
    (callbacks.RepeatOrder(client_order_id="o"), "trader owner"),
    (callbacks.OpenPosition(position_id="p"), "viewer trader owner"),
    (callbacks.RefreshPosition(position_id="p"), "viewer trader owner"),
    (callbacks.ClosePosition(position_id="p", percent=50, seen="x"), "trader owner"),
    (callbacks.BreakEven(position_id="p"), "trader owner"),
    (callbacks.MoveStopAsk(position_id="p"), "trader owner"),
    (callbacks.MoveStopBy(position_id="p", percent=Decimal(2)), "trader owner"),
    (callbacks.MoveStopType(position_id="p"), "trader owner"),
    (callbacks.TrailAsk(position_id="p"), "trader owner"),
    (callbacks.TrailBy(position_id="p", percent=Decimal(2)), "trader owner"),
    (callbacks.TrailOff(position_id="p"), "trader owner"),
    (callbacks.TimeStopIn(position_id="p", hours=4), "trader owner"),
    (callbacks.Adopt(key="binance:BTC/USDT", seen="23456789"), "trader owner"),
    (callbacks.OpenOrder(client_order_id="o"), "viewer trader owner"),
    (callbacks.RefreshOrder(client_order_id="o"), "viewer trader owner"),
    (callbacks.CancelOrder(client_order_id="o"), "trader owner"),
    (callbacks.CancelEntries(), "trader owner"),
    (callbacks.AskNow(client_order_id="o"), "viewer trader owner"),
    (callbacks.Show(page=callbacks.Page.RISK), "viewer trader owner"),
    (callbacks.Refresh(page=callbacks.Page.RISK), "viewer trader owner"),
    (callbacks.OpenEvent(seq=1), "viewer trader owner"),
    (callbacks.StopFlatten(), "trader owner"),
    (callbacks.StopFlattenExternal(), "trader owner"),
    (callbacks.StopCancelStops(), "trader owner"),
    (callbacks.StopRestoreStops(), "trader owner"),
    (callbacks.StopLeave(), "viewer trader owner"),
    (callbacks.ResumeConfirm(), "owner"),
    (callbacks.ResumeStay(), "viewer trader owner"),
    (callbacks.Rearm(breaker_id="b"), "owner"),
    (callbacks.RearmAsk(breaker_id="b"), "owner"),
    (callbacks.ScopeGo(scope="symbol:BTC"), "owner"),
    (callbacks.ArmLive(session=1), "owner"),
    (callbacks.CancelCode(), "viewer trader owner"),
    (callbacks.FactorBegin(), "trader owner"),
    (callbacks.FactorFinish(), "trader owner"),
    (callbacks.FactorRemove(), "trader owner"),
    (callbacks.Acknowledge(subject="flatten"), "viewer trader owner"),
    (callbacks.AlertKindCycle(kind=AlertKind.FILL), "viewer trader owner"),
    (callbacks.GuidedStart(), "trader owner"),
    (callbacks.GuidedOther(), "trader owner"),
    (callbacks.GuidedSymbol(key="k"), "trader owner"),
    (callbacks.GuidedSide(key="k", side=OrderSide.BUY), "trader owner"),
    (
        callbacks.GuidedPreset(
            key="k", side=OrderSide.BUY, unit=callbacks.PresetUnit.NOTIONAL, amount=Decimal(1)
        ),
        "trader owner",
    ),
    (callbacks.GuidedType(key="k", side=OrderSide.BUY), "trader owner"),
    (callbacks.DenialTicket(seq=1), "trader owner"),
    (callbacks.MinimumTicket(seq=1), "trader owner"),
    (callbacks.StopChoice(seq=1, percent=2), "trader owner"),
    (callbacks.SymbolChoice(seq=1, symbol="s"), "trader owner"),
    (callbacks.Redo(seq=1, index=0), "trader owner"),
    (callbacks.TakeSuggestion(message_id=1, name="n"), "viewer trader owner"),
    (callbacks.DropBacklog(seq=1), "viewer trader owner"),
    (callbacks.LimitsShow(number=0), "viewer trader owner"),
    (callbacks.LimitOpen(name="positions"), "viewer trader owner"),
    (callbacks.LimitType(name="positions"), "owner"),
    (callbacks.LimitAsk(name="positions", value=Decimal(5), before=Decimal(4)), "owner"),
    (callbacks.LimitSet(name="positions", value=Decimal(5), before=Decimal(6)), "owner"),
    (callbacks.LimitApprove(proposal_id="p"), "owner"),
    (callbacks.LimitReject(proposal_id="p"), "owner"),
    (callbacks.Dismiss(), "viewer trader owner"),
]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("button", "roles"), BUTTONS, ids=lambda one: type(one).__name__)
def test_each_role_may_press_exactly_the_buttons_of_its_row(
    button: Button, roles: str, role: Role
) -> None:
    assert person(role).may(act_of(button)) is (role.value in roles.split())


def test_every_kind_of_button_has_its_row() -> None:
    assert {type(button) for button, _ in BUTTONS} == set(CODES.values())


def test_an_operator_is_known_by_number_and_in_any_chat() -> None:
    in_group = ACCESS.person(77, -100)
    assert in_group == Person(user_id=77, role=Role.TRADER, chat_id=-100)
    assert in_group is not None
    assert in_group.in_group
    assert in_group.actor.text == "trader 77"


def test_nobody_in_particular_is_a_stranger() -> None:
    assert ACCESS.person(None, 4242) is None
    assert ACCESS.person(4242, None) is None


def test_an_owner_cannot_be_added_in_the_chat_and_the_settings_win() -> None:
    access = Access(
        (OperatorSetting(user_id=1, role=Role.VIEWER),),
        {1: Role.TRADER, 2: Role.OWNER, 3: Role.TRADER},
    )
    assert access.operators == {1: Role.VIEWER, 3: Role.TRADER}
    assert access.owners == ()


def test_a_refusal_says_which_role_it_takes_and_what_one_may_do() -> None:
    assert refusal_sentence(person(Role.VIEWER), Act.TRADE) == (
        "Trade needs a trader. You are viewer: you may see and stop."
    )
    assert refusal_sentence(person(Role.TRADER), Act.RESUME) == (
        "Resume needs an owner. You are trader: you may trade within limits, close and stop."
    )


def test_the_owners_hear_of_a_stranger_once_an_hour_with_the_number_of_messages() -> None:
    strangers = Strangers()
    assert strangers.count(555, NOW) == 1
    assert strangers.count(555, NOW + timedelta(minutes=1)) is None
    assert strangers.count(555, NOW + timedelta(minutes=59)) is None
    assert strangers.count(555, NOW + timedelta(minutes=60)) == 3


def test_a_crowd_of_strangers_makes_ten_notices_an_hour_at_most() -> None:
    strangers = Strangers()
    notices = [strangers.count(user_id, NOW) for user_id in range(5000)]
    assert sum(notice is not None for notice in notices) == NOTICES_PER_HOUR_MAX
    assert len(strangers._known) == 1000
    assert strangers.count(4999, NOW + timedelta(hours=1)) == 2
