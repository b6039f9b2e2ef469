"""The audit: who did what, from the journal."""

from dataclasses import dataclass
from datetime import datetime

from engine import events as e
from engine.commands import Actor
from storage.chain import StoredEvent

AUDITED = (
    "EpochBegun",
    "EngineStarted",
    "EngineEnded",
    "LiveArmed",
    "SignalReceived",
    "OrderDenied",
    "TicketConfirmed",
    "TicketEnded",
    "OrderCancelRequested",
    "OrderReappeared",
    "ExternalCancelRequested",
    "CashFlowed",
    "PositionAdopted",
    "AccountHalted",
    "ProtectionChanged",
    "ProtectionsSetAside",
    "ProtectionsRestored",
    "ExitTriggered",
    "TradingHalted",
    "TradingResumed",
    "TradingStateSet",
    "BreakerTripped",
    "BreakerRearmed",
    "FlattenStarted",
    "FlattenHurried",
    "FlattenEnded",
    "FactorEnrolled",
    "FactorRemoved",
    "FactorLocked",
    "LimitChanged",
    "LimitProposed",
    "LimitProposalEnded",
    "EmergencyMerged",
    "ChatBound",
    "AlertModeSet",
    "AlertAcknowledged",
    "CommandRefused",
)
ENGINE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """Say who did what; `who` is a user id or a source, `what` a few words; `event` tells all."""

    seq: int
    at: datetime
    who: str
    what: str
    event: e.Event


def audit_line(stored: StoredEvent) -> AuditLine:
    """Put an event in a few words."""
    who, what = _words(stored.event)
    return AuditLine(seq=stored.seq, at=stored.at, who=who, what=what, event=stored.event)


def _words(event: e.Event) -> tuple[str, str]:
    """Give who and what. Long because every kind has its own words."""
    match event:
        case e.EpochBegun():
            return ENGINE, "restored a backup"
        case e.EngineStarted():
            return ENGINE, f"started {event.version}"
        case e.EngineEnded():
            return ENGINE, "ended"
        case e.LiveArmed():
            return _who(event.actor), "arm live"
        case e.SignalReceived(signal=signal):
            return _who(event.actor), f"{signal.action} {_coin(signal.symbol)}"
        case e.OrderDenied():
            return _who(event.actor), f"denied {_coin(event.symbol)}"
        case e.TicketConfirmed(user_id=user_id):
            return str(user_id), "ticket confirmed"
        case e.TicketEnded():
            who = str(event.user_id) if event.user_id is not None else event.by
            return who, f"ticket {event.status}"
        case e.OrderCancelRequested():
            return _who(event.actor), "cancel"
        case e.OrderReappeared():
            return ENGINE, "order is back"
        case e.ExternalCancelRequested():
            return _who(event.actor), "cancel foreign"
        case e.CashFlowed(reason=reason):
            return ENGINE, f"cash {reason}"
        case e.PositionAdopted():
            return _who(event.actor), f"adopt {_coin(event.key.partition(':')[2])}"
        case e.AccountHalted():
            return ENGINE, f"halt {event.venue}"
        case e.ProtectionChanged():
            return ENGINE, f"protect {_coin(event.key.partition(':')[2])}"
        case e.ProtectionsSetAside():
            return _who(event.actor), "cancel stops"
        case e.ProtectionsRestored():
            return _who(event.actor), "restore stops"
        case e.ExitTriggered():
            return ENGINE, f"{event.leg} {_coin(event.key.partition(':')[2])}"
        case e.TradingHalted():
            return _who(event.actor), "STOP"
        case e.TradingResumed():
            return _who(event.actor), "resume"
        case e.TradingStateSet(scope=scope, trading=trading):
            return _who(event.actor), f"{trading} {scope.text}"
        case e.BreakerTripped():
            return ENGINE, f"breaker {event.kind}"
        case e.BreakerRearmed():
            return _who(event.actor), "re-arm"
        case e.FlattenStarted():
            return _who(event.actor), "flatten"
        case e.FlattenHurried():
            return _who(event.actor), "flatten now"
        case e.FlattenEnded():
            return ENGINE, "flat"
        case e.FactorEnrolled():
            return _who(event.actor), "set up code"
        case e.FactorRemoved():
            return _who(event.actor), "remove code"
        case e.FactorLocked():
            return str(event.user_id), "codes locked"
        case e.LimitChanged(name=name, after=after):
            return _who(event.actor), f"limit {name} {after:f}"
        case e.LimitProposed(proposal=proposal):
            return _who(event.actor), f"ask {proposal.name} {proposal.after:f}"
        case e.LimitProposalEnded(proposal=proposal, outcome=outcome):
            return _who(event.actor), f"{proposal.name} {outcome}"
        case e.EmergencyMerged():
            return ENGINE, "merge emergency"
        case e.ChatBound():
            return str(event.user_id), "bind chat"
        case e.AlertModeSet():
            return str(event.chat_id), f"{event.kind} {event.mode}"
        case e.AlertAcknowledged():
            return _who(event.actor), "acknowledge"
        case e.CommandRefused():
            return _who(event.actor), f"refused {event.command}"
        case _:
            # Not audited today; a kind added to AUDITED reads as its name until it has words.
            return ENGINE, type(event).__name__


def _who(actor: Actor) -> str:
    if actor.user_id is not None:
        return str(actor.user_id)
    return actor.name or actor.kind.value


def _coin(symbol: str) -> str:
    return symbol.partition("/")[0]
