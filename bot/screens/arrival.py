"""A1 to A4: the greeting and the help, and the persistent keyboard that comes with them."""

from bot.callbacks import GuidedStart, Page, Show
from bot.screens import figures
from bot.screens.health import market_line
from bot.screens.layout import (
    KeyView,
    Row,
    Screen,
    Sign,
    Style,
    bold,
    code,
    line,
    panel,
    press,
    row,
    text_of,
    title_line,
)
from bot.views.board import StartView
from bot.views.scene import Scene, venue_title
from engine.commands import Role

STATUS_KEY = "Status"
POSITIONS_KEY = "Positions"
ORDERS_KEY = "Orders"
TRADE_KEY = "Trade"
STOP_KEY = "⛔ STOP"

Keyboard = tuple[tuple[KeyView, ...], ...]


def keyboard(role: Role) -> Keyboard:
    """Give the persistent keyboard; a viewer's lacks Trade, everybody's has STOP."""
    names = [STATUS_KEY, POSITIONS_KEY, ORDERS_KEY]
    if role is not Role.VIEWER:
        names.append(TRADE_KEY)
    return (
        tuple(KeyView(text=name) for name in names),
        (KeyView(text=STOP_KEY, style=Style.RED),),
    )


def start(view: StartView) -> Screen:
    """A1, A2: say what this is, what is connected, and three things to try."""
    scene = view.scene
    what = "Ready, real money" if scene.live else "Ready, not real money"
    sign = Sign.FINE
    if view.halted:
        what, sign = "Halted. Owners may /resume", Sign.STOPPED
    amount = figures.money(view.equity) if view.equity is not None else "–"
    venues = [
        line(venue_title(health.venue), figures.age(age), "quotes")
        if (age := health.quote_age(scene.now)) is not None
        else line(venue_title(health.venue), "–", "no quote")
        for health in view.venues[:4]
    ]
    limits: list[str] = []
    if scene.live and view.order_max is not None:
        limits.append(line("Order", figures.money(view.order_max), "at most"))
    if scene.live and view.day_loss_max is not None:
        limits.append(line("Day loss", figures.money(view.day_loss_max), "at most"))
    return Screen(
        text=text_of(
            title_line(what, sign=sign, live=scene.live),
            panel(
                line("Equity", amount, scene.currency),
                *venues,
                *limits,
                line("You", str(scene.role), str(scene.user_id)),
            ),
            market_line(scene) if scene.simulated else None,
            "" if scene.simulated else None,
            *_three_things(scene),
        ),
        rows=_buttons(scene, Page.HELP),
        keyboard=keyboard(scene.role),
    )


def _three_things(scene: Scene) -> tuple[str, ...]:
    heading = bold("Try three things")
    if not scene.may_trade:
        return (heading, "1. Tap Status", "2. Tap Positions", "3. Tap STOP: it halts, then asks")
    if scene.live:
        second = "2. /risk shows every limit"
        return (heading, "1. Tap Status", second, "3. Tap STOP: it halts, then asks")
    return (
        heading,
        f"1. {code('/buy eth 100 usdt sl 2%')}",
        "2. Tap Status",
        "3. Tap STOP: it halts, then asks",
        "Real money: the README says how",
    )


def _buttons(scene: Scene, last: Page) -> tuple[Row, ...]:
    name = {Page.HELP: "Help", Page.RISK: "Risk", Page.POSITIONS: "Positions"}[last]
    shown = row(press("Status", Show(page=Page.STATUS)), press(name, Show(page=last)))
    if not scene.may_trade:
        return (shown,)
    return (row(press("Guided trade", GuidedStart())), shown)


def help_card(scene: Scene) -> Screen:
    """A3, A4: list the commands that this person may use, with examples."""
    look = (
        bold("Look"),
        "/status /positions /orders /balance",
        "/pnl /performance /signals /audit",
        "/venues /chart" if scene.may_trade else "/venues /chart /mode /alerts",
    )
    title = bold(f"Help for {'an' if scene.role is Role.OWNER else 'a'} {scene.role}")
    stop = (bold("Stop"), "/stop halts new entries at once")
    if not scene.may_trade:
        return Screen(
            text=text_of(
                title,
                "",
                *stop,
                "You may always stop. Owners resume.",
                *look,
                "",
                "To trade you need the role trader.",
            ),
            rows=_buttons(scene, Page.POSITIONS),
        )
    owner = (bold("Owner"), "/risk limits, /mode what this is", "/resume after a stop")
    return Screen(
        text=text_of(
            title,
            "",
            *stop,
            "/flatten closes everything",
            *look,
            bold("Trade"),
            code("/buy btc 250 usdt sl 2%"),
            code("/buy btc 0.01 @ 61200"),
            code("/sell eth 50%"),
            code("/buy sol risk 1% sl 3%"),
            "/close /cancel /alerts",
            *(owner if scene.is_owner else ()),
        ),
        rows=_buttons(scene, Page.RISK),
    )
