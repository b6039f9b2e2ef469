"""The fold of what venues show: their books, their silence, and what nobody here asked for."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, assert_never

from engine import events as e
from engine.copies import copied
from engine.external import CashDoubt, FlowReason
from engine.identities import instrument_key
from engine.numbers import ZERO
from engine.positions import Position
from engine.state import IMPOSTORS_TAIL, State
from engine.tails import entered, opened, tail, without

Changes = dict[str, Any]

VenueEvent = (
    e.BooksDiffer
    | e.BooksEqual
    | e.VenueWentSilent
    | e.VenueAnswered
    | e.ExternalOrdersSeen
    | e.ExternalCancelRequested
    | e.HoldingsSeen
    | e.AccountHalted
)


def venue_changed(state: State, event: VenueEvent) -> Changes:
    """Note what a venue shows."""
    venue = event.venue
    match event:
        case e.BooksDiffer():
            tally = replace(state.tally, incidents=state.tally.incidents + 1)
            differing = _of_others(state, venue) | {each.key: each for each in event.found}
            differ = {**state.books_differ, venue: event.keys}
            return {"books_differ": differ, "differing": differing, "tally": tally}
        case e.BooksEqual():
            differ_no_more = without(state.books_differ, venue)
            return {"books_differ": differ_no_more, "differing": _of_others(state, venue)}
        case e.VenueWentSilent():
            tally = replace(state.tally, incidents=state.tally.incidents + 1)
            silent = {**state.venues_silent, venue: event.reason}
            return {"venues_silent": silent, "tally": tally}
        case e.VenueAnswered():
            return {"venues_silent": without(state.venues_silent, venue)}
        case e.ExternalOrdersSeen(orders=orders):
            if not orders:
                return {"external_orders": without(state.external_orders, venue)}
            return {"external_orders": entered(state.external_orders, venue, orders)}
        case e.ExternalCancelRequested(venue_order_id=name):
            # It is gone once the venue shows it no more.
            run = state.flatten
            if run is None:
                return {}
            return {"flatten": replace(run, external_asked=(*run.external_asked, name))}
        case e.HoldingsSeen(holdings=seen):
            others = {p: q for p, q in state.holdings.items() if not p.startswith(f"{venue}:")}
            here = {instrument_key(venue, name): amount for name, amount in seen.items()}
            return {"holdings": others | here}
        case e.AccountHalted():
            impostors = state.impostors
            for name in event.client_order_ids:
                impostors = tail(impostors, name, venue, IMPOSTORS_TAIL)
            halted = entered(state.accounts_halted, venue, event.reason)
            tally = replace(state.tally, incidents=state.tally.incidents + 1)
            return {"accounts_halted": halted, "impostors": impostors, "tally": tally}
        case _:
            assert_never(event)


def _of_others(state: State, venue: str) -> dict[str, Any]:
    """Give what differs at the other venues."""
    return {k: d for k, d in state.differing.items() if not k.startswith(f"{venue}:")}


def cash_changed(state: State, event: e.CashDoubted | e.CashFlowed) -> Changes:
    """Doubt the cash, or take over what the venue shows."""
    purse = instrument_key(event.venue, event.currency)
    match event:
        case e.CashDoubted(amount=amount):
            if amount == ZERO:
                return {"cash_doubts": without(state.cash_doubts, purse)}
            known = state.cash_doubts.get(purse)
            same = known is not None and known.amount == amount
            doubt = (
                replace(known, looks=known.looks + 1)
                if known is not None and same
                else CashDoubt(amount=amount, since=event.at, looks=1)
            )
            return {"cash_doubts": entered(state.cash_doubts, purse, doubt)}
        case e.CashFlowed(reason=reason):
            changes: Changes = {
                "cash": entered(state.cash, purse, event.cash),
                "cash_doubts": without(state.cash_doubts, purse),
            }
            if event.venue not in state.counted:
                changes["counted"] = (*state.counted, event.venue)
            if reason is FlowReason.FUNDING:
                changes |= _funded(state, event)
            elif state.equity is not None:
                worth = event.amount * event.rate
                is_opening = reason is FlowReason.OPENING
                changes["equity"] = state.equity.flowed(worth, is_opening=is_opening)
            return changes
        case _:
            assert_never(event)


def _funded(state: State, event: e.CashFlowed) -> Changes:
    """Book what an open swap paid or received, in the day and on the swap where it is known."""
    worth = event.amount * event.rate
    changes: Changes = {"tally": copied(state.tally, funding=state.tally.funding + worth)}
    position = state.positions.get(event.key)
    if position is not None:
        paid = copied(position, funding=position.funding + event.amount)
        changes["positions"] = entered(state.positions, event.key, paid)
    return changes


def adopted(state: State, event: e.PositionAdopted) -> Changes:
    """Change a position by what a person took into it."""
    held = state.positions.get(event.key)
    before = held.quantity if held is not None else ZERO
    total = before + event.quantity
    positions = opened(state.positions)
    positions.pop(event.key, None)
    changes: Changes = {"unexplained": without(state.unexplained, event.key)}
    if total != ZERO:
        positions[event.key] = _taken(held, event, total)
    else:
        changes["set_aside"] = without(state.set_aside, event.key)
    changes["positions"] = positions
    changes["differing"] = without(state.differing, event.key)
    venue, _, symbol = event.key.partition(":")
    if event.is_holding:
        base = symbol.partition("/")[0]
        changes["holdings"] = without(state.holdings, instrument_key(venue, base))
    if state.equity is not None:
        changes["equity"] = copied(state.equity.flowed(event.flow), cash=state.equity.cash)
    left = tuple(key for key in state.books_differ.get(venue, ()) if key != event.key)
    if left:
        changes["books_differ"] = entered(state.books_differ, venue, left)
    else:
        changes["books_differ"] = without(state.books_differ, venue)
    return changes


def _taken(held: Position | None, event: e.PositionAdopted, total: Decimal) -> Position:
    """Give the position after an adoption; what came in is averaged, what went out is not."""
    venue, _, symbol = event.key.partition(":")
    if held is None or held.quantity * total < ZERO:
        return Position(
            position_id=event.position_id,
            venue=venue,
            symbol=symbol,
            quantity=total,
            entry_price=event.price,
            realised_pnl=ZERO,
            fees=ZERO,
            opened_at=event.at,
            quantity_peak=abs(total),
            external=True,
        )
    entry, ladder = held.entry_price, held.ladder
    if abs(total) > abs(held.quantity):
        entry = (entry * held.quantity + event.price * event.quantity) / total
    else:
        # A ladder shrinks with what has gone: its shares are of what is left.
        ladder = held.ladder_base * (total / held.quantity)
    return copied(
        held,
        quantity=total,
        entry_price=entry,
        quantity_peak=max(held.quantity_peak, abs(total)),
        ladder=ladder,
        external=True,
    )
