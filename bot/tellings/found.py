"""What a venue holds beside our own: external orders, holdings, cash that flowed; adoptions."""

from datetime import timedelta
from typing import Final

from bot.callbacks import Acknowledge, Adopt, OpenPosition, size_name
from bot.screens import figures
from bot.screens.external import LINES_MAX, order_line
from bot.screens.layout import Row, Screen, Sign, plain_text, press, row, text_of, title_line
from bot.tellings.telling import Desk, Silence, Telling, Told, name_of
from bot.views.accounts import holdings_of
from bot.views.scene import Scene, venue_title
from engine.events import CashFlowed, PositionAdopted
from engine.external import FlowReason
from engine.identities import instrument_key
from engine.numbers import ZERO
from engine.state import State
from storage.cards import Card
from storage.outbox import OutboxRow

ADOPTABLE_MAX: Final = 3
SAME_CARD: Final = timedelta(seconds=30)
_FLOWS: Final = {
    FlowReason.OPENING: "Counted",
    FlowReason.DEPOSIT: "Came in",
    FlowReason.WITHDRAWAL: "Went out",
    FlowReason.FUNDING: "Swaps paid",
}


async def found_telling(desk: Desk, rows: tuple[OutboxRow, ...], card: Card | None) -> Told:
    """Sum up in one message what a venue holds that nobody here asked for, and what flowed."""
    row_, state = rows[-1], desk.state()
    venue, scene = name_of(row_), desk.scene(rows[-1].chat_id)
    flows = [event for one in rows if isinstance(event := await desk.event(one), CashFlowed)]
    lines = [_flow_line(event) for event in flows]
    external = state.external_orders.get(venue, ())
    if external:
        lines.append(f"{figures.count(len(external), 'order')} not from here, counted:")
        lines.extend(order_line(order) for order in external[:LINES_MAX])
    elif any(one.event == "ExternalOrdersSeen" for one in rows):
        lines.append("No order that is not from here is open any more.")
    held = holdings_of(state, venue)
    if held:
        shown = ", ".join(
            f"{figures.quantity(q)} {plain_text(name)}" for name, q in held[:LINES_MAX]
        )
        lines.append(f"Holdings, never sold from here: {shown}")
    name = venue_title(venue)
    title = title_line((f"Found at {name}", "Found at the venue"), sign=Sign.LOOK, live=scene.live)
    age = scene.now - card.at if card is not None else SAME_CARD
    return Telling(
        screen=Screen(text=text_of(title, *lines), rows=_adoptions(scene, state, desk, venue)),
        fresh=age >= SAME_CARD,
    )


def _flow_line(event: CashFlowed) -> str:
    amount = f"{figures.signed_money(event.amount)} {plain_text(event.currency)}"
    return f"{_FLOWS[event.reason]} {amount}, cash is {figures.money(event.cash)}."


def _adoptions(scene: Scene, state: State, desk: Desk, venue: str) -> tuple[Row, ...]:
    if not scene.may_trade:
        return ()
    found = []
    for currency, quantity in holdings_of(state, venue):
        key = instrument_key(venue, f"{currency}/{state.currency}")
        instrument, quote = desk.instruments.get(key), desk.latest.get(key)
        if instrument is None or quote is None or instrument.is_dust(quantity, quote.bid):
            continue
        label = f"Adopt {figures.quantity(quantity)} {currency}"
        found.append(row(press(label[:28], Adopt(key=key, seen=size_name(quantity)))))
    return tuple(found[:ADOPTABLE_MAX])


async def account_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """Shout that an account is halted: somebody else sends orders under our names."""
    state, venue = desk.state(), name_of(rows[-1])
    why = state.accounts_halted.get(venue)
    if why is None:
        return Silence(reason="resumed since")
    scene, name = desk.scene(rows[-1].chat_id), venue_title(venue)
    text = text_of(
        title_line((f"Halted: {name}", "Halted"), sign=Sign.STOPPED, live=scene.live),
        plain_text(f"{why[0].upper()}{why[1:]}."),
        "Another process may trade this account, or a backup was restored.",
        "No entries go there until an owner resumes. Exits and STOP work.",
    )
    return Telling(screen=Screen(text=text), fresh=True)


async def adopted_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """J5: a position that was not opened here, adopted by a tap or found by its fills."""
    name, state = name_of(rows[-1]), desk.state()
    held, event = state.position(name), await desk.event(rows[-1])
    scene = desk.scene(rows[-1].chat_id)
    if held is None:
        if not isinstance(event, PositionAdopted):
            return Silence(reason="closed since")
        base = event.key.partition(":")[2].partition("/")[0]
        title = title_line((f"Adopted: no {base} left", "Adopted"), sign=Sign.LOOK, live=scene.live)
        return Telling(screen=Screen(text=text_of(title, "The venue holds none.")), fresh=True)
    base = held.symbol.partition("/")[0][:10]
    way = "long" if held.quantity > ZERO else "short"
    waits = held.key in state.unexplained
    word = "Adopted" if isinstance(event, PositionAdopted) else "Not from here"
    size = figures.quantity(abs(held.quantity))
    title = title_line((f"{word}: {base} {way} {size}", word), sign=Sign.LOOK, live=scene.live)
    text = text_of(
        title,
        f"{plain_text(venue_title(held.venue))} {plain_text(held.symbol)}",
        "Counted, never closed by itself. It has no stop."
        if held.stop is None
        else "Counted, and its stop is watched.",
        f"<b>Blocked</b> {plain_text(base)} entries, until acknowledged" if waits else None,
    )
    taps = [press("Position", OpenPosition(position_id=name))]
    if waits and scene.may_trade:
        taps.append(press("Acknowledge", Acknowledge(subject=f"position:{name}")))
    return Telling(screen=Screen(text=text, rows=(row(*taps),)), fresh=True)
