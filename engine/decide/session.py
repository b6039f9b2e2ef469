"""Sessions decided: start and end of a process, chats, and what only needs noting."""

from engine import events as e
from engine.commands import (
    ENGINE,
    Acknowledge,
    AlertKind,
    ArmLive,
    BindChat,
    NoteBacklog,
    NoteEmergency,
    NoteStranger,
    Role,
    SetAlertMode,
    StartEngine,
)
from engine.decide.account import roll_day
from engine.decide.factors import code_missing
from engine.decide.limits import begin as begin_limits
from engine.decide.tickets import end as end_ticket
from engine.decide.turn import Turn
from engine.numbers import ZERO
from engine.orders import OrderStatus
from engine.tickets import TicketStatus

ALWAYS_ON = (AlertKind.STOP, AlertKind.BREAKER, AlertKind.TICKET)


def start(turn: Turn, command: StartEngine) -> None:
    """Begin a session: what had no outcome is unknown, and no ticket outlives its process."""
    if turn.state.journal is None:
        turn.add(
            e.JournalOpened(
                at=turn.now,
                journal_id=command.journal_id,
                epoch=command.epoch,
                mode=command.mode,
                accounts=command.accounts,
                market=command.market,
                currency=command.currency,
                # Real money is counted at the venue, before the first entry there.
                cash=command.cash if command.mode != "live" else ZERO,
            )
        )
    turn.add(
        e.EngineStarted(
            at=turn.now,
            command_id=turn.command_id,
            limits=command.limits,
            confirm=command.confirm,
            order_timeout_s=command.order_timeout_s,
            version=command.version,
            owners=command.owners,
            scaling=command.scaling,
            day_starts=command.day_starts,
            cash_currencies=command.cash_currencies,
        )
    )
    begin_limits(turn)
    for ticket in tuple(turn.state.tickets.values()):
        end_ticket(turn, ticket, TicketStatus.EXPIRED, ENGINE, None)
    for order in tuple(turn.state.orders.values()):
        unanswered = order.accepted_at is None and order.filled == 0 and not order.held
        if unanswered and order.status in (OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL):
            turn.add(
                e.OrderUnknown(
                    at=turn.now,
                    client_order_id=order.client_order_id,
                    reason="the console restarted before the venue had answered",
                )
            )
    roll_day(turn)


def arm(turn: Turn, command: ArmLive) -> None:
    """Allow entries with real money until the process ends: an owner's act, for this start."""
    state, actor = turn.state, command.actor
    live = state.journal is not None and state.journal.mode == "live"
    if actor.role is not Role.OWNER:
        turn.refuse(actor, "arm", "role", "Only an owner may arm live trading.")
    elif not live:
        turn.refuse(actor, "arm", "paper", "This is paper: nothing needs arming.")
    elif command.session != state.session:
        sentence = "The console has started again since; use the newest arming card."
        turn.refuse(actor, "arm", "session", sentence)
    elif state.armed:
        turn.refuse(actor, "arm", "armed", "Live trading is armed already.")
    elif not code_missing(turn, actor, "arm"):
        turn.add(e.LiveArmed(at=turn.now, command_id=turn.command_id, actor=actor))


def end(turn: Turn) -> None:
    """End a session in good order."""
    turn.add(e.EngineEnded(at=turn.now, command_id=turn.command_id))


def bind_chat(turn: Turn, command: BindChat) -> None:
    """Send alerts to a chat; a second time changes nothing."""
    known = turn.state.chats.get(str(command.chat_id))
    if known is not None and known.user_id == command.user_id:
        return
    turn.add(
        e.ChatBound(
            at=turn.now,
            command_id=turn.command_id,
            chat_id=command.chat_id,
            user_id=command.user_id,
            is_group=command.is_group,
        )
    )


def set_alert_mode(turn: Turn, command: SetAlertMode) -> None:
    """Choose how a chat is told; stop, breaker and tickets are always told."""
    if command.kind in ALWAYS_ON:
        sentence = f"{command.kind.capitalize()} alerts are always on."
        turn.refuse(command.actor, "alerts", "always_on", sentence)
    elif str(command.chat_id) not in turn.state.chats:
        sentence = "Send /start first, so that this chat receives alerts."
        turn.refuse(command.actor, "alerts", "not_bound", sentence)
    else:
        turn.add(
            e.AlertModeSet(
                at=turn.now,
                command_id=turn.command_id,
                chat_id=command.chat_id,
                kind=command.kind,
                mode=command.mode,
            )
        )


def acknowledge(turn: Turn, command: Acknowledge) -> None:
    """Note that a person has seen an alert."""
    turn.add(
        e.AlertAcknowledged(
            at=turn.now,
            command_id=turn.command_id,
            subject=command.subject,
            actor=command.actor,
        )
    )


def note_stranger(turn: Turn, command: NoteStranger) -> None:
    """Note somebody without a role; none of their words is kept."""
    turn.add(
        e.StrangerNoted(
            at=turn.now,
            command_id=turn.command_id,
            user_id=command.user_id,
            messages=command.messages,
        )
    )


def note_emergency(turn: Turn, command: NoteEmergency) -> None:
    """Note that what was done while the journal was away stands in it now."""
    turn.add(
        e.EmergencyMerged(
            at=turn.now,
            command_id=turn.command_id,
            since=command.since,
            events=command.events,
            orders=command.orders,
        )
    )


def note_backlog(turn: Turn, command: NoteBacklog) -> None:
    """Note the old commands that were not run."""
    turn.add(
        e.BacklogSetAside(
            at=turn.now,
            command_id=turn.command_id,
            chat_id=command.chat_id,
            items=command.items,
            done=command.done,
            down_since=command.down_since,
        )
    )
