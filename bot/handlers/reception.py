"""Reception: the desk put together from its parts, so that nobody else needs to know them."""

from collections.abc import Callable
from datetime import tzinfo

from bot.chat_order import ChatOrder
from bot.console import Console
from bot.handlers.closing import Closing
from bot.handlers.codes import Codes
from bot.handlers.desk import Desk
from bot.handlers.factors import Factors
from bot.handlers.guiding import Guiding
from bot.handlers.limiting import Limiting
from bot.handlers.moving import Moving
from bot.handlers.outcomes import Outcomes
from bot.handlers.pages import Pages
from bot.handlers.scoping import Scoping
from bot.handlers.settling import Settling
from bot.handlers.stopping import Stopping
from bot.handlers.ticketing import Ticketing
from bot.handlers.trading import Trading
from bot.handlers.visits import Sender, Sight
from bot.menus import Menus
from bot.second_factor import SecondFactor
from bot.secret import Secret
from bot.views.board import Fault
from bot.views.health import VenueHealth
from engine.ports import Clock
from storage.cards import Cards
from storage.notes import Notes
from storage.queries import Queries


def desk_of(
    *,
    console: Console,
    clock: Clock,
    tz: tzinfo,
    sender: Sender,
    cards: Cards,
    notes: Notes,
    queries: Queries,
    draw: Callable[[int], bytes],
    secret_key: Secret | None = None,
    menus: Menus,
    health: Callable[[], tuple[VenueHealth, ...]],
    version: str,
    order: ChatOrder | None = None,
    fault: Callable[[], Fault | None] = lambda: None,
) -> Desk:
    """Wire the handlers; `order` is shared with the alerts that speak to the same chats.

    Long because each part is named once.
    """
    sight = Sight(console=console, clock=clock, tz=tz)
    outcomes = Outcomes(sight=sight, cards=cards, notes=notes, order=order or ChatOrder())
    trading = Trading(sight=sight, outcomes=outcomes, notes=notes)
    closing = Closing(sight=sight, outcomes=outcomes, trading=trading, queries=queries)
    scoping = Scoping(sight=sight, outcomes=outcomes, trading=trading)
    factor = SecondFactor(notes=notes, key=secret_key, clock=clock, draw=draw)
    codes = Codes(sight=sight, factor=factor, notes=notes)
    ticketing = Ticketing(
        sight=sight,
        outcomes=outcomes,
        trading=trading,
        codes=codes,
        cards=cards,
        queries=queries,
    )
    pages = Pages(
        sight=sight,
        closing=closing,
        trading=trading,
        queries=queries,
        health=health,
        fault=fault,
        version=version,
    )
    return Desk(
        sight=sight,
        sender=sender,
        trading=trading,
        ticketing=ticketing,
        guiding=Guiding(sight=sight, trading=trading),
        closing=closing,
        moving=Moving(sight=sight, outcomes=outcomes, closing=closing, notes=notes),
        stopping=Stopping(sight=sight, outcomes=outcomes, trading=trading, scoping=scoping),
        scoping=scoping,
        limiting=Limiting(sight=sight, trading=trading, codes=codes),
        pages=pages,
        settling=Settling(
            sight=sight,
            outcomes=outcomes,
            trading=trading,
            pages=pages,
            queries=queries,
            menus=menus,
        ),
        codes=codes,
        factors=Factors(sight=sight, outcomes=outcomes, codes=codes, factor=factor),
        queries=queries,
    )
