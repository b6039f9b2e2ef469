"""Access: who may do what, by numeric Telegram user id. Nobody is served by default."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from bot import callbacks
from bot.callbacks import Button
from bot.settings import OperatorSetting
from engine.commands import Actor, ActorKind, Role

NOTICE_EVERY = timedelta(hours=1)
NOTICES_PER_HOUR_MAX = 10
STRANGERS_MAX = 1000


class Act(StrEnum):
    """What can be done in the chat; each command and each button is one of these."""

    SEE = "see"
    STOP = "stop"
    SET_ALERTS = "set alerts"
    TRADE = "trade"
    CANCEL = "cancel"
    CLOSE = "close"
    FLATTEN = "flatten"
    RESUME = "resume"
    REARM = "re-arm"
    ARM = "arm"
    SECOND_FACTOR = "second factor"
    LIMITS = "change limits"


_VIEWER = frozenset({Act.SEE, Act.STOP, Act.SET_ALERTS})
_TRADER = _VIEWER | {Act.TRADE, Act.CANCEL, Act.CLOSE, Act.FLATTEN, Act.SECOND_FACTOR}
ALLOWED: Mapping[Role, frozenset[Act]] = {
    Role.VIEWER: _VIEWER,
    Role.TRADER: _TRADER,
    Role.OWNER: frozenset(Act),
}
COMMANDS: Mapping[str, Act] = {
    "start": Act.SEE,
    "help": Act.SEE,
    "buy": Act.TRADE,
    "sell": Act.TRADE,
    "close": Act.CLOSE,
    "positions": Act.SEE,
    "orders": Act.SEE,
    "cancel": Act.CANCEL,
    "balance": Act.SEE,
    "pnl": Act.SEE,
    "performance": Act.SEE,
    "signals": Act.SEE,
    "risk": Act.SEE,
    "stop": Act.STOP,
    "flatten": Act.FLATTEN,
    "resume": Act.RESUME,
    "mode": Act.SEE,
    "status": Act.SEE,
    "alerts": Act.SET_ALERTS,
    "audit": Act.SEE,
    "venues": Act.SEE,
    "chart": Act.SEE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Name an operator in the chat where they act; group chats have negative ids.

    `with_code` when what they do now was asked for a code, and the code was right.
    """

    user_id: int
    role: Role
    chat_id: int
    with_code: bool = False

    def may(self, act: Act) -> bool:
        """Tell whether the person's role allows it."""
        return act in ALLOWED[self.role]

    @property
    def is_owner(self) -> bool:
        """Tell whether the person is an owner."""
        return self.role is Role.OWNER

    @property
    def in_group(self) -> bool:
        """Tell whether others read along."""
        return self.chat_id < 0

    @property
    def actor(self) -> Actor:
        """Give the person as the engine's commands name them."""
        return Actor(
            kind=ActorKind.PERSON,
            user_id=self.user_id,
            role=self.role,
            chat_id=self.chat_id,
            with_code=self.with_code,
        )


class Access:
    """Know the operators. Owners stand in the settings alone; whom they added may be less."""

    def __init__(
        self, settings: Iterable[OperatorSetting], added: Mapping[int, Role] | None = None
    ) -> None:
        roles: dict[int, Role] = {}
        roles |= {user: role for user, role in (added or {}).items() if role is not Role.OWNER}
        roles |= {each.user_id: each.role for each in settings}
        self._roles = roles

    def person(self, user_id: int | None, chat_id: int | None) -> Person | None:
        """Give the operator with this id; None for a stranger, and where nobody is named."""
        if user_id is None or chat_id is None:
            return None
        role = self._roles.get(user_id)
        if role is None:
            return None
        return Person(user_id=user_id, role=role, chat_id=chat_id)

    @property
    def owners(self) -> tuple[int, ...]:
        """Give the owners' user ids, which are also the ids of their private chats."""
        return tuple(user for user, role in self._roles.items() if role is Role.OWNER)

    @property
    def operators(self) -> Mapping[int, Role]:
        """Give every operator's role by user id."""
        return dict(self._roles)


def least_role(act: Act) -> Role:
    """Give the lowest role that is allowed to do it."""
    return next(role for role in (Role.VIEWER, Role.TRADER, Role.OWNER) if act in ALLOWED[role])


