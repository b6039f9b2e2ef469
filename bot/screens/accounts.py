"""Balance, PnL, performance, signals, mode, venues and a symbol's price, as text cards."""

from decimal import Decimal
from typing import Final

from bot.callbacks import OpenPosition, Page, Refresh, Show
from bot.screens import figures
from bot.screens.codes import factor_line, factor_rows
from bot.screens.external import LINES_MAX
from bot.screens.health import health_lines, market_line, vitals_panels
from bot.screens.layout import (
    Row,
    Screen,
    Sign,
    bold,
    code,
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
from bot.screens.levels import level_lines
from bot.views.accounts import (
    BalanceView,
    ChartView,
    ModeView,
    PerformanceView,
    PnlView,
    SignalsView,
    Spread,
    VenuesView,
)
from bot.views.scene import Scene, venue_title
from engine.orders import OrderStatus

_PURSES_MAX = 3


def _as_of(scene: Scene) -> str:
    return f"As of {figures.clock(scene.now, scene.tz)}"


def _refresh(page: Page) -> tuple[Row, ...]:
    return (row(press("Refresh", Refresh(page=page))),)


def balance(view: BalanceView) -> Screen:
    """Show cash and what of it is free, what is held, and the equity of both."""
    scene, worth = view.scene, view.worth
    rows: list[str | None] = []
    for purse in view.purses[:_PURSES_MAX]:
        currency = shortened(purse.currency, 8)
        rows.append(line(venue_title(purse.venue), figures.money(purse.cash), currency))
        rows.append(line("Free", figures.money(purse.free), currency))
    if worth is not None:
        rows.append(line("Held", figures.signed_money(worth.equity - worth.cash), scene.currency))
        rows.append(line("Gross", figures.money(worth.gross), scene.currency))
        rows.append(line("Equity", figures.money(worth.equity), scene.currency))
    elif view.equity is not None:
        rows.append(line("Equity", figures.money(view.equity.equity), "frozen"))
    amount = worth.equity if worth is not None else view.equity.equity if view.equity else None
    what = "Balance"
    if amount is not None:
        what = f"Balance {figures.money(amount)} {scene.currency}"
    more = len(view.purses) - _PURSES_MAX
    return Screen(
        text=text_of(
            title_line((what, "Balance"), sign=Sign.FINE, live=scene.live),
            panel(*rows) if rows else "No cash is booked yet.",
            f"and {more} more purses" if more > 0 else None,
            "Held: spot at the mark, swaps by PnL.",
            quote(*_holdings(view)),
            _as_of(scene),
        ),
        rows=_refresh(Page.BALANCE),
    )


def _holdings(view: BalanceView) -> list[str]:
    if not view.holdings:
        return []
    lines = [
        plain_text(f"{venue_title(venue)}: {figures.quantity(quantity)} {shortened(currency, 12)}")
        for venue, currency, quantity in view.holdings
    ]
    left = len(lines) - LINES_MAX
    more = [f"and {left} more"] if left > 0 else []
    return ["Holdings, not counted, never sold:", *lines[:LINES_MAX], *more]


def pnl(view: PnlView) -> Screen:
    """Show the day's PnL, what of it is closed and open, and the drawdown."""
    scene, equity, tally = view.scene, view.equity, view.tally
    share = equity.day_pct if equity is not None else None
    if equity is None or share is None:
        title = title_line("PnL: not measured yet", sign=Sign.UNKNOWN, live=scene.live)
        return Screen(text=text_of(title, _as_of(scene)), rows=_refresh(Page.PNL))
    limit = f"of {figures.trimmed(view.drawdown_pct_max)}%"
    written = figures.signed_money(equity.day_pnl)
    won = f"{tally.won} won, {tally.lost} lost." if tally.closed_trades else "No trade closed yet."
    return Screen(
        text=text_of(
            title_line(
                (f"Today {written} {scene.currency}", f"Today {written}", "Today"),
                sign=Sign.FINE,
                live=scene.live,
            ),
            panel(
                line("Today", written, second=figures.signed_percent(share)),
                line("Realised", figures.signed_money(tally.realised_pnl), "closed"),
                line("Open PnL", figures.signed_money(view.open_pnl), "at mark")
                if view.open_pnl is not None
                else None,
                line("Fees", figures.signed_money(-tally.fees), scene.currency),
                "",
                line("Equity", figures.money(equity.equity), scene.currency),
                line("High", figures.money(equity.high_water), scene.currency),
                line("Drawdown", figures.percent(equity.drawdown_pct), limit),
            ),
            f"{won} Volume {figures.money(tally.volume)}.",
            f"Day began at {figures.money(equity.day_open)}.",
            _as_of(scene),
        ),
        rows=(
            row(
                press("Performance", Show(page=Page.PERFORMANCE)),
                press("Refresh", Refresh(page=Page.PNL)),
            ),
        ),
    )


def performance(view: PerformanceView) -> Screen:
    """Show slippage and latency percentiles of the orders that are remembered."""
    scene = view.scene
    if not view.orders:
        title = title_line("Performance: no orders yet", sign=Sign.FINE, live=scene.live)
        return Screen(text=text_of(title, _as_of(scene)), rows=_refresh(Page.PERFORMANCE))
    slip = view.slippage
    slippage: list[str] = []
    if slip is not None:
        slippage = [
            line("Slippage", figures.bps(slip.average), figures.cost_or_gain(slip.average)),
            line("p50", figures.signed(slip.p50, 1), "bps"),
            line("p95", figures.signed(slip.p95, 1), "bps"),
            line("Worst", figures.signed(slip.worst, 1), "bps"),
        ]
    for name, cost in (("Delay", view.delay), ("Shortfall", view.shortfall)):
        if cost is not None:
            average = cost.average
            slippage.append(line(name, figures.bps(average), figures.cost_or_gain(average)))
    share = figures.share(Decimal(view.filled), Decimal(view.orders))
    return Screen(
        text=text_of(
            title_line(
                f"Performance, {figures.count(view.orders, 'order')}",
                sign=Sign.FINE,
                live=scene.live,
            ),
            panel(
                line("Filled", str(view.filled), share),
                line("Rejected", str(view.refused)) if view.refused else None,
                line("Fees", figures.money(view.fees), scene.currency),
                *slippage,
            ),
            panel(
                f"{'ms':<8}{'p50':>6}{'p95':>6}{'p99':>7}", *(_latency(x) for x in view.latencies)
            )
            if view.latencies
            else None,
            "Answer, first fill and done, each since the send.",
            "Slippage is against the mid at the send, + is a cost.",
            "Delay: from the signal to the send. Shortfall: all of it, fees and what did not fill "
            "included."
            if view.shortfall is not None
            else None,
            _as_of(scene),
        ),
        rows=(
            row(
                press("PnL", Show(page=Page.PNL)),
                press("Refresh", Refresh(page=Page.PERFORMANCE)),
            ),
        ),
    )


def _latency(spread: Spread) -> str:
    cells = [_ms(spread.p50), _ms(spread.p95), _ms(spread.p99)]
    return f"{spread.name:<8}{cells[0]:>6}{cells[1]:>6}{cells[2]:>7}"


def _ms(value: Decimal) -> str:
    """Write milliseconds in five characters; from 100 s on, in seconds."""
    whole = figures.fixed(value, 0).replace(",", "")
    return whole if len(whole) <= 5 else f"{figures.fixed(value / 1000, 0).replace(',', '')}s"[:6]


_STATUS_WORDS: Final = {
    OrderStatus.SUBMITTED: "sent",
    OrderStatus.NOT_SENT: "not sent",
    OrderStatus.ACCEPTED: "works",
    OrderStatus.PARTIALLY_FILLED: "partly filled",
    OrderStatus.PENDING_CANCEL: "cancelling",
    OrderStatus.CANCELED: "cancelled",
}


def signals(view: SignalsView) -> Screen:
    """List the newest signals: when, what, from whom, and what became of it."""
    scene = view.scene
    if not view.signals:
        title = title_line("No signals yet", sign=Sign.FINE, live=scene.live)
        return Screen(text=text_of(title, _as_of(scene)), rows=_refresh(Page.SIGNALS))
    lines = []
    for received, status in view.signals:
        at = figures.clock_short(received.at, scene.tz, scene.now)
        spot, swap, _ = received.signal.symbol.partition(":")
        what = f"{received.signal.action.value} {spot}{' perp' if swap else ''}"
        outcome = received.outcome or "open"
        if status is not None:
            outcome = f"{outcome} {_STATUS_WORDS.get(status, status.value)}"
        elif outcome.startswith("T-"):
            outcome = f"{outcome} waits"
        lines.append(f"{at} {plain_text(what)} {bold(outcome)}")
        lines.append(f"by {plain_text(received.actor)} · {plain_text(received.signal.strategy)}")
    return Screen(
        text=text_of(
            title_line(f"Signals, newest of {view.total}", sign=Sign.FINE, live=scene.live),
            "",
            *lines,
            "",
            _as_of(scene),
        ),
        rows=_refresh(Page.SIGNALS),
    )


def mode(view: ModeView) -> Screen:
    """Say what this is: mode, accounts, prices, journal. It only shows."""
    scene, journal = view.scene, view.journal
    what = "Real money" if scene.live else "Simulated money"
    accounts = [] if journal is None else [venue_title(name) for name in journal.accounts]
    asks = {
        "always": "every order asks",
        "risky": "risky orders ask",
        "never": "no order asks",
    }.get(view.confirm, view.confirm)
    return Screen(
        text=text_of(
            title_line(what, sign=Sign.FINE, live=scene.live),
            f"Accounts: {plain_text(', '.join(accounts)) or 'none'}. In {scene.currency}.",
            market_line(scene),
            f"Confirm: {asks}.",
            factor_line(is_enrolled=view.is_enrolled) if scene.may_trade else None,
            quote(
                "A journal belongs to one mode and its accounts for ever.",
                "EXECUTION_MODE chooses it at the start, never a chat.",
            ),
            f"Version {plain_text(view.version)}, event {view.seq:,}"
            + (f" · {code(journal.journal_id[:8])}" if journal is not None else ""),
        ),
        rows=(
            *factor_rows(scene, is_enrolled=view.is_enrolled),
            row(press("Status", Show(page=Page.STATUS)), press("Risk", Show(page=Page.RISK))),
        ),
    )


def venues(view: VenuesView) -> Screen:
    """Say how fresh each venue is, and which prices these are."""
    scene = view.scene
    troubled = [
        health
        for health in view.venues
        if health.silent_since
        or health.is_stale
        or (health.vitals is not None and health.vitals.banned_s)
    ]
    number = figures.count(len(view.venues), "venue")
    what = f"{number}, all answer" if not troubled else f"{len(troubled)} of {number} in trouble"
    reasons = [
        plain_text(f"{venue_title(health.venue)}: {shortened(health.reason, 120)}")
        for health in troubled
        if health.reason
    ]
    reasons += [
        plain_text(f"{venue_title(health.venue)}: {shortened(health.vitals.error, 120)}")
        for health in view.venues
        if health.vitals is not None and health.vitals.error and not health.reason
    ]
    return Screen(
        text=text_of(
            title_line(what, sign=Sign.LOOK if troubled else Sign.FINE, live=scene.live),
            "",
            *health_lines(view.venues, scene),
            *vitals_panels(view.venues, scene),
            quote(*reasons),
            market_line(scene),
            None if scene.live else "Orders: the paper venue, nothing leaves.",
            _as_of(scene),
        ),
        rows=_refresh(Page.VENUES),
    )


def chart(view: ChartView) -> Screen:
    """Show a symbol's price, its change over 24 h, and the levels of what is held."""
    scene, about, held, priced = view.scene, view.listing, view.position, view.quote
    name = shortened(about.base, 10)
    rows: list[str | None] = []
    age = view.quote_age
    if priced is not None and age is not None:
        rows.append(line("Price", figures.mid(priced.mid, about.tick), figures.age(age)))
        rows.append(line("Bid", figures.price(priced.bid, about.tick)))
        rows.append(line("Ask", figures.price(priced.ask, about.tick)))
        if priced.change_pct is not None:
            rows.append(line("Change", figures.signed_percent(priced.change_pct), "24 h"))
    else:
        rows.append(line("Price", "–", "no quote"))
    buttons: list[Row] = []
    if held is not None:
        way = "long" if held.is_long else "short"
        rows.append("")
        rows.append(line("Held", figures.quantity(abs(held.quantity)), way))
        rows.append(line("Entry", figures.entry(held.entry_price, about.tick)))
        if view.stop is not None:
            where = "resting" if view.stop.resting else "watched"
            rows.append(line("Stop", figures.price(view.stop.price, about.tick), where))
        room = 11 - len(rows)
        rows += level_lines(view.targets, about.tick, rows_max=max(1, room))
        buttons.append(row(press("Position", OpenPosition(position_id=held.position_id))))
    price = figures.mid(priced.mid, about.tick) if priced is not None else ""
    return Screen(
        text=text_of(
            title_line((f"{name} {price}".strip(), name), sign=Sign.FINE, live=scene.live),
            plain_text(f"{about.title} · {about.venue_title}"),
            panel(*rows),
            market_line(scene),
            _as_of(scene),
        ),
        rows=tuple(buttons),
    )
