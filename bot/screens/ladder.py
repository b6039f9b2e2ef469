"""I1 to I5: the stop ladder, from halted at once to flat and verified, or still open."""

from decimal import Decimal

from bot.callbacks import (
    Acknowledge,
    Page,
    Show,
    StopCancelStops,
    StopFlatten,
    StopFlattenExternal,
    StopLeave,
    StopRestoreStops,
)
from bot.screens import figures
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    Style,
    columns,
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
from bot.views.flatten import DustLeft, FlattenItem, FlattenStep, FlattenView
from bot.views.ladder import CanceledEntry, LadderView
from bot.views.scene import Scene, venue_title

_LINES_MAX = 30
_REALISED_MAX = 9


def halted(view: LadderView) -> Screen:
    """I1: trading is halted; ask what else to do. Pressing STOP again shows it again."""
    scene = view.scene
    return Screen(
        text=text_of(
            title_line(
                f"HALTED at {figures.clock(view.since, scene.tz)}",
                sign=Sign.STOPPED,
                live=scene.live,
            ),
            "Halted: no new entries. Exits, cancels work.",
            panel(
                line("Positions", str(view.positions), "open"),
                line("Gross", figures.money(view.gross), scene.currency),
                line("Stops", str(view.resting), "resting") if view.resting else None,
                line("Stops", str(view.watched), "watched") if view.watched else None,
                line("Stops", "0", "none") if not view.resting + view.watched else None,
                line("Entries", str(view.entries), "ending") if view.entries else None,
            ),
            quote(
                "<b>Flatten</b> closes all, then checks at the venues",
                "<b>Cancel stops</b> leaves the positions unprotected" if _stops(view) else None,
            ),
        ),
        rows=_rows(view),
    )


def _stops(view: LadderView) -> int:
    return view.resting + view.watched


def _rows(view: LadderView) -> tuple[Row, ...]:
    leave = row(press("Leave as is", StopLeave()))
    if not view.scene.may_trade:
        return (leave,)
    number = _stops(view)
    stops = f"Cancel the {number} stops too" if number > 1 else "Cancel the stop too"
    middle = (row(press(stops, StopCancelStops())),) if number else ()
    return (flatten_row(view.positions), *external_row(view.external), *middle, leave)


def external_row(external: int) -> tuple[Row, ...]:
    """Give the red button that takes away orders that nobody here sent, too, where there are."""
    if not external:
        return ()
    label = f"Flatten, cancel {external} not from here"
    return (row(press(label, StopFlattenExternal(), Style.RED)),)


def flatten_row(positions: int) -> Row:
    """Give the red button that ends all exposure; with nothing open it verifies that."""
    label = f"Flatten everything: {figures.count(positions, 'position')}"
    labels = (label, "Flatten everything") if positions else ("Flatten and verify",)
    return row(press(labels, StopFlatten(), Style.RED))


def stops_aside(view: LadderView) -> Screen:
    """I2: the stops are set aside too; say what stands unprotected."""
    scene = view.scene
    number = len(view.aside)
    rows: list[str] = []
    for item in view.aside:
        base = plain_text(shortened(item.listing.base, 10))
        if item.price is None:
            rows.append(f"✅ {base} targets")
            continue
        price = figures.price(item.price, item.listing.tick)
        sign, ending = ("✅", "") if item.is_done else ("⏳", ", cancelling")
        rows.append(f"{sign} {base} stop {price}{ending}")
    rows += [_canceled_line(entry) for entry in view.canceled]
    gross = f"{figures.money(view.gross)} {plain_text(scene.currency)}"
    heading = figures.count(view.positions, "position")
    verb = "stands" if view.positions == 1 else "stand"
    restore = "Put the stop back" if number == 1 else f"Put the {number} stops back"
    done = sum(item.is_done for item in view.aside)
    middle = (row(press(restore, StopRestoreStops())),) if number else ()
    leave = row(press("Leave as is", StopLeave()))
    return Screen(
        text=text_of(
            title_line(f"{done} of {number} stops cancelled", sign=Sign.LOOK, live=scene.live),
            "",
            *rows[:_LINES_MAX],
            "",
            f"{heading}, {gross} gross, {verb} unprotected. Still HALTED.",
        ),
        rows=(flatten_row(view.positions), *external_row(view.external), *middle, leave)
        if scene.may_trade
        else (leave,),
    )


