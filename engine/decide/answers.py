"""Reports decided: what a venue said about an order, and what it executed."""

from decimal import Decimal

from engine import events as e
from engine import reports as r
from engine.commands import ENGINE
from engine.decide.fees import fee_paid, reporting_rate
from engine.decide.turn import Turn
from engine.exit_plan import NO_PLAN
from engine.instruments import cash_currency
from engine.numbers import ZERO
from engine.orders import Order, OrderStatus, OrderTrigger, can
from engine.portfolio import is_dust, is_swap
from engine.positions import Fill
from engine.reconcile import looks_ours

NOT_FOUNDS_MIN = 3


def _order(turn: Turn, client_order_id: str) -> Order | None:
    """Find the order; bring a finished one back that left State's window long ago."""
    order = turn.state.order(client_order_id)
    if order is None and turn.context.order is not None:
        recalled = turn.context.order
        if recalled.client_order_id == client_order_id:
            turn.add(e.OrderRecalled(at=turn.now, order=recalled))
            return recalled
    return order


def reappear(turn: Turn, order: Order, venue_order_id: str | None) -> None:
    """Open an order again that was given up and is at the venue after all; cancel what is left.

    Nobody waits for it any more: the person was told that it was not accepted, and may have sent
    another. Until the venue shows it finished it counts in exposure.
    """
    name = order.client_order_id
    if turn.state.order(name) is None:
        turn.add(e.OrderRecalled(at=turn.now, order=order))
    settled = "not sent" if order.status is OrderStatus.NOT_SENT else "never accepted"
    text = f"it was settled as {settled}, and the venue has it"
    turn.add(
        e.OrderReappeared(
            at=turn.now, client_order_id=name, venue_order_id=venue_order_id, text=text
        )
    )
    turn.add(
        e.OrderCancelRequested(
            at=turn.now, client_order_id=name, actor=ENGINE, reason="it was given up"
        )
    )


def submit_answered(turn: Turn, report: r.SubmitAnswer) -> None:
    """Move an order by the answer to its submit; an answer that says nothing new is ignored."""
    order = turn.state.order(report.client_order_id)
    if order is None:
        return
    match report:
        case r.SubmitAccepted(venue_order_id=venue_order_id):
            _accept(turn, order, venue_order_id)
        case r.SubmitRefused(code=code, text=text):
            if can(order, OrderTrigger.REJECT) and order.filled == ZERO:
                _reject(turn, order, code, text)
        case r.SubmitUnanswered(text=text):
            # What the stream has shown already needs no answer.
            silent = order.accepted_at is None and order.filled == ZERO
            if silent and can(order, OrderTrigger.NO_ANSWER):
                turn.add(
                    e.OrderUnknown(at=turn.now, client_order_id=order.client_order_id, reason=text)
                )
        case r.SubmitWithheld(text=text):
            if can(order, OrderTrigger.NOT_SEND):
                turn.add(
                    e.OrderNotSent(
                        at=turn.now,
                        client_order_id=order.client_order_id,
                        reason=text,
                        mid=_mid(turn, order.key),
                    )
                )


def _accept(turn: Turn, order: Order, venue_order_id: str | None) -> None:
    if order.status is OrderStatus.PENDING_CANCEL and order.accepted_at is not None:
        return
    if can(order, OrderTrigger.ACCEPT):
        turn.add(
            e.OrderAccepted(
                at=turn.now,
                client_order_id=order.client_order_id,
                venue_order_id=venue_order_id,
            )
        )


def _reject(turn: Turn, order: Order, code: str, text: str) -> None:
    turn.add(
        e.OrderRejected(
            at=turn.now,
            client_order_id=order.client_order_id,
            code=code,
            reason=text,
            mid=_mid(turn, order.key),
        )
    )


def order_seen(turn: Turn, report: r.OrderSeen) -> None:
    """Move an order by what the venue shows; fills alone change what is filled.

    A finished status waits until every fill the venue counts is booked.
    """
    if report.client_order_id is None:
        return
    order = turn.state.order(report.client_order_id)
    if order is None:
        order = turn.context.order
    there = report.status is r.VenueOrderStatus.OPEN or report.filled > ZERO
    if order is not None and order.is_given_up and there:
        reappear(turn, order, report.venue_order_id)
        order = turn.state.order(report.client_order_id)
    if order is None or order.is_finished or report.filled < order.filled:
        return
    complete = report.filled == order.filled
    name, mid = order.client_order_id, _mid(turn, order.key)
    match report.status:
        case r.VenueOrderStatus.OPEN:
            _accept(turn, order, report.venue_order_id)
        case r.VenueOrderStatus.FILLED:
            _accept(turn, order, report.venue_order_id)
        case r.VenueOrderStatus.CANCELED if complete and can(order, OrderTrigger.CANCEL):
            turn.add(e.OrderCanceled(at=turn.now, client_order_id=name, mid=mid))
        case r.VenueOrderStatus.EXPIRED if complete and can(order, OrderTrigger.EXPIRE):
            turn.add(e.OrderExpired(at=turn.now, client_order_id=name, mid=mid))
        case r.VenueOrderStatus.REJECTED if complete and can(order, OrderTrigger.REJECT):
            _reject(turn, order, "rejected", report.reason or "the venue rejected it")
        case _:
            # Fills are missing still; the monitor fetches them and reports the order again.
            return


