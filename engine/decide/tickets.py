"""Tickets decided: approved once, withdrawn, or run out."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from engine import events as e
from engine.asking import drift_bps, may_second, step_of
from engine.commands import ENGINE, Actor, ApproveTicket, CancelTicket, Role
from engine.confirming import Confirmation
from engine.decide.entries import deny, deny_unproposable, submit
from engine.decide.turn import Turn
from engine.orders import OrderKind, OrderStatus
from engine.proposals import Proposal, Unproposable, propose
from engine.quotes import Quote
from engine.risk import breaches_of
from engine.tickets import Ticket, TicketStatus


def approve(turn: Turn, command: ApproveTicket) -> None:
    """Confirm a ticket: exactly one order as shown, or the reason why not."""
    ticket = _usable(turn, command.ticket_id, command.actor, "confirm")
    if ticket is None:
        return
    quote = turn.context.fresh(ticket.key, turn.state)
    moved = None
    if ticket.kind is OrderKind.MARKET and quote is not None:
        moved = drift_bps(ticket.quote.mid, quote.mid)
        if abs(moved) > turn.state.limits.drift_bps_max:
            end(turn, ticket, TicketStatus.MOVED, command.actor, quote)
            return
    step = step_of(turn.state, ticket, command.actor.user_id, moved)
    if not _is_given(turn, ticket, command, step):
        return
    proposal = propose(turn.state, ticket.signal, ticket.venue, turn.context)
    if isinstance(proposal, Unproposable):
        end(turn, ticket, TicketStatus.DENIED, command.actor, quote)
        deny_unproposable(turn, ticket.signal, ticket.venue, command.actor, proposal)
        return
    shown = _as_shown(proposal, ticket)
    breaches = breaches_of(shown, turn.state, turn.context, is_approval=True)
    if shown.purpose is not ticket.purpose or shown.side is not ticket.side:
        changed = e.Breach(rule="changed", sentence="The position is another one by now.")
        breaches = (changed, *breaches)
    if breaches:
        end(turn, ticket, TicketStatus.DENIED, command.actor, quote)
        deny(turn, shown, breaches, command.actor, ticket_id=ticket.ticket_id)
        return
    if step is Confirmation.SECOND_PERSON and ticket.confirmed_at is None:
        _confirm_first(turn, ticket, command.actor)
        return
    end(turn, ticket, TicketStatus.APPROVED, command.actor, quote)
    submit(turn, shown, actor=command.actor, intent=ticket.ticket_id, ticket=ticket)


def _is_given(turn: Turn, ticket: Ticket, command: ApproveTicket, step: Confirmation) -> bool:
    """Tell whether this confirming is the step that is asked for; refuse it otherwise."""
    actor, name = command.actor, ticket.short_id
    match step:
        case Confirmation.NONE | Confirmation.TAP:
            return True
        case Confirmation.TYPED:
            amount = ticket.amount_typed
            rule, sentence = "typed", f"{name} asks you to type {amount:f}."
            is_given = command.typed == amount
        case Confirmation.CODE:
            rule, sentence = "code", f"{name} takes the code of your second factor."
            is_given = actor.with_code
        case Confirmation.SECOND_PERSON:
            rule = "ticket_second"
            sentence = f"{name} waits for a second person; {ticket.confirmed_by} was the first."
            is_first = ticket.confirmed_at is None
            is_given = is_first or may_second(turn.state, ticket, actor.user_id)
        case _:
            assert_never(step)
    if not is_given:
        turn.refuse(actor, "confirm", rule, sentence)
    return is_given


def _confirm_first(turn: Turn, ticket: Ticket, actor: Actor) -> None:
    """Let it wait for the second person, longer than a ticket of one."""
    assert actor.user_id is not None, "two people confirm, each by a name"
    turn.add(
        e.TicketConfirmed(
            at=turn.now,
            command_id=turn.command_id,
            ticket_id=ticket.ticket_id,
            by=actor.text,
            user_id=actor.user_id,
            expires_at=turn.now + timedelta(seconds=turn.state.confirm.second_life_s),
        )
    )


def _as_shown(proposal: Proposal, ticket: Ticket) -> Proposal:
    """Give today's proposal with the ticket's own numbers: what was seen is what executes."""
    return replace(
        proposal,
        kind=ticket.kind,
        quantity=ticket.quantity,
        quantity_asked=ticket.quantity,
        price_limit=ticket.price_limit,
        stop=ticket.stop,
        targets=ticket.order_targets,
        plan=ticket.plan,
    )


def cancel(turn: Turn, command: CancelTicket) -> None:
    """Withdraw a ticket."""
    ticket = _usable(turn, command.ticket_id, command.actor, "cancel ticket")
    if ticket is not None:
        end(turn, ticket, TicketStatus.CANCELED, command.actor, None)


def end(
    turn: Turn, ticket: Ticket, status: TicketStatus, actor: Actor, quote: Quote | None
) -> None:
    """Give a ticket its final status."""
    turn.add(
        e.TicketEnded(
            at=turn.now,
            command_id=turn.command_id,
            ticket_id=ticket.ticket_id,
            status=status,
            by=actor.text,
            user_id=actor.user_id,
            quote=quote,
        )
    )


def sweep(turn: Turn) -> None:
    """Expire tickets whose time has passed; cancel entries that waited too long."""
    for ticket in tuple(turn.state.tickets.values()):
        if _is_over(turn, ticket):
            end(turn, ticket, TicketStatus.EXPIRED, ENGINE, None)
    patience = timedelta(seconds=turn.state.order_timeout_s)
    for order in turn.state.entries():
        since = order.submitted_at
        waits = order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
        if waits and since is not None and turn.now - since >= patience:
            turn.add(
                e.OrderCancelRequested(
                    at=turn.now,
                    command_id=turn.command_id,
                    client_order_id=order.client_order_id,
                    actor=ENGINE,
                    reason=f"not filled in {turn.state.order_timeout_s} s",
                )
            )


def _usable(turn: Turn, ticket_id: str, actor: Actor, command: str) -> Ticket | None:
    """Give the ticket if this person may still act on it; refuse otherwise."""
    ticket = turn.state.ticket(ticket_id) or turn.context.ticket
    if ticket is None:
        turn.refuse(actor, command, "ticket_unknown", "There is no such ticket here.")
        return None
    mine = actor.user_id is not None and actor.user_id == ticket.owner_id
    if not mine and actor.role is not Role.OWNER:
        sentence = f"Not yours. {ticket.short_id} was made for {ticket.actor}."
        turn.refuse(actor, command, "ticket_person", sentence)
        return None
    if ticket.status is not TicketStatus.OPEN:
        turn.refuse(actor, command, f"ticket_{ticket.status}", _ended(ticket))
        return None
    if _is_over(turn, ticket):
        end(turn, ticket, TicketStatus.EXPIRED, ENGINE, None)
        return None
    return ticket


def _is_over(turn: Turn, ticket: Ticket) -> bool:
    """Tell whether its time has passed; what was opened in the future, by a clock set back, too."""
    return not ticket.opened_at <= turn.now < ticket.expires_at


def _ended(ticket: Ticket) -> str:
    return f"{ticket.short_id} was {ticket.status} by {ticket.ended_by}."
