"""The fold: `apply(state, event) -> State`, the only way State ever changes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, assert_never

from engine import events as e
from engine.copies import copied
from engine.equity import opened as equity_opened
from engine.fold_breakers import TELLING, breaker_changed, evidence_after, restricted
from engine.fold_fees import fee_settled
from engine.fold_limits import ceilings_given, limit_changed
from engine.fold_money import (
    equity_changed,
    exit_triggered,
    fill_booked,
    protection_changed,
    stop_followed,
)
from engine.fold_orders import order_changed, order_submitted, signal_outcome, with_order
from engine.fold_venue import adopted, cash_changed, venue_changed
from engine.numbers import exact
from engine.state import (
    COMMANDS_TAIL,
    SIGNALS_TAIL,
    TICKETS_TAIL,
    Chat,
    JournalIdentity,
    ReceivedSignal,
    State,
)
from engine.stops import FlattenRun, Stop
from engine.tails import entered, tail, without
from engine.tickets import TicketStatus

Changes = dict[str, Any]


def apply(state: State, event: e.Event) -> State:
    """Give State after the event; `seq` grows by one. Neither argument is changed."""
    with exact():
        changes = _changes(state, event)
        if type(event) in TELLING:
            changes["evidence"] = evidence_after(state, event, changes)
    changes["seq"] = state.seq + 1
    command_id = event.command_id
    if command_id is not None and command_id not in state.commands_known:
        changes["commands_known"] = tail(
            state.commands_known, command_id, state.seq + 1, COMMANDS_TAIL
        )
    return copied(state, **changes)


def _changes(state: State, event: e.Event) -> Changes:
    """Dispatch by kind, the most frequent ones first.

    Long because one match must show that no kind is forgotten.
    """
    match event:
        case e.FillBooked():
            return fill_booked(state, event)
        case e.FeeSettled():
            return fee_settled(state, event)
        case (
            e.OrderAccepted()
            | e.OrderNotSent()
            | e.ExitReleased()
            | e.OrderRejected()
            | e.OrderUnknown()
            | e.OrderAsked()
            | e.OrderCancelRequested()
            | e.OrderCanceled()
            | e.OrderExpired()
            | e.OrderReappeared()
        ):
            return order_changed(state, event)
        case e.OrderSubmitted(order=order):
            return order_submitted(state, order, event)
        case e.SignalReceived():
            return _signal_received(state, event)
        case e.EquitySampled() | e.DayRolled():
            return equity_changed(state, event)
        case e.JournalOpened():
            return _journal_opened(event)
        case e.EpochBegun():
            assert state.journal is not None, "an epoch begins in a journal"
            assert event.epoch > state.journal.epoch, "an epoch is never used again"
            lost = (event.made_at, event.at)
            return {"journal": replace(state.journal, epoch=event.epoch, lost=lost)}
        case e.EngineStarted():
            return {
                **ceilings_given(state, event),
                "confirm": event.confirm,
                "scaling": event.scaling,
                "day_starts": event.day_starts,
                "cash_currencies": event.cash_currencies,
                "order_timeout_s": event.order_timeout_s,
                "owners": event.owners,
                # Each start with real money begins without the right to enter.
                "session": state.seq + 1,
                "armed": False,
            }
        case e.LiveArmed():
            return {"armed": True}
        case e.LimitChanged() | e.LimitProposed() | e.LimitProposalEnded():
            return limit_changed(state, event)
        case e.FactorEnrolled(user_id=user_id):
            return {"enrolled": (*(each for each in state.enrolled if each != user_id), user_id)}
        case e.FactorRemoved(user_id=user_id):
            return {"enrolled": tuple(each for each in state.enrolled if each != user_id)}
        case e.EngineEnded() | e.CommandRefused() | e.StrangerNoted() | e.BacklogSetAside():
            return {}
        case e.DayReported() | e.FactorLocked() | e.SignalScaled():
            return {}
        case e.OrderDenied():
            tally = copied(state.tally, denied=state.tally.denied + 1)
            return {"tally": tally, **signal_outcome(state, event.signal_id, "denied")}
        case e.TicketOpened(ticket=ticket):
            outcome = signal_outcome(state, ticket.signal.signal_id or "", ticket.short_id)
            return {"tickets": entered(state.tickets, ticket.ticket_id, ticket), **outcome}
        case e.TicketConfirmed():
            return _ticket_confirmed(state, event)
        case e.TicketEnded():
            return _ticket_ended(state, event)
        case e.OrderRecalled(order=order):
            return with_order(state, order)
        case e.ProtectionChanged() | e.ProtectionsSetAside() | e.ProtectionsRestored():
            return protection_changed(state, event)
        case e.ExitTriggered():
            return exit_triggered(state, event)
        case e.StopFollowed():
            return stop_followed(state, event)
        case e.TradingHalted():
            stop = Stop(since=event.at, by=event.actor.text, reason=event.reason)
            return {"stop": stop}
        case e.TradingResumed():
            held = without(state.restrictions, "")
            return {"stop": None, "restrictions": held, "reducing": {}, "accounts_halted": {}}
        case e.BreakerTripped() | e.BreakerWarned() | e.BreakerEased() | e.BreakerRearmed():
            return breaker_changed(state, event)
        case e.TradingStateSet():
            return restricted(state, event)
        case (
            e.FlattenStarted()
            | e.FlattenHurried()
            | e.FlattenLooked()
            | e.FlattenAsked()
            | e.FlattenVerified()
            | e.FlattenStillOpen()
            | e.FlattenEnded()
        ):
            return _flatten(state, event)
        case (
            e.BooksDiffer()
            | e.BooksEqual()
            | e.VenueWentSilent()
            | e.VenueAnswered()
            | e.ExternalOrdersSeen()
            | e.ExternalCancelRequested()
            | e.HoldingsSeen()
            | e.AccountHalted()
        ):
            return venue_changed(state, event)
        case e.CashDoubted() | e.CashFlowed():
            return cash_changed(state, event)
        case e.PositionAdopted():
            return adopted(state, event)
        case e.EmergencyMerged():
            return {}
        case e.ChatBound() | e.AlertModeSet():
            return _chat(state, event)
        case e.AlertAcknowledged():
            return _acknowledged(state, event)
        case _:
            assert_never(event)


def _journal_opened(event: e.JournalOpened) -> Changes:
    total = event.cash * len(event.accounts)
    return {
        "journal": JournalIdentity(
            journal_id=event.journal_id,
            epoch=event.epoch,
            mode=event.mode,
            accounts=event.accounts,
            market=event.market,
            currency=event.currency,
        ),
        "cash": {f"{account}:{event.currency}": event.cash for account in event.accounts},
        "equity": equity_opened(event.at, total, event.at.date()),
    }


def _signal_received(state: State, event: e.SignalReceived) -> Changes:
    received = ReceivedSignal(
        signal_id=event.signal_id,
        at=event.at,
        signal=event.signal,
        venue=event.venue,
        actor=event.actor.text,
    )
    return {"signals": tail(state.signals, event.signal_id, received, SIGNALS_TAIL)}


def _ticket_confirmed(state: State, event: e.TicketConfirmed) -> Changes:
    ticket = state.tickets.get(event.ticket_id)
    assert ticket is not None, f"{event.ticket_id} was confirmed after its end"
    confirmed = replace(
        ticket,
        confirmed_at=event.at,
        confirmed_by=event.by,
        confirmed_by_id=event.user_id,
        expires_at=event.expires_at,
    )
    return {"tickets": entered(state.tickets, event.ticket_id, confirmed)}


def _ticket_ended(state: State, event: e.TicketEnded) -> Changes:
    ticket = state.tickets.get(event.ticket_id)
    assert ticket is not None, f"{event.ticket_id} ended twice"
    ended = replace(ticket, status=event.status, ended_at=event.at, ended_by=event.by)
    changes: Changes = {
        "tickets": without(state.tickets, event.ticket_id),
        "tickets_ended": tail(state.tickets_ended, event.ticket_id, ended, TICKETS_TAIL),
    }
    if event.status is not TicketStatus.APPROVED:
        signal_id = ticket.signal.signal_id or ""
        changes |= signal_outcome(state, signal_id, event.status.value)
    return changes


_FlattenEvent = (
    e.FlattenStarted
    | e.FlattenHurried
    | e.FlattenLooked
    | e.FlattenAsked
    | e.FlattenVerified
    | e.FlattenStillOpen
    | e.FlattenEnded
)


def _flatten(state: State, event: _FlattenEvent) -> Changes:
    if isinstance(event, e.FlattenStarted):
        return {
            "flatten": FlattenRun(
                since=event.at,
                by=event.actor.text,
                intent=event.command_id or "",
                keys=event.keys,
                quantities=event.quantities,
                with_external=event.with_external,
            )
        }
    run = state.flatten
    assert run is not None, "a flatten goes on that never began"
    match event:
        case e.FlattenHurried(with_external=wanted):
            wider = wanted or run.with_external
            run = replace(run, hurried_at=event.at, last_alert_at=None, with_external=wider)
        case e.FlattenLooked(venue=venue):
            run = replace(run, looked={**run.looked, venue: event.at})
        case e.FlattenAsked(attempt=attempt):
            run = replace(
                run, attempt=attempt, asked=True, verified=(), looked={}, external_asked=()
            )
        case e.FlattenVerified(venue=venue):
            run = replace(run, verified=(*run.verified, venue))
        case e.FlattenStillOpen(lines=lines):
            run = replace(run, still_open=lines, asked=False, last_alert_at=event.at)
        case e.FlattenEnded():
            run = replace(run, ended_at=event.at, still_open=())
        case _:
            assert_never(event)
    return {"flatten": run}


def _chat(state: State, event: e.ChatBound | e.AlertModeSet) -> Changes:
    key = str(event.chat_id)
    known = state.chats.get(key)
    match event:
        case e.ChatBound():
            modes = known.modes if known is not None else {}
            chat = Chat(
                chat_id=event.chat_id,
                user_id=event.user_id,
                is_group=event.is_group,
                modes=modes,
            )
        case e.AlertModeSet():
            assert known is not None, "a chat is told before it is bound"
            chat = replace(known, modes={**known.modes, event.kind.value: event.mode})
        case _:
            assert_never(event)
    return {"chats": {**state.chats, key: chat}}


def _acknowledged(state: State, event: e.AlertAcknowledged) -> Changes:
    kind, _, name = event.subject.partition(":")
    if kind == "flatten" and state.flatten is not None:
        return {"flatten": replace(state.flatten, acknowledged=True)}
    if kind == "breaker" and name in state.breakers:
        breaker = replace(state.breakers[name], acknowledged=True)
        return {"breakers": {**state.breakers, name: breaker}}
    if kind == "position":
        return {"unexplained": _seen(state, name)}
    return {}


def _seen(state: State, position_id: str) -> Mapping[str, str]:
    """Give the swaps that nobody here opened, but for the one that a person has seen now."""
    return {key: name for key, name in state.unexplained.items() if name != position_id}