def refusal_sentence(person: Person, act: Act) -> str:
    """Say which role it takes, and what the person may do."""
    needed = least_role(act)
    article = "an" if needed is Role.OWNER else "a"
    has = {Role.VIEWER: "see and stop", Role.TRADER: "trade within limits, close and stop"}
    may = has.get(person.role, "do everything")
    verb = act.value.capitalize()
    return f"{verb} needs {article} {needed}. You are {person.role}: you may {may}."


def act_of(button: Button) -> Act:
    """Give what a tap on a button does. Long because every kind of button has its act."""
    match button:
        case (
            callbacks.ConfirmTicket()
            | callbacks.CancelTicket()
            | callbacks.EditSize()
            | callbacks.ResizeTicket()
            | callbacks.BackToTicket()
            | callbacks.NewTicket()
            | callbacks.RepeatOrder()
            | callbacks.GuidedStart()
            | callbacks.GuidedOther()
            | callbacks.GuidedSymbol()
            | callbacks.GuidedSide()
            | callbacks.GuidedPreset()
            | callbacks.GuidedType()
            | callbacks.DenialTicket()
            | callbacks.MinimumTicket()
            | callbacks.StopChoice()
            | callbacks.SymbolChoice()
            | callbacks.Redo()
        ):
            return Act.TRADE
        case callbacks.CancelOrder() | callbacks.CancelEntries() | callbacks.StopCancelStops():
            return Act.CANCEL
        case (
            callbacks.ClosePosition()
            | callbacks.BreakEven()
            | callbacks.MoveStopAsk()
            | callbacks.MoveStopBy()
            | callbacks.MoveStopType()
            | callbacks.TrailAsk()
            | callbacks.TrailBy()
            | callbacks.TrailOff()
            | callbacks.TimeStopIn()
            | callbacks.Adopt()
            | callbacks.StopRestoreStops()
        ):
            return Act.CLOSE
        case callbacks.StopFlatten() | callbacks.StopFlattenExternal():
            return Act.FLATTEN
        case callbacks.ResumeConfirm():
            return Act.RESUME
        case callbacks.Rearm() | callbacks.RearmAsk():
            return Act.REARM
        case callbacks.ScopeGo():
            return Act.RESUME
        case callbacks.ArmLive():
            return Act.ARM
        case callbacks.FactorBegin() | callbacks.FactorFinish() | callbacks.FactorRemove():
            return Act.SECOND_FACTOR
        case (
            callbacks.LimitType()
            | callbacks.LimitAsk()
            | callbacks.LimitSet()
            | callbacks.LimitApprove()
            | callbacks.LimitReject()
        ):
            return Act.LIMITS
        case callbacks.AlertKindCycle():
            return Act.SET_ALERTS
        case (
            callbacks.OpenPosition()
            | callbacks.RefreshPosition()
            | callbacks.OpenOrder()
            | callbacks.RefreshOrder()
            | callbacks.AskNow()
            | callbacks.Show()
            | callbacks.Refresh()
            | callbacks.OpenEvent()
            | callbacks.StopLeave()
            | callbacks.ResumeStay()
            | callbacks.Acknowledge()
            | callbacks.DropBacklog()
            | callbacks.LimitsShow()
            | callbacks.LimitOpen()
            | callbacks.TakeSuggestion()
            | callbacks.Dismiss()
            | callbacks.CancelCode()
        ):
            return Act.SEE
        case _:
            assert_never(button)


@dataclass(slots=True, kw_only=True)
class _Stranger:
    messages: int = 0
    told_at: datetime | None = None


class Strangers:
    """Count what strangers send, and say when the owners are due a notice.

    At most one notice an hour for each stranger and ten an hour for all; of more than 1,000
    strangers the longest silent are forgotten.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Stranger] = OrderedDict()
        self._told: deque[datetime] = deque(maxlen=NOTICES_PER_HOUR_MAX)

    def count(self, user_id: int, now: datetime) -> int | None:
        """Count one message; give how many came since the last notice when one is due."""
        stranger = self._known.setdefault(user_id, _Stranger())
        self._known.move_to_end(user_id)
        if len(self._known) > STRANGERS_MAX:
            self._known.popitem(last=False)
        stranger.messages += 1
        if stranger.told_at is not None and now - stranger.told_at < NOTICE_EVERY:
            return None
        if len(self._told) == NOTICES_PER_HOUR_MAX and now - self._told[0] < NOTICE_EVERY:
            return None
        messages, stranger.messages, stranger.told_at = stranger.messages, 0, now
        self._told.append(now)
        return messages
