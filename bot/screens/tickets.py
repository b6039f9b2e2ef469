"""D1 to D8: a ticket, what is asked for it, and other sizes for it."""

from collections.abc import Sequence
from decimal import Decimal

from bot.callbacks import (
    BackToTicket,
    CancelTicket,
    ConfirmTicket,
    EditSize,
    PresetUnit,
    ResizeTicket,
)
from bot.screens import figures
from bot.screens.layout import (
    ButtonView,
    Panel,
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
from bot.screens.levels import level_lines, plan_lines
from bot.views.tickets import TicketView
from engine.confirming import Confirmation
from engine.numbers import BPS, ONE
from engine.orders import OrderKind, OrderSide
from engine.tickets import Ask

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
            *number_panels(view),
            *plan_lines(offer.plan, scene, view.listing),
            quote(risk_line(view), *size_lines(view), *what_if_lines(view), *ask_lines(offer.asks)),
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
    return f"{verb(view)} {quantity} {shortened(view.listing.base, 10)}"


def verb(view: TicketView) -> str:
    """Say what the order does: Buy, Sell, or Sell short."""
    return {"buy": "Buy", "sell": "Sell", "short": "Sell short"}[view.word]


def _titles(view: TicketView) -> tuple[str, ...]:
    base = shortened(view.listing.base, 10)
    return f"{what(view)}?", f"{verb(view)} {base}?"


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


def number_panels(view: TicketView) -> tuple[Panel, ...]:
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


def risk_line(view: TicketView) -> str | None:
    """Say what its stop costs, in money and as a share of equity; None for an exit."""
    offer = view.ticket
    if view.is_exit:
        return None
    if offer.stop_pnl is None:
        return "No stop is set"
    risk = bold(f"{figures.money(abs(offer.stop_pnl))} {view.listing.quote}")
    if offer.risk_pct is None:
        return f"Risk {risk}"
    return f"Risk {risk}, {figures.percent(offer.risk_pct)} of equity"


def size_lines(view: TicketView) -> tuple[str, ...]:
    """Say by what a strategy's amount was multiplied, and why; nothing where by nothing."""
    seen = view.ticket.scaling
    if seen is None or seen.share == ONE:
        return ()
    why = [f"confidence {figures.fixed(seen.confidence, 2)}"] if seen.by_confidence < ONE else []
    if seen.by_volatility < ONE and seen.volatility_pct is not None:
        why.append(f"moves {figures.percent(seen.volatility_pct)} a day")
    if seen.by_drawdown < ONE:
        why.append(f"drawdown {figures.percent(seen.drawdown_pct)}")
    return (plain_text(f"Size {figures.fixed(seen.share, 2)}x: {', '.join(why)}"),)


def what_if_lines(view: TicketView) -> tuple[str, ...]:
    """Write what it would do at the worst: exposure, the coin, and the drawdown at its stop."""
    seen = view.ticket.what_if
    if seen is None:
        return ()
    lines = [
        _moved("Gross", seen.gross_pct, seen.gross_pct_after, seen.gross_pct_max),
        _moved(
            f"{shortened(view.listing.base, 8)} share",
            seen.coin_pct,
            seen.coin_pct_after,
            seen.coin_pct_max,
        ),
    ]
    if seen.drawdown_pct_after is not None:
        now, then = figures.percent(seen.drawdown_pct), figures.percent(seen.drawdown_pct_after)
        most = figures.trimmed(seen.drawdown_pct_max)
        lines.append(f"Drawdown at the stop {now} to {then}, limit {most}%")
    return tuple(plain_text(each) for each in lines)


def _moved(name: str, before: Decimal, after: Decimal, limit: Decimal) -> str:
    first, then = figures.fixed(before, 1), figures.fixed(after, 1)
    return f"{name} {first}% to {then}%, limit {figures.trimmed(limit)}%"


def ask_lines(asks: Sequence[Ask]) -> tuple[str, ...]:
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
    step = offer.confirmation
    amount = figures.money(offer.amount)
    labels: tuple[str, ...]
    if step is Confirmation.TYPED:
        labels = (f"{start}, then type {offer.amount_typed:f}", f"{start}, then type it")
    elif step is Confirmation.CODE:
        labels = (f"{start} {view.word}, then code", f"{start}, then code")
    elif step is Confirmation.SECOND_PERSON:
        labels = (f"{start}, then a 2nd person",)
    else:
        labels = (
            f"{start} {view.word} {amount} {view.listing.quote}",
            f"{start} {view.word} {amount}",
            f"{start} {view.word}",
        )
    style = Style.GREEN if scene.live else Style.BLUE
    return press(labels, ConfirmTicket(ticket_id=offer.ticket_id), style)


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
                (f"{verb(view)} how much {shortened(about.base, 8)}?", "How much?"),
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
