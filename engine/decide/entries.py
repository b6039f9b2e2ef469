"""Signals decided: denied with every reason, offered as a ticket, or submitted."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from engine import events as e
from engine.asking import asks_of, heaviest
from engine.commands import Actor, ActorKind, SubmitSignal
from engine.confirming import Confirmation
from engine.decide.attempts import send_exit
from engine.decide.turn import Turn
from engine.exposure import exposure
from engine.identities import digest
from engine.numbers import HUNDRED, ONE, ZERO
from engine.orders import Order, OrderKind, OrderPurpose
from engine.proposals import Proposal, Unproposable, propose
from engine.risk import breaches_of
from engine.scaling import Scaling, scaling
from engine.signals import SignalAction, TradingSignal
from engine.tickets import Ask, Ticket, WhatIf
from engine.what_if import what_if


def submit_signal(turn: Turn, command: SubmitSignal) -> None:
    """Judge a signal: every reason against it, or a ticket, or an order."""
    signal = _identified(turn, command)
    turn.add(
        e.SignalReceived(
            at=turn.now,
            command_id=turn.command_id,
            signal_id=signal.signal_id or "",
            signal=signal,
            venue=command.venue,
            actor=command.actor,
        )
    )
    signal = _of_a_size(turn, signal, command.actor)
    proposal = propose(turn.state, signal, command.venue, turn.context)
    if isinstance(proposal, Unproposable):
        deny_unproposable(turn, signal, command.venue, command.actor, proposal)
        return
    scaled = _scaling(turn, proposal, command.actor)
    proposal, doubted = _scaled(turn, proposal, scaled)
    # One worst case for all who ask: it is the dearest part of the evaluation.
    around = None
    if not proposal.is_exit:
        around = exposure(turn.state, turn.context.quotes, proposal.key)
    breaches = (*doubted, *breaches_of(proposal, turn.state, turn.context, around=around))
    if breaches:
        deny(turn, proposal, breaches, command.actor, ticket_id=None)
        return
    asks = asks_of(
        proposal,
        turn.state,
        turn.context,
        actor=command.actor,
        wanted=command.ticket_wanted,
        around=around,
    )
    if asks:
        seen = what_if(proposal, turn.state, turn.context, around)
        _open_ticket(turn, command, proposal, asks, scaled=scaled, seen=seen)
        return
    submit(turn, proposal, actor=command.actor, intent=command.command_id, ticket=None)


def _of_a_size(turn: Turn, signal: TradingSignal, actor: Actor) -> TradingSignal:
    """Give an entry that names no size the usual one, unless a person left it out."""
    sizes = (signal.quantity, signal.notional, signal.percent, signal.risk_pct)
    is_entry = signal.action in (SignalAction.BUY, SignalAction.SHORT)
    if actor.kind is ActorKind.PERSON or not is_entry or any(size is not None for size in sizes):
        return signal
    return replace(signal, percent=turn.state.scaling.size_pct)


def _scaling(turn: Turn, proposal: Proposal, actor: Actor) -> Scaling | None:
    """Measure how a signal without a quantity is scaled; None where it is taken as it is."""
    signal, state = proposal.signal, turn.state
    if actor.kind is ActorKind.PERSON or proposal.is_exit or signal.quantity is not None:
        return None
    return scaling(
        state.scaling,
        Decimal(str(signal.confidence)),
        volatility_pct=turn.context.volatility_pct,
        drawdown_pct=state.equity.drawdown_pct if state.equity is not None else ZERO,
        drawdown_pct_max=state.limits.drawdown_pct_max,
    )


def _scaled(
    turn: Turn, proposal: Proposal, scaled: Scaling | None
) -> tuple[Proposal, tuple[e.Breach, ...]]:
    """Size a proposal by its scaling, which the journal keeps."""
    if scaled is None:
        return proposal, ()
    signal = proposal.signal
    if scaled.by_confidence == ZERO:
        least = turn.state.scaling.part_from
        breach = e.Breach(
            rule="confidence",
            sentence=f"Confidence {signal.confidence:.2f}, at least {least:.2f}",
            value=f"{signal.confidence:.2f}",
            limit=f"{least:.2f}",
        )
        return proposal, (breach,)
    if scaled.share == ONE:
        return proposal, ()
    turn.add(
        e.SignalScaled(
            at=turn.now,
            command_id=turn.command_id,
            signal_id=signal.signal_id or "",
            scaling=scaled,
        )
    )
    quantity = proposal.instrument.quantity_rounded(proposal.quantity * scaled.share)
    asked = proposal.quantity_asked * scaled.share
    return replace(proposal, quantity=quantity, quantity_asked=asked), ()


def _identified(turn: Turn, command: SubmitSignal) -> TradingSignal:
    signal = command.signal
    name = signal.signal_id or digest(turn.journal_id, command.command_id, "signal")
    return signal.identified(name, command.at)


def deny_unproposable(
    turn: Turn, signal: TradingSignal, venue: str, actor: Actor, why: Unproposable
) -> None:
    """Deny a signal of which no order can be made."""
    limit = signal.price_limit
    closing = signal.action in (SignalAction.SELL, SignalAction.CLOSE)
    turn.add(
        e.OrderDenied(
            at=turn.now,
            command_id=turn.command_id,
            signal_id=signal.signal_id or "",
            ticket_id=None,
            venue=venue,
            symbol=why.symbol,
            side=why.side,
            kind=OrderKind.MARKET if limit is None else OrderKind.LIMIT,
            purpose=OrderPurpose.EXIT if closing else OrderPurpose.ENTRY,
            quantity=signal.quantity,
            notional=signal.notional,
            price_limit=limit,
            breaches=(why.breach,),
            actor=actor,
            quote=turn.context.quotes.get(f"{venue}:{why.symbol}"),
            suggestions=why.suggestions,
        )
    )


def deny(
    turn: Turn,
    proposal: Proposal,
    breaches: tuple[e.Breach, ...],
    actor: Actor,
    *,
    ticket_id: str | None,
) -> None:
    """Deny a proposal, giving every broken rule."""
    turn.add(
        e.OrderDenied(
            at=turn.now,
            command_id=turn.command_id,
            signal_id=proposal.signal.signal_id or "",
            ticket_id=ticket_id,
            venue=proposal.instrument.venue,
            symbol=proposal.instrument.symbol,
            side=proposal.side,
            kind=proposal.kind,
            purpose=proposal.purpose,
            quantity=proposal.quantity,
            notional=proposal.amount_asked,
            price_limit=proposal.price_limit,
            breaches=breaches,
            actor=actor,
            quote=proposal.quote,
        )
    )


def submit(
    turn: Turn, proposal: Proposal, *, actor: Actor, intent: str, ticket: Ticket | None
) -> None:
    """Name and reserve exactly one order; it is sent once the journal has it."""
    instrument = proposal.instrument
    identity = turn.order_name(instrument.venue, instrument.symbol, intent, "entry", 0)
    arrival = proposal.quote.mid if proposal.quote is not None else None
    order = Order(
        client_order_id=identity if ticket is None else ticket.client_order_id,
        venue=proposal.instrument.venue,
        symbol=proposal.instrument.symbol,
        side=proposal.side,
        kind=proposal.kind,
        purpose=proposal.purpose,
        quantity=proposal.quantity,
        intent=intent,
        price_limit=proposal.price_limit,
        leverage=proposal.signal.leverage,
        stop=proposal.stop,
        targets=proposal.targets,
        plan=proposal.plan,
        strategy=proposal.signal.strategy,
        reason="close" if proposal.is_exit else "signal",
        actor=actor.text,
        ticket_id=ticket.ticket_id if ticket is not None else None,
        signal_id=proposal.signal.signal_id,
        position_id=proposal.position.position_id if proposal.position is not None else None,
        price_decision=ticket.quote.mid if ticket is not None else arrival,
        price_arrival=arrival,
    )
    if order.is_exit:
        send_exit(turn, order)
        return
    turn.add(e.OrderSubmitted(at=turn.now, command_id=turn.command_id, order=order))


def _open_ticket(
    turn: Turn,
    command: SubmitSignal,
    proposal: Proposal,
    asks: tuple[Ask, ...],
    *,
    scaled: Scaling | None,
    seen: WhatIf | None,
) -> None:
    step = heaviest(asks)
    if step is Confirmation.SECOND_PERSON and proposal.price_limit is not None:
        # While the second person is looked for the price runs: what was shown stays its limit.
        proposal = replace(proposal, kind=OrderKind.LIMIT)
    assert proposal.quote is not None, "an entry has a fresh quote"
    ticket_id = digest(turn.journal_id, turn.epoch, command.command_id, "ticket", length=16)
    equity = turn.state.equity.equity if turn.state.equity is not None else ZERO
    stop_pnl = proposal.pnl_at(proposal.stop) if proposal.stop is not None else None
    person = command.actor.kind is ActorKind.PERSON
    ticket = Ticket(
        ticket_id=ticket_id,
        client_order_id=turn.order_name(
            command.venue, proposal.instrument.symbol, ticket_id, "entry", 0
        ),
        command_id=command.command_id,
        signal=proposal.signal,
        venue=command.venue,
        symbol=proposal.instrument.symbol,
        side=proposal.side,
        kind=proposal.kind,
        purpose=proposal.purpose,
        quantity=proposal.quantity,
        price_limit=proposal.price_limit,
        quote=proposal.quote,
        leverage=proposal.signal.leverage,
        cost=proposal.cost,
        cost_max=proposal.cost_max,
        fee=proposal.fee,
        slippage_bps=proposal.slippage_bps,
        stop=proposal.stop,
        stop_pnl=stop_pnl,
        targets=proposal.target_views(),
        plan=proposal.plan,
        risk_pct=_share(stop_pnl, equity),
        quantity_after=proposal.quantity_after,
        asks=asks,
        confirmation=step,
        owner_id=command.actor.user_id if person else None,
        actor=command.actor.text,
        opened_at=turn.now,
        expires_at=turn.now + timedelta(seconds=turn.state.confirm.ticket_life_s),
        scaling=scaled,
        what_if=seen,
    )
    turn.add(e.TicketOpened(at=turn.now, command_id=turn.command_id, ticket=ticket))


def _share(pnl: Decimal | None, equity: Decimal) -> Decimal | None:
    if pnl is None or equity <= ZERO:
        return None
    return -pnl / equity * HUNDRED