def left_as_is(view: LadderView) -> Screen:
    """Say that everything stays as it is, halted."""
    scene = view.scene
    heading = figures.count(view.positions, "position")
    return Screen(
        text=text_of(
            title_line(
                f"HALTED at {figures.clock(view.since, scene.tz)}",
                sign=Sign.STOPPED,
                live=scene.live,
            ),
            f"Left as is: {heading}, {figures.count(_stops(view), 'stop')}.",
            "Still Halted. An owner may /resume.",
        ),
        rows=(row(press("Status", Show(page=Page.STATUS))),),
    )


def _canceled_line(entry: CanceledEntry) -> str:
    order, about = entry.order, entry.listing
    base = plain_text(shortened(about.base, 10))
    price = ""
    if order.price_limit is not None:
        price = f" {figures.price(order.price_limit, about.tick)}"
    text = f"{base} {order.side.value} {order.kind.value}{price}"
    return f"✅ {text}, cancelled at STOP" if entry.is_done else f"⏳ {text}, cancelling"


def flattening(view: FlattenView) -> Screen:
    """I3: a live line an item."""
    scene = view.scene
    closed = len(view.items) - len(view.open_items)
    running = figures.age(int((scene.now - view.since).total_seconds()))
    lines = [_entry_line(entry) for entry in view.canceled]
    lines += [_item_line(item) for item in view.items]
    if not view.open_items:
        lines.append("⏳ Asking the venues: flat?")
    return Screen(
        text=text_of(
            title_line(
                f"Flattening: {closed} of {len(view.items)} closed",
                sign=Sign.WAITING,
                live=scene.live,
            ),
            "",
            *lines[:_LINES_MAX],
            "",
            f"Running {running}, since {figures.clock(view.since, scene.tz)}",
        )
    )


def _entry_line(entry: CanceledEntry) -> str:
    base = plain_text(shortened(entry.listing.base, 10))
    return (
        f"✅ {base} entry: cancelled at STOP" if entry.is_done else f"⏳ {base} entry: cancelling"
    )


def _item_line(item: FlattenItem) -> str:
    about = item.listing
    way, done = ("long", "sold") if item.quantity > 0 else ("short", "bought back")
    size = figures.quantity(abs(item.quantity))
    head = plain_text(f"{shortened(about.base, 10)} {way} {size}")
    match item.step:
        case FlattenStep.CLOSED:
            if item.average is None:
                return f"✅ {head}: closed"
            return f"✅ {head}: {done} at {figures.average(item.average, about.tick)}"
        case FlattenStep.UNKNOWN:
            return f"❓ {head}: asking {plain_text(about.venue_title)}"
        case _:
            left = figures.quantity(item.left)
            reason = f", {plain_text(shortened(item.reason, 60))}" if item.reason else ""
            if item.done > 0:
                return f"⏳ {head}: {figures.quantity(item.done)} {done}, {left} to go{reason}"
            return f"⏳ {head}: {left} to go{reason}"


def flat(view: FlattenView) -> Screen:
    """I4: flat, verified at every venue."""
    scene = view.scene
    rows = [_realised_line(item) for item in view.items[:_REALISED_MAX] if item.average]
    total = sum((item.realised for item in view.items), Decimal(0))
    if rows:
        rows.append(columns("Realised with fees", figures.signed_money(total)))
    verdicts = [
        f"✅ {plain_text(venue_title(venue))} 0 orders, 0 open"
        + (f", {figures.clock(at, scene.tz)}" if at is not None else "")
        for venue, at in view.verified
    ]
    return Screen(
        text=text_of(
            title_line("FLAT, verified at venues", sign=Sign.FINE, live=scene.live),
            panel(*rows) if rows else "",
            *verdicts,
            *[_dust_line(left) for left in view.dust[:_REALISED_MAX]],
            "Flat, still HALTED. An owner may /resume.",
        ),
        rows=(row(press("Status", Show(page=Page.STATUS))),),
    )


