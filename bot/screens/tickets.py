"""D1 to D8, E1 to E6: a ticket, what is asked for it, and what becomes of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

from bot.callbacks import (
    BackToTicket,
    CancelTicket,
    ConfirmTicket,
    EditSize,
    NewTicket,
    PresetUnit,
    ResizeTicket,
)
from bot.screens import figures
from bot.screens.layout import (
    ButtonView,
    Panel,
    Row,
    Screen,
    Sign,
    Style,
    bold,
    code,
    in_threes,
    line,
    panel,
    plain_text,
    press,
    quote,
    row,
    shortened,
    text_of,
    title_fits,
    title_line,
)
from bot.screens.levels import level_lines
from bot.views.tickets import TicketView, strongest
from engine.numbers import BPS, ONE
from engine.orders import OrderKind, OrderSide
from engine.tickets import Ask, Confirmation, TicketStatus

_ASKS = {
    Confirmation.NONE: "Shown first",
    Confirmation.TAP: "Asks a tap",
    Confirmation.TYPED: "Asks typing",
    Confirmation.CODE: "Asks a code",
    Confirmation.SECOND_PERSON: "Asks a 2nd person",
}


def ticket(view: TicketView) -> Screen:
    """D1, D2, D3, D5: show exactly what a tap on Confirm would send."""
    scene, offer = view.scene, view.ticket
    return Screen(
        text=text_of(
            title_line(_titles(view), sign=Sign.WAITING, live=scene.live),
            _context(view),
            *_panels(view),
            quote(_risk(view), *_asks(offer.asks)),
            None if scene.live else "Simulated money, no order leaves.",
            f"Until {bold(figures.clock(offer.expires_at, scene.tz, scene.now))}"
            f" ({figures.age(view.rest)}) · {code(offer.short_id)}",
        ),
        rows=(
            row(_confirm(view)),
            row(
                press("Edit size", EditSize(ticket_id=offer.ticket_id)),
                press("Cancel", CancelTicket(ticket_id=offer.ticket_id)),
            ),
        ),
    )


def what(view: TicketView) -> str:
    """Say what the order does with how much of what, for example Buy 0.00407 BTC."""
    quantity = figures.quantity(view.ticket.quantity)
    return f"{_verb(view)} {quantity} {shortened(view.listing.base, 10)}"


def _verb(view: TicketView) -> str:
    return {"buy": "Buy", "sell": "Sell", "short": "Sell short"}[view.word]


def _titles(view: TicketView) -> tuple[str, ...]:
    base = shortened(view.listing.base, 10)
    return f"{what(view)}?", f"{_verb(view)} {base}?"


def _context(view: TicketView) -> str:
    offer, about = view.ticket, view.listing
    kind = "market, capped" if offer.price_limit is not None else "market"
    if offer.leverage > ONE:
        kind = f"{figures.trimmed(offer.leverage)}x · market"
    if offer.kind is OrderKind.LIMIT and offer.price_limit is not None:
        kind = f"limit {figures.price(offer.price_limit, about.tick)}"
        if offer.leverage > ONE:
            kind = f"{figures.trimmed(offer.leverage)}x · {kind}"
    return plain_text(f"{about.title} · {about.venue_title} · {kind}")


def _panels(view: TicketView) -> tuple[Panel, ...]:
    """Set one panel, or two where the targets are too many for one."""
    offer, about = view.ticket, view.listing
    tick, base = about.tick, shortened(about.base, 8)
    before = _cost_lines(view)
    after: list[str] = []
    if offer.stop is not None:
        pnl = figures.signed_money(offer.stop_pnl) if offer.stop_pnl is not None else ""
        after.append(line("Stop", figures.price(offer.stop, tick), second=pnl))
    after += level_lines(view.targets, tick)
    after.append(line("After", figures.quantity(offer.quantity_after), base))
    if len(before) + 1 + len(after) <= 11:
        return (panel(*before, "", *after),)
    return panel(*before), panel(*after)


def _cost_lines(view: TicketView) -> list[str]:
    offer, about = view.ticket, view.listing
    tick, currency = about.tick, about.quote
    age = figures.age(offer.quote.age_s(offer.opened_at))
    lines: list[str] = []
    if not title_fits(_titles(view)[0], sign=Sign.WAITING, live=view.scene.live):
        lines.append(line("Size", figures.quantity(offer.quantity), shortened(about.base, 8)))
    if offer.leverage > ONE:
        lines.append(line("Value", figures.money(offer.cost), currency))
        lines.append(line("Margin", figures.money(offer.cost / offer.leverage), currency))
    elif offer.side is OrderSide.BUY and not view.is_exit:
        lines.append(line("Cost", figures.money(offer.cost), currency))
        lines.append(line("At most", figures.money(offer.cost_max), currency))
    else:
        lines.append(line("Value", figures.money(offer.cost), currency))
    lines.append(line("Fee", figures.money(offer.fee), currency))
    lines.append(line("Quote", figures.mid(offer.quote.mid, tick), age))
    if offer.price_limit is not None:
        mid = offer.quote.mid
        moved = figures.distance_bps((offer.price_limit - mid) / mid * BPS)
        lines.append(line(_bound_name(view), figures.price(offer.price_limit, tick), moved))
    slippage = offer.slippage_bps
    word = "bps est." if slippage >= 0 else "gain est"
    lines.append(line("Slippage", figures.bps(slippage), word))
    return lines


def _bound_name(view: TicketView) -> str:
    if view.ticket.kind is OrderKind.LIMIT:
        return "Limit"
    return "Cap" if view.ticket.side is OrderSide.BUY else "Floor"


def _risk(view: TicketView) -> str | None:
    offer = view.ticket
    if view.is_exit:
        return None
    if offer.stop_pnl is None:
        return "No stop is set"
    risk = bold(f"{figures.money(abs(offer.stop_pnl))} {view.listing.quote}")
    if offer.risk_pct is None:
        return f"Risk {risk}"
    return f"Risk {risk}, {figures.percent(offer.risk_pct)} of equity"


def _asks(asks: Sequence[Ask]) -> tuple[str, ...]:
    """Write the reasons, the one that decides the step first."""
    weights = list(Confirmation)
    ordered = sorted(asks, key=lambda ask: -weights.index(ask.confirmation))
    return tuple(
        plain_text(f"{_ASKS[ask.confirmation]}: {ask.sentence.removesuffix('.')}")
        for ask in ordered
    )


def _confirm(view: TicketView) -> ButtonView:
    offer, scene = view.ticket, view.scene
    start = f"Confirm {'LIVE' if scene.live else 'paper'}"
    step = strongest(offer)
    amount = figures.money(_amount(view))
    labels: tuple[str, ...]
    if step is Confirmation.TYPED:
        whole = figures.rounded_up(_amount(view))
        labels = (f"{start}, then type {whole}", f"{start}, then type it")
    elif step is Confirmation.CODE:
        labels = (f"{start} {view.word}, then code", f"{start}, then code")
    else:
        labels = (
            f"{start} {view.word} {amount} {view.listing.quote}",
            f"{start} {view.word} {amount}",
            f"{start} {view.word}",
        )
    style = Style.GREEN if scene.live else Style.BLUE
    return press(labels, ConfirmTicket(ticket_id=offer.ticket_id), style)


def _amount(view: TicketView) -> Decimal:
    offer = view.ticket
    is_spending = offer.side is OrderSide.BUY and not view.is_exit
    return offer.cost_max if is_spending else offer.cost


def edit_size(view: TicketView, presets: Sequence[Decimal]) -> Screen:
    """Offer other sizes: a choice voids the ticket and makes a new one at the price then."""
    offer, scene, about = view.ticket, view.scene, view.listing
    name = offer.ticket_id
    unit = PresetUnit.PERCENT if view.is_exit else PresetUnit.NOTIONAL
    ending = "%" if view.is_exit else f" {about.quote}"
    buttons = [
        press(
            (f"{figures.trimmed(amount)}{ending}", figures.trimmed(amount)),
            ResizeTicket(ticket_id=name, unit=unit, amount=amount),
        )
        for amount in presets
    ]
    side, asset = offer.side.value, about.base.lower()
    example = f"/{side} {asset} 50%" if view.is_exit else f"/{side} {asset} 250 usdt"
    return Screen(
        text=text_of(
            title_line(
                (f"{_verb(view)} how much {shortened(about.base, 8)}?", "How much?"),
                sign=Sign.WAITING,
                live=scene.live,
            ),
            f"Now {plain_text(what(view))}. A new size voids this",
            "ticket and makes a new one.",
            f"Or type it: {code(example)}",
            f"Until {bold(figures.clock(offer.expires_at, scene.tz, scene.now))}"
            f" ({figures.age(view.rest)}) · {code(offer.short_id)}",
        ),
        rows=(
            *in_threes(buttons),
            row(
                press("Back", BackToTicket(ticket_id=name)),
                press("Cancel", CancelTicket(ticket_id=name)),
            ),
        ),
    )


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
            f"{_verb(view)} sent once to {plain_text(about.venue_title)} at {at}.",
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
            return ticket(view)
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
