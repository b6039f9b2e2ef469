"""E4 to E6, M1 to M4: refusals, each with what would pass; popups that leave the card alone."""

from datetime import datetime
from decimal import Decimal

from bot.callbacks import Dismiss
from bot.screens import figures
from bot.screens.layout import (
    ButtonView,
    Screen,
    Sign,
    code,
    in_threes,
    in_twos,
    line,
    panel,
    plain_text,
    press,
    quote,
    row,
    shortened,
    text_of,
    title_line,
)
from bot.views.refusals import (
    RefusedView,
    TooSmallView,
    WrongStopView,
    passing_button,
)
from bot.views.scene import Scene
from bot.views.tickets import DeniedView, TicketView
from engine.orders import OrderSide
from engine.tickets import TicketStatus

POPUP_MAX = 200
_CANCEL = row(press("Cancel", Dismiss()))


def popup(text: str) -> str:
    """Fit a text into a button's popup, 200 characters; a longer one ends in a dot-dot-dot."""
    return text if len(text) <= POPUP_MAX else f"{text[: POPUP_MAX - 1]}…"


def already_used(view: TicketView) -> str:
    """E4: say that a ticket had its one outcome; the card stays."""
    offer, order, scene = view.ticket, view.order, view.scene
    ended = offer.ended_at or scene.now
    at = figures.clock(ended, scene.tz, scene.now)
    if offer.status is TicketStatus.APPROVED:
        by = "you" if view.ended_by_viewer else (offer.ended_by or "somebody")
        sent = order.submitted_at if order is not None else ended
        name = order.short_id if order is not None else offer.short_id.replace("T-", "O-")
        when = figures.clock(sent or ended, scene.tz, scene.now)
        return popup(
            f"Already used. {offer.short_id} was confirmed by {by} at {when} and sent once,"
            f" as {name}. This tap did nothing."
        )
    word = {
        TicketStatus.EXPIRED: "Expired",
        TicketStatus.CANCELED: "Cancelled",
        TicketStatus.MOVED: "Price moved",
        TicketStatus.DENIED: "Denied",
    }.get(offer.status, "Ended")
    return popup(f"{word}. {offer.short_id} ended at {at}. Nothing was sent. This tap did nothing.")


def not_yours(view: TicketView) -> str:
    """E5: say whose ticket it is; the card stays."""
    offer = view.ticket
    return popup(
        f"Not yours. {offer.short_id} was made for {offer.actor}; only an owner may confirm it."
        " This tap did nothing."
    )


def not_from_here(what: str = "This button") -> str:
    """Say that a button or a person is not one this console knows here."""
    return popup(f"{what} is not from here. This tap did nothing.")


def role_lacking(role_needed: str) -> str:
    """Say which role an action needs."""
    return popup(f"This needs the role {role_needed}. This tap did nothing.")


def gone(what: str) -> str:
    """Say that what a button names is no longer there, for example a closed position."""
    return popup(f"{what} is no longer open. This tap did nothing.")


def no_change(now: datetime, scene: Scene) -> str:
    """Answer a Refresh that found nothing new."""
    return f"No change, {figures.clock(now, scene.tz)}"


def denied(view: DeniedView) -> Screen:
    """E6: give every reason with its numbers, what would pass, and a button that does it."""
    scene, about = view.scene, view.listing
    side = view.side.value if view.side is not None else "trade"
    base = shortened(about.base, 8)
    number = len(view.breaches)
    amount = "Nothing was sent."
    if view.notional is not None:
        worth = f"{figures.money(view.notional)} {plain_text(about.quote)}"
        amount = f"{worth}. Nothing was sent."
    rules = figures.count(number, "rule")
    reasons = [breach.sentence.removesuffix(".") for breach in view.breaches]
    if number > 1:
        reasons = [f"{place}. {text}" for place, text in enumerate(reasons, start=1)]
    button = passing_button(view)
    rows = [_CANCEL]
    if button is not None and view.passing is not None and scene.may_trade:
        passing = figures.money(view.passing)
        labels = (f"Ticket for {passing} {about.quote}", f"Ticket for {passing}", "Passing ticket")
        rows.insert(0, row(press(labels, button)))
    return Screen(
        text=text_of(
            title_line(
                (f"Denied: {side} {base}, {rules}", f"Denied: {side} {base}", "Denied"),
                sign=Sign.STOPPED,
                live=scene.live,
            ),
            amount,
            quote(*(plain_text(text) for text in reasons)),
            _passing(view),
            _way_out(view),
        ),
        rows=tuple(rows),
    )