def order_not_seen(turn: Turn, report: r.OrderNotSeen) -> None:
    """Count a search that found nothing; settle after several complete ones over the window."""
    order = turn.state.order(report.client_order_id)
    if order is None or order.status is not OrderStatus.UNKNOWN:
        return
    turn.add(
        e.OrderAsked(
            at=turn.now,
            client_order_id=order.client_order_id,
            nowhere=report.complete,
            text=report.text,
        )
    )
    since = order.unknown_since or turn.now
    waited_s = turn.context.lasted(since).total_seconds()
    enough = order.not_founds + 1 >= NOT_FOUNDS_MIN and waited_s >= turn.context.settle_s
    if report.complete and enough and order.filled == ZERO:
        text = f"in no list of the venue, asked {order.asks + 1} times over {waited_s:.0f} s"
        _reject(turn, order, "not_found", text)


def fill_reported(turn: Turn, fill: Fill) -> None:
    """Book a fill once, whatever order it is on; cancel exits that have nothing left to close."""
    if fill.identity in turn.state.fills_known or turn.context.fill_known:
        return
    order = _order(turn, fill.client_order_id) if fill.client_order_id is not None else None
    if order is not None and order.is_given_up:
        reappear(turn, order, fill.venue_order_id)
        order = turn.state.order(order.client_order_id)
    is_lost = order is None and _is_lost(turn, fill)
    if order is None and not is_lost:
        _suspect(turn, fill)
    if order is not None and not order.is_exit and order.fills == 0:
        _bare_dust(turn, fill.key, order)
    fee = fee_paid(turn, fill)
    filled = order.filled + fill.quantity if order is not None else ZERO
    turn.add(
        e.FillBooked(
            at=turn.now,
            fill=fill,
            fee_quote=fee.worth,
            fee_base=fee.base,
            is_swap=is_swap(fill.symbol),
            is_late=order is not None and order.is_finished,
            overfill=max(ZERO, filled - order.quantity) if order is not None else ZERO,
            to_holding=order is None and not is_lost and not is_swap(fill.symbol),
            fee_quotes=fee.quotes,
            fee_owed=fee.owed,
            rate=reporting_rate(turn, cash_currency(fill.symbol)),
            mid=_mid(turn, fill.key),
        )
    )
    if fill.key not in turn.state.positions:
        _drop_exits(turn, fill.key)


def _mid(turn: Turn, key: str) -> Decimal | None:
    """Give the mid of now, for what the execution cost; None without a fresh quote."""
    quote = turn.context.fresh(key, turn.state)
    return quote.mid if quote is not None else None


def _is_lost(turn: Turn, fill: Fill) -> bool:
    """Tell a fill of ours that a restored journal lost: made after the backup, under our name."""
    lost = turn.state.journal.lost if turn.state.journal is not None else None
    name = fill.client_order_id
    if lost is None or name is None or not lost[0] <= fill.at <= lost[1]:
        return False
    return looks_ours(name, fill.venue, fill.symbol)


def _suspect(turn: Turn, fill: Fill) -> None:
    """Halt the account when a fill bears a name of ours that stands in no journal here."""
    name = fill.client_order_id
    if name is None or name in turn.state.impostors:
        return
    if looks_ours(name, fill.venue, fill.symbol):
        halt_account(turn, fill.venue, (name,), "it was filled there")


def halt_account(turn: Turn, venue: str, names: tuple[str, ...], why: str) -> None:
    """Stop entries at a venue where somebody else sends orders under our names."""
    turn.add(
        e.AccountHalted(
            at=turn.now,
            venue=venue,
            client_order_ids=names,
            reason=f"order {names[0]} is named as ours and stands in no journal here: {why}",
        )
    )


def _bare_dust(turn: Turn, key: str, entry: Order) -> None:
    """Take stop and targets off dust that an entry enlarges: they guarded what has been sold."""
    position = turn.state.positions.get(key)
    context = turn.context
    if position is None or not is_dust(position, context.instruments, context.quotes):
        return
    aside = key in turn.state.set_aside
    same = (position.stop, position.targets) == (entry.stop, entry.targets)
    if aside or (position.is_guarded and not same):
        turn.add(
            e.ProtectionChanged(
                at=turn.now,
                key=key,
                position_id=position.position_id,
                stop=None,
                targets=(),
                reason="what it protected is sold",
                plan=NO_PLAN,
            )
        )


def _drop_exits(turn: Turn, key: str) -> None:
    on = turn.state.open_on.get(key)
    for order in [turn.state.orders[name] for name in on.exits] if on is not None else ():
        if not order.cancel_requested:
            turn.add(
                e.OrderCancelRequested(
                    at=turn.now,
                    client_order_id=order.client_order_id,
                    actor=ENGINE,
                    reason="nothing is left to close",
                )
            )
