"""Records: the daily report, and the denials of wishes that no person is waiting for."""

from decimal import Decimal

from bot.screens import figures
from bot.screens.layout import (
    Screen,
    Sign,
    code,
    line,
    panel,
    plain_text,
    quote,
    text_of,
    title_line,
)
from bot.tellings.telling import Desk, Silence, Telling, Told
from bot.views.scene import Scene
from engine.events import DayReported, OrderDenied
from engine.numbers import HUNDRED, ZERO
from storage.cards import Card
from storage.outbox import OutboxRow


async def report_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """K3: the day in figures, with its picture where there is one; it never rings."""
    event = await desk.event(rows[-1])
    if not isinstance(event, DayReported):
        return Silence(reason="no such report")
    picture = await desk.day_picture(event.day)
    screen = _report(desk.scene(rows[-1].chat_id), event)
    return Telling(screen=screen, fresh=True, quiet=True, picture=picture)


def _report(scene: Scene, event: DayReported) -> Screen:
    pnl = event.equity - event.day_open
    share = pnl / event.day_open * HUNDRED if event.day_open > ZERO else ZERO
    day = f"{event.day.day} {figures.month_name(event.day.month)}"
    incidents = figures.count(event.incidents, "incident")
    return Screen(
        text=text_of(
            title_line(
                (f"{day} {figures.signed_money(pnl)} {scene.currency}", day),
                sign=Sign.FINE,
                live=scene.live,
            ),
            panel(
                line("Closed", figures.signed_money(event.realised_pnl),
                     figures.count(event.closed_trades, "trade")),
                line("Fees", figures.signed_money(-event.fees), scene.currency),
                line("Day", figures.signed_money(pnl), second=figures.signed_percent(share)),
                line("Equity", figures.money(event.equity), scene.currency),
                _optional("Best", event.best),
                _optional("Worst", event.worst),
                line("Slippage", figures.bps(event.slippage_bps),
                     figures.cost_or_gain(event.slippage_bps))
                if event.slippage_bps is not None
                else None,
                line("Drawdown", figures.percent(event.drawdown_pct)),
            ),
            plain_text(
                f"{event.won} won, {event.lost} lost. "
                f"Volume {figures.money(event.volume)} {scene.currency}."
            ),
            f"{incidents}.",
            f"Journal {code(event.chain_head[:16])}",
        )
    )  # fmt: skip


def _optional(name: str, amount: Decimal | None) -> str | None:
    return line(name, figures.signed_money(amount)) if amount is not None else None


async def denied_telling(desk: Desk, rows: tuple[OutboxRow, ...], _card: Card | None) -> Told:
    """E6 for a strategy's wish: which rules denied it."""
    event = await desk.event(rows[-1])
    if not isinstance(event, OrderDenied):
        return Silence(reason="no such denial")
    scene = desk.scene(rows[-1].chat_id)
    base = event.symbol.partition("/")[0][:10]
    rules = figures.count(len(event.breaches), "rule")
    side = f"{event.side.value} " if event.side is not None else ""
    titles = (f"Denied: {side}{base}, {rules}", f"Denied: {base}", "Denied")
    reasons = (
        plain_text(f"{number}. {breach.sentence}")
        for number, breach in enumerate(event.breaches, start=1)
    )
    text = text_of(
        title_line(titles, sign=Sign.STOPPED, live=scene.live),
        plain_text(f"Wished by {event.actor.text}. Nothing was sent."),
        quote(*reasons),
    )
    return Telling(screen=Screen(text=text), fresh=True)