def _passing(view: DeniedView) -> str | None:
    known = [
        (place, breach)
        for place, breach in enumerate(view.breaches, start=1)
        if breach.passes is not None
    ]
    about = view.listing
    if not known:
        return None
    if len(view.breaches) == 1:
        passes = figures.money(known[0][1].passes or Decimal(0))
        return f"Would pass: <b>{passes} {plain_text(about.quote)}</b>"
    rows = [
        line(
            shortened(f"{place} {_RULES.get(breach.rule, breach.rule.replace('_', ' '))}", 9),
            figures.money(breach.passes),
            about.quote,
        )
        for place, breach in known[:8]
        if breach.passes is not None
    ]
    text = f"Would pass, each rule alone:\n{panel(*rows)}"
    if view.passing is None:
        return text
    all_ = {2: "Both", 3: "All three"}.get(len(view.breaches), f"All {len(view.breaches)}")
    return f"{text}\n{all_}: <b>{figures.money(view.passing)} {plain_text(about.quote)}</b>"


def _way_out(view: DeniedView) -> str | None:
    """Say what lifts a halt: no smaller order would pass, and STOP is nothing to work around."""
    held = [b for b in view.breaches if b.rule == "trading_state"]
    if not held:
        return None
    is_owner, why = view.scene.is_owner, held[0].sentence
    if "breaker tripped" in why:
        return "/risk, then Breakers, re-arms it." if is_owner else "An owner may re-arm it."
    if ": set by" in why:
        return "/resume and its name asks to go on." if is_owner else "An owner may /resume it."
    if held[0].value != "halted":
        return None
    return "/resume allows entries again." if is_owner else "An owner may /resume."


_RULES = {
    "order_size": "size",
    "concentration": "share",
    "balance": "free",
    "minimum": "least",
    "maximum": "most",
}


def refused(view: RefusedView) -> Screen:
    """M1, M4: say what cannot run and why, with examples to copy and buttons that do it."""
    scene = view.scene
    buttons = [press(shortened(choice.label, 17), choice.button) for choice in view.choices[:6]]
    is_short = all(len(choice.label) <= 9 for choice in view.choices)
    rows = in_threes(buttons) if len(buttons) > 2 and is_short else in_twos(buttons)
    return Screen(
        text=text_of(
            title_line((view.title, shortened(view.title, 25)), sign=Sign.STOPPED, live=scene.live),
            *(plain_text(text) for text in view.sentences),
            "Tap one to copy:" if view.examples else None,
            "",
            *(code(example) for example in view.examples),
        ),
        rows=(*rows, _CANCEL) if rows else (),
    )


def too_small(view: TooSmallView) -> Screen:
    """M2: name the venue's minimum and the nearest size that passes."""
    scene, about = view.scene, view.listing
    base, currency = shortened(about.base, 8), plain_text(about.quote)
    asked, least = figures.money(view.asked), figures.money(view.least)
    step = f", in steps of {figures.quantity(about.step)}" if about.step is not None else ""
    cost = figures.money(view.cost)
    labels = (f"Ticket for {cost} {about.quote}", f"Ticket for {cost}", "Smallest ticket")
    return Screen(
        text=text_of(
            title_line(
                (f"Too small: {asked} {shortened(about.quote, 5)}", "Too small"),
                sign=Sign.STOPPED,
                live=scene.live,
            ),
            f"Nothing was sent. {plain_text(about.venue_title)} takes {least} {currency} or more"
            f" of {plain_text(base)}{step}.",
            panel(
                line("Nearest", figures.quantity(view.nearest), base),
                line("Cost", cost, about.quote),
            ),
        ),
        rows=(row(press(labels, view.button)), _CANCEL),
    )


def wrong_stop(view: WrongStopView) -> Screen:
    """M3: say on which side the stop belongs, and offer two that pass."""
    scene, about = view.scene, view.listing
    is_buy = view.side is OrderSide.BUY
    where, other = ("above", "below") if is_buy else ("below", "above")
    tick = about.tick
    buttons: list[ButtonView] = []
    rows = [
        line("Stop", figures.price(view.stop, tick), "yours"),
        line(
            "Quote",
            figures.mid(view.quote.mid, tick),
            figures.age(view.quote.age_s(scene.now)),
        ),
    ]
    for percent, price, button in view.passing:
        written = figures.price(price, tick)
        rows.append(line(f"{percent}% {other}", written, "passes"))
        buttons.append(press((f"Stop {written}", f"Stop {percent}%"), button))
    what = "A buy has its stop below." if is_buy else "A short has its stop above."
    return Screen(
        text=text_of(
            title_line(f"Stop {where} the price", sign=Sign.STOPPED, live=scene.live),
            f"Nothing sent. {what}",
            panel(*rows),
        ),
        rows=(row(*buttons), _CANCEL),
    )
