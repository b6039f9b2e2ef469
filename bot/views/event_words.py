"""Words for events: each kind in at most ten letters, for a list."""

from collections.abc import Mapping

from engine import events as e
from engine.identities import short
from engine.tickets import TicketStatus

_WORDS: Mapping[type[e.Event], str] = {
    e.JournalOpened: "journal",
    e.EpochBegun: "restored",
    e.EngineStarted: "started",
    e.EngineEnded: "ended",
    e.LiveArmed: "armed",
    e.OrderNotSent: "not sent",
    e.ExitReleased: "exit goes",
    e.OrderAccepted: "accepted",
    e.OrderRejected: "rejected",
    e.OrderUnknown: "unknown",
    e.OrderAsked: "asked",
    e.OrderCancelRequested: "cancel",
    e.OrderCanceled: "cancelled",
    e.OrderExpired: "expired",
    e.OrderRecalled: "recalled",
    e.OrderReappeared: "is back",
    e.ExternalOrdersSeen: "not ours",
    e.ExternalCancelRequested: "cancel",
    e.HoldingsSeen: "holdings",
    e.CashDoubted: "cash?",
    e.CashFlowed: "cash flow",
    e.PositionAdopted: "adopted",
    e.AccountHalted: "halted",
    e.ProtectionChanged: "stop moved",
    e.StopFollowed: "trails",
    e.ProtectionsSetAside: "stops off",
    e.ProtectionsRestored: "stops back",
    e.TradingHalted: "STOP",
    e.TradingResumed: "resume",
    e.BreakerTripped: "breaker",
    e.BreakerWarned: "warning",
    e.BreakerEased: "eased",
    e.BreakerRearmed: "re-arm",
    e.EquitySampled: "equity",
    e.DayRolled: "new day",
    e.FlattenStarted: "flatten",
    e.FlattenHurried: "try now",
    e.FlattenLooked: "flat?",
    e.FlattenAsked: "flat?",
    e.FlattenVerified: "flat here",
    e.FlattenStillOpen: "still open",
    e.FlattenEnded: "flat",
    e.EmergencyMerged: "merged",
    e.BooksDiffer: "books diff",
    e.BooksEqual: "books eq",
    e.VenueWentSilent: "silent",
    e.VenueAnswered: "answers",
    e.DayReported: "report",
    e.ChatBound: "chat",
    e.AlertModeSet: "alerts",
    e.AlertAcknowledged: "seen",
    e.FactorEnrolled: "code set",
    e.FactorRemoved: "code gone",
    e.FactorLocked: "code lock",
    e.LimitChanged: "limit",
    e.LimitProposed: "limit?",
    e.LimitProposalEnded: "limit end",
    e.StrangerNoted: "stranger",
    e.BacklogSetAside: "set aside",
}
_TICKET_WORDS = {
    TicketStatus.APPROVED: "ok",
    TicketStatus.CANCELED: "no",
    TicketStatus.EXPIRED: "late",
    TicketStatus.MOVED: "moved",
    TicketStatus.DENIED: "deny",
}


def event_words(event: e.Event) -> str:
    """Put an event in a word or two."""
    match event:
        case e.SignalReceived(signal=signal):
            return f"{signal.action.value} {signal.symbol.partition('/')[0]}"
        case e.SignalScaled(scaling=scaling):
            return f"size {scaling.share:.2f}x"
        case e.OrderDenied(symbol=symbol):
            return f"denied {symbol.partition('/')[0]}"
        case e.TicketOpened(ticket=ticket):
            return f"ask {ticket.short_id}"
        case e.TicketConfirmed():
            return f"1st {short(event.ticket_id, 'T')}"
        case e.TicketEnded():
            word = _TICKET_WORDS.get(event.status, event.status.value)
            return f"{word} {short(event.ticket_id, 'T')}"
        case e.OrderSubmitted(order=order):
            return f"sent {order.short_id}"
        case e.FillBooked(fill=fill):
            return f"fill {fill.symbol.partition('/')[0]}"
        case e.TradingStateSet(trading=trading):
            return trading.value
        case e.ExitTriggered(leg=leg):
            return f"{leg} hit"
        case e.CommandRefused(command=command):
            return f"no {command}"
        case _:
            return _WORDS[type(event)]
