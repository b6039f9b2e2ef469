"""E1 to E3: what becomes of a ticket; its card is edited to this, once."""

from typing import assert_never

from bot.callbacks import NewTicket
from bot.screens import figures
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    code,
    line,
    panel,
    plain_text,
    press,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.screens.steps import offered
from bot.screens.tickets import verb, what
from bot.views.tickets import TicketView
from engine.orders import OrderSide
from engine.tickets import TicketStatus


def confirmed(view: TicketView) -> Screen:
    """E1: say that the order was sent, once."""
    scene, offer, about = view.scene, view.ticket, view.listing
    order = view.order
    sent = order.submitted_at if order is not None else offer.ended_at
    at = figures.clock(sent or scene.now, scene.tz, scene.now)
    most = f"At most {figures.money(offer.cost_max)} {about.quote}."
    new_name = order.short_id if order is not None else offer.short_id.replace("T-", "O-")
    quantity = figures.quantity(offer.quantity)
    base = shortened(about.base, 10)
    return Screen(
        text=text_of(
            title_line(
                (f"Confirmed: {quantity} {base}", f"Confirmed: {base}"),
                sign=Sign.FINE,
                live=scene.live,
            ),
            f"{verb(view)} sent once to {plain_text(about.venue_title)} at {at}.",
            most if offer.side is OrderSide.BUY and not view.is_exit else None,
            _follow(view),
            f"By {_by(view)} · {code(offer.short_id)} is now {code(new_name)}",
        )
    )


def _follow(view: TicketView) -> str | None:
    has_stop, has_target = view.ticket.stop is not None, bool(view.ticket.targets)
    if has_stop and has_target:
        return "Stop and target follow the fill."
    if has_stop:
        return "The stop follows the fill."
    return "The target follows the fill." if has_target else None


def _by(view: TicketView) -> str:
    return "you" if view.ended_by_viewer else plain_text(view.ticket.ended_by or view.ticket.actor)


def expired(view: TicketView) -> Screen:
    """E2: say that the ticket ran out."""
    offer, scene = view.ticket, view.scene
    at = figures.clock(offer.expires_at, scene.tz, scene.now)
    return Screen(
        text=text_of(
            title_line("Expired: nothing sent", sign=Sign.STOPPED, live=scene.live),
            f"{plain_text(what(view))} ran out at {at}.",
            code(offer.short_id),
        ),
        rows=_again(view, "New ticket at the price now"),
    )


def _again(view: TicketView, *labels: str) -> tuple[Row, ...]:
    return (row(press(labels, NewTicket(ticket_id=view.ticket.ticket_id))),)


def moved(view: TicketView) -> Screen:
    """E3: say how far the price moved between the ticket and the confirm."""
    offer, scene, about = view.ticket, view.scene, view.listing
    seen = figures.clock(offer.opened_at, scene.tz)
    lines = [line("You saw", figures.mid(offer.quote.mid, about.tick), seen)]
    labels = ["New ticket at the price now"]
    if view.now is not None:
        mid = figures.mid(view.now.mid, about.tick)
        at = figures.clock(offer.ended_at or view.now.at, scene.tz)
        lines.append(line("Now", mid, at))
        lines.append(line("Moved", figures.signed(view.now.moved_bps(offer.quote.mid), 1), "bps"))
        labels.insert(0, f"New ticket at {mid}")
    lines.append(line("Limit", figures.bps(view.drift_bps_max), "bps"))
    return Screen(
        text=text_of(
            title_line("Price moved: nothing sent", sign=Sign.STOPPED, live=scene.live),
            plain_text(what(view)),
            panel(*lines),
            code(offer.short_id),
        ),
        rows=_again(view, *labels),
    )


def canceled(view: TicketView) -> Screen:
    """Say that a person withdrew the ticket."""
    offer, scene = view.ticket, view.scene
    at = figures.clock(offer.ended_at or scene.now, scene.tz, scene.now)
    return Screen(
        text=text_of(
            title_line("Cancelled: nothing sent", sign=Sign.FINE, live=scene.live),
            f"{plain_text(what(view))} withdrawn at {at}.",
            f"By {_by(view)} · {code(offer.short_id)}",
        )
    )


def refused(view: TicketView) -> Screen:
    """Say that the checks at the confirm denied it; the denial's own card gives the reasons."""
    offer, scene = view.ticket, view.scene
    return Screen(
        text=text_of(
            title_line("Denied: nothing sent", sign=Sign.STOPPED, live=scene.live),
            f"{plain_text(what(view))}: a rule no longer allows it.",
            code(offer.short_id),
        ),
        rows=_again(view, "New ticket at the price now"),
    )


def outcome(view: TicketView) -> Screen:
    """Show a ticket as it stands: open, or what became of it."""
    status = view.ticket.status
    match status:
        case TicketStatus.OPEN:
            return offered(view)
        case TicketStatus.APPROVED:
            return confirmed(view)
        case TicketStatus.EXPIRED:
            return expired(view)
        case TicketStatus.MOVED:
            return moved(view)
        case TicketStatus.CANCELED:
            return canceled(view)
        case TicketStatus.DENIED:
            return refused(view)
        case _:
            assert_never(status)