def _dust_line(left: DustLeft) -> str:
    """Say what is too little to be sold: flat is flat but for dust."""
    base = plain_text(shortened(left.listing.base, 10))
    size = figures.signed_quantity(left.quantity) if left.quantity < 0 else ""
    return f"Dust left: {size or figures.quantity(left.quantity)} {base}, too little for an order"


def _realised_line(item: FlattenItem) -> str:
    done = "sold" if item.quantity > 0 else "back"
    base = shortened(item.listing.base, 5)
    price = figures.average(item.average or Decimal(0), item.listing.tick)
    pnl = figures.signed_money(item.realised)
    head = f"{base} {done}"
    if len(head) + 1 + len(price) <= 18:
        return line(head, price, second=pnl)
    return line(head, price) + "\n" + columns("", pnl)


def still_open(view: FlattenView) -> Screen:
    """I5: something is open after all tries; trying goes on, and the card repeats."""
    scene = view.scene
    items = view.open_items
    first = items[0] if items else None
    closed = f"{len(view.items) - len(items)} of {len(view.items)} are closed."
    silent = [
        f"{plain_text(venue_title(venue))} silent"
        + (f" for {figures.age(age)}" if age is not None else "")
        for venue, age in view.silent
    ]
    why = f"{', '.join(silent)}." if silent else "Trying goes on."
    what = "not verified"
    if first is not None:
        way = "long" if first.quantity > 0 else "short"
        what = f"{shortened(first.listing.base, 8)} {way}"
    if len(items) > 1:
        what = f"{len(items)} positions"
    tries = [line("Tried", str(view.attempt), "time" if view.attempt == 1 else "times")]
    if view.next_try_at is not None:
        tries.append(line("Next try", figures.clock(view.next_try_at, scene.tz)))
    blocks = [line_ for item in items[:3] for line_ in _open_lines(item, scene)]
    reasons = [plain_text(text) for text in view.still_open] if not items else []
    return Screen(
        text=text_of(
            title_line((f"STILL OPEN: {what}", "STILL OPEN"), sign=Sign.ALARM, live=scene.live),
            f"Still open: {why} {closed}",
            panel(*blocks[:9], *tries),
            quote(*(_by_hand(item, view) for item in items), *reasons),
            "Acknowledged. Trying goes on."
            if view.acknowledged
            else "Repeats each 60 s until acknowledged.",
        ),
        rows=_open_rows(view),
    )


def _open_lines(item: FlattenItem, scene: Scene) -> tuple[str, ...]:
    way = "long" if item.quantity > 0 else "short"
    sign = 1 if item.quantity > 0 else -1
    lines = [
        line(shortened(item.listing.base, 8), figures.signed_quantity(item.left * sign), way),
        line("Value", figures.money(item.value), scene.currency),
    ]
    if item.stop is not None:
        where = "resting" if item.stop.resting else "watched"
        lines.append(line("Stop", figures.price(item.stop.price, item.listing.tick), where))
    return tuple(lines)


def _by_hand(item: FlattenItem, view: FlattenView) -> str:
    about, scene = item.listing, view.scene
    venue = plain_text(about.venue_title)
    side = "sell" if item.quantity > 0 else "buy"
    name = plain_text(f"{about.base}{about.quote}")
    hand = f"By hand: {venue}, {name}, {side} {figures.quantity(item.left)}"
    if item.stop is None or not item.stop.resting:
        return hand
    seen = f", as last seen {figures.clock(view.seen_at, scene.tz)}" if view.seen_at else ""
    return f"Its stop still rests at {venue}{seen}.\n{hand}"


def _open_rows(view: FlattenView) -> tuple[Row, ...]:
    rows: tuple[Row, ...] = ()
    if view.scene.may_trade:
        rows = (row(press("Try now", StopFlatten())), *external_row(view.external))
    if view.acknowledged:
        return rows
    return (*rows, row(press("Acknowledge", Acknowledge(subject="flatten"))))


def flatten(view: FlattenView) -> Screen:
    """Show a flatten as it stands: I3 while it runs, I5 when it is stuck, I4 at its end."""
    if view.is_flat:
        return flat(view)
    return still_open(view) if view.still_open else flattening(view)
