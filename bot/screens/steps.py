"""D4, D7, D8: what comes between the tap on Confirm and the order."""

from bot.callbacks import CancelTicket, ConfirmTicket
from bot.screens import figures
from bot.screens.layout import (
    ButtonView,
    Row,
    Screen,
    Sign,
    Style,
    bold,
    code,
    plain_text,
    press,
    quote,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.screens.levels import plan_lines
from bot.screens.tickets import (
    ask_lines,
    number_panels,
    risk_line,
    size_lines,
    ticket,
    verb,
    what,
    what_if_lines,
)
from bot.views.tickets import TicketView
from engine.numbers import ONE
from engine.orders import OrderKind, OrderSide


def offered(view: TicketView) -> Screen:
    """Show an open ticket to whoever looks: to confirm, to confirm as the second, or waiting."""
    if view.ticket.confirmed_at is None:
        return ticket(view)
    return second(view) if view.is_second else waiting(view)


def typing(view: TicketView) -> Screen:
    """D4: ask for the amount, rounded up, as the one text that sends it."""
    offer, scene, about = view.ticket, view.scene, view.listing
    amount, base = f"{offer.amount_typed:f}", shortened(about.base, 8)
    verbs = {"buy": "buy", "sell": "sell", "short": "short"}[view.word]
    is_most = offer.side is OrderSide.BUY and not view.is_exit
    return Screen(
        text=text_of(
            title_line(
                (f"Type {amount} to {verbs} {base}", f"Type {amount}"),
                sign=Sign.WAITING,
                live=scene.live,
            ),
            f"{'At most' if is_most else 'Worth'} {figures.money(offer.amount)} "
            f"{plain_text(about.quote)}, rounded up.",
            "Any other text leaves it waiting.",
            _until(view),
        ),
        rows=_way_out(view, "Cancel"),
    )


def what_it_does(view: TicketView) -> str:
    """Say on D6 what the code does: It sells short 0.03 BTC at 3x."""
    offer = view.ticket
    verbs = {"buy": "buys", "sell": "sells", "short": "sells short"}[view.word]
    size = f"{figures.quantity(offer.quantity)} {shortened(view.listing.base, 8)}"
    leverage = f" at {figures.trimmed(offer.leverage)}x" if offer.leverage > ONE else ""
    return f"It {verbs} {size}{leverage}."


def second(view: TicketView) -> Screen:
    """D7: ask a second person to confirm what a first one did."""
    offer, scene, about = view.ticket, view.scene, view.listing
    first, base = _first(view), shortened(about.base, 8)
    size = f"{figures.quantity(offer.quantity)} {base}"
    kind = "market"
    if offer.kind is OrderKind.LIMIT and offer.price_limit is not None:
        kind = f"limit {figures.price(offer.price_limit, about.tick)}"
    assert offer.confirmed_at is not None, "a first person has confirmed"
    at = figures.clock(offer.confirmed_at, scene.tz, scene.now)
    return Screen(
        text=text_of(
            title_line(
                (f"{verb(view)} {base} for {first}?", f"{verb(view)} {base}?"),
                sign=Sign.WAITING,
                live=scene.live,
            ),
            plain_text(f"{size} · {about.venue_title} · {kind}"),
            *number_panels(view),
            *plan_lines(offer.plan, scene, about),
            quote(
                risk_line(view),
                *size_lines(view),
                *what_if_lines(view),
                *ask_lines(offer.asks),
                plain_text(f"{first[:1].upper()}{first[1:]} confirmed at {at}"),
            ),
            None if scene.live else "Simulated money, no order leaves.",
            _until(view),
        ),
        rows=(row(_confirm(view)), *_way_out(view, "Cancel ticket")),
    )


def waiting(view: TicketView) -> Screen:
    """D8: say that a second person was asked, and that nothing was sent."""
    offer, scene, about = view.ticket, view.scene, view.listing
    base = shortened(about.base, 10)
    most = f"at most {figures.money(offer.amount)}"
    if offer.side is OrderSide.SELL:
        most = f"worth {figures.money(offer.amount)}"
    assert offer.confirmed_at is not None, "a first person has confirmed"
    at = figures.clock(offer.confirmed_at, scene.tz, scene.now)
    owners = view.owners_asked
    asked = "1 owner" if owners == 1 else f"{owners} owners"
    who = "an owner"
    if owners == 0:
        asked, who = plain_text(offer.actor), "the trader"
    return Screen(
        text=text_of(
            title_line(
                (f"Waits for {who}: {base}", f"Waits for {who}"),
                sign=Sign.WAITING,
                live=scene.live,
            ),
            f"{plain_text(what(view))}, {most}",
            f"{asked} asked {at}, nothing sent",
            _until(view),
        ),
        rows=_way_out(view, "Cancel ticket"),
    )


def _first(view: TicketView) -> str:
    return view.ticket.confirmed_by or "somebody"


def _until(view: TicketView) -> str:
    offer, scene = view.ticket, view.scene
    end = bold(figures.clock(offer.expires_at, scene.tz, scene.now))
    return f"Until {end} ({figures.age(view.rest)}) · {code(offer.short_id)}"


def _confirm(view: TicketView) -> ButtonView:
    scene = view.scene
    start = f"Confirm {'LIVE' if scene.live else 'paper'}"
    style = Style.GREEN if scene.live else Style.BLUE
    button = ConfirmTicket(ticket_id=view.ticket.ticket_id)
    return press((f"{start} for {_first(view)}", start), button, style)


def _way_out(view: TicketView, label: str) -> tuple[Row, ...]:
    return (row(press(label, CancelTicket(ticket_id=view.ticket.ticket_id))),)
