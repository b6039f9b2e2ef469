"""Health lines: each venue in one line, as the board and /venues write it."""

from collections.abc import Sequence

from bot.screens import figures
from bot.screens.layout import plain_text
from bot.views.health import VenueHealth
from bot.views.scene import Scene, venue_title


def health_lines(
    venues: Sequence[VenueHealth], scene: Scene, *, breakers: bool = False
) -> tuple[str, ...]:
    """Say for each venue how fresh its prices and its answers are."""
    all_stale = bool(venues) and all(venue.is_stale for venue in venues) and not breakers
    return tuple(_line(venue, scene, all_stale=all_stale) for venue in venues)


def _line(health: VenueHealth, scene: Scene, *, all_stale: bool) -> str:
    name = plain_text(venue_title(health.venue))
    quote_age = health.quote_age(scene.now)
    if quote_age is None or health.quote_at is None:
        return f"❓ {name} has sent no quote yet"
    if health.silent_since is not None and not all_stale:
        silent = figures.age(scene.now - health.silent_since)
        since = figures.clock(health.silent_since, scene.tz, scene.now)
        held = ", ".join(plain_text(listing.base) for listing in health.held)
        return f"⚠️ {name} silent {silent}" + (f", {held} as of {since}" if held else "")
    if health.is_stale:
        return f"❓ {name} last quote {figures.clock(health.quote_at, scene.tz, scene.now)}"
    orders_age = health.orders_age(scene.now)
    told = f"✅ {name} quotes {figures.age(quote_age)}"
    return told if orders_age is None else f"{told}, orders {figures.age(orders_age)}"


def market_line(scene: Scene) -> str:
    """Say which prices these are."""
    if scene.simulated:
        return "Prices: simulated market."
    return "Prices: the venues' public data."
