"""Decisions: `decide(state, message, context) -> events`, pure; one function per message kind.

The loop is the only caller. It commits what comes back before anything is sent.
"""

from typing import assert_never

from engine import commands as c
from engine import reports as r
from engine.context import Context
from engine.decide import (
    account,
    answers,
    books,
    breakers,
    entries,
    exits,
    factors,
    flatten,
    following,
    kill_switch,
    limits,
    protection,
    session,
    tickets,
    triggers,
)
from engine.decide.turn import Turn
from engine.events import Event
from engine.numbers import exact
from engine.state import State

Message = c.Command | r.Report


def decide(state: State, message: Message, context: Context) -> tuple[Event, ...]:
    """Give the events that a message leads to; none when it says nothing new."""
    return tuple(decided(state, message, context).events)


def decided(state: State, message: Message, context: Context) -> Turn:
    """Decide, and give the events with State after each, so that nobody has to fold them again."""
    turn = Turn(state, context, message)
    with exact():
        _dispatch(turn, message)
        triggers.go_on(turn)
        protection.tend(turn, message)
        breakers.judge_told(turn, state.evidence)
    return turn


def _dispatch(turn: Turn, message: Message) -> None:
    """Call the one function of the message's kind: reports first, they are the most.

    Long because no kind may be forgotten.
    """
    match message:
        case r.SubmitAccepted() | r.SubmitRefused() | r.SubmitUnanswered() | r.SubmitWithheld():
            answers.submit_answered(turn, message)
        case r.CancelAccepted() | r.CancelUnanswered():
            # What a cancel did is seen on the order itself; the monitor looks it up.
            return
        case r.FillReported(fill=fill):
            answers.fill_reported(turn, fill)
        case r.OrderSeen():
            answers.order_seen(turn, message)
        case r.OrderNotSeen():
            answers.order_not_seen(turn, message)
        case r.OrdersOpen():
            books.compare_orders(turn, message)
        case r.VenueSnapshot():
            flatten.venue_shown(turn, message)
        case r.VenueSilent():
            flatten.venue_silent(turn, message)
        case c.StartEngine():
            session.start(turn, message)
        case c.ArmLive():
            session.arm(turn, message)
        case c.EnrolFactor():
            factors.enrol(turn, message)
        case c.RemoveFactor():
            factors.remove(turn, message)
        case c.LockFactor():
            factors.lock(turn, message)
        case c.ChangeLimit():
            limits.change(turn, message)
        case c.ApproveLimit():
            limits.approve(turn, message)
        case c.RejectLimit():
            limits.reject(turn, message)
        case c.StopEngine():
            session.end(turn)
        case c.SubmitSignal():
            entries.submit_signal(turn, message)
        case c.ApproveTicket():
            tickets.approve(turn, message)
        case c.CancelTicket():
            tickets.cancel(turn, message)
        case c.CancelOrder():
            exits.cancel_order(turn, message)
        case c.CancelEntries():
            kill_switch.cancel_entries(turn, message.actor, "cancel entries")
        case c.ClosePosition():
            exits.close_position(turn, message)
        case c.Adopt():
            books.adopt(turn, message)
        case c.SetProtection():
            exits.set_protection(turn, message)
        case c.SetProtectionsAside():
            exits.set_aside(turn, message)
        case c.RestoreProtections():
            exits.restore(turn, message)
        case c.TriggerExit():
            triggers.trigger(turn, message)
        case c.FollowStop():
            following.follow_stop(turn, message)
        case c.MoveStop():
            following.move_stop(turn, message)
        case c.TrailStop():
            following.trail_stop(turn, message)
        case c.SetTimeStop():
            following.set_time_stop(turn, message)
        case c.TendStops():
            triggers.close_due(turn)
        case c.Halt():
            kill_switch.halt(turn, message)
        case c.Flatten():
            flatten.flatten(turn, message)
        case c.ContinueFlatten():
            flatten.advance(turn)
        case c.NoteEmergency():
            session.note_emergency(turn, message)
        case c.Resume():
            kill_switch.resume(turn, message)
        case c.TripBreaker():
            breakers.trip(turn, message)
        case c.RearmBreaker():
            breakers.rearm(turn, message)
        case c.SetTradingState():
            breakers.set_trading_state(turn, message)
        case c.CheckBreakers():
            breakers.check(turn)
        case c.SampleEquity():
            account.sample(turn)
        case c.RollDay():
            account.roll_day(turn)
        case c.ReportDay():
            account.report_day(turn, message)
        case c.Sweep():
            tickets.sweep(turn)
            limits.sweep(turn)
        case c.BindChat():
            session.bind_chat(turn, message)
        case c.SetAlertMode():
            session.set_alert_mode(turn, message)
        case c.Acknowledge():
            session.acknowledge(turn, message)
        case c.NoteStranger():
            session.note_stranger(turn, message)
        case c.NoteBacklog():
            session.note_backlog(turn, message)
        case _:
            assert_never(message)


__all__ = ["Message", "Turn", "decide", "decided"]
