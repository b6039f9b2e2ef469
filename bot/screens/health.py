"""Health lines: each venue in one line, as the board and /venues write it."""

from collections.abc import Sequence

from bot.screens import figures
from bot.screens.layout import Panel, line, panel, plain_text
from bot.views.health import VenueHealth
from bot.views.scene import Scene, venue_title
from engine.venues.live.vitals import VenueVitals


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


def vitals_panels(venues: Sequence[VenueHealth], scene: Scene) -> tuple[Panel, ...]:
    """Show how each live account is doing: its answers, request budget, clock and stream."""
    return tuple(panel(*_vitals(each.vitals, scene)) for each in venues if each.vitals is not None)


def _vitals(vitals: VenueVitals, scene: Scene) -> list[str]:
    typical = "" if vitals.latency_ms is None else f"~{vitals.latency_ms:.0f} ms"
    last = "none yet" if vitals.latency_last_ms is None else f"{vitals.latency_last_ms} ms"
    skew = vitals.clock_skew_ms
    rows = [
        line(venue_title(vitals.venue)),
        line("Answer", last, typical),
        line("Budget", f"{vitals.budget_left:,}", f"of {vitals.budget_max:,}"),
        line("Clock", "untold" if skew is None else f"{abs(skew)} ms", _way(skew)),
        line("Orders", "streamed" if vitals.is_streaming else "polled"),
    ]
    if vitals.dead_man_s is not None:
        armed = "armed" if vitals.is_dead_man_armed else "waits"
        rows.append(line("Dead man", armed, f"{vitals.dead_man_s} s"))
    if vitals.waiting:
        rows.append(line("Waiting", str(vitals.waiting), "requests"))
    if vitals.banned_s:
        rows.append(line("Only cancels", f"{vitals.banned_s} s"))
    if vitals.error_at is not None:
        rows.append(line("Last error", f"{figures.age(scene.now - vitals.error_at)} ago"))
    return rows


def _way(skew_ms: int | None) -> str:
    if not skew_ms:
        return ""
    return "ahead" if skew_ms > 0 else "behind"


def market_line(scene: Scene) -> str:
    """Say which prices these are."""
    if scene.simulated:
        return "Prices: simulated market."
    return "Prices: the venues' public data."
