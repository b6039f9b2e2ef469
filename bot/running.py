"""Running: the console as the environment configures it, on the venues' real public prices."""

import asyncio

from bot import collector
from bot.app import App
from bot.assembly import AccountPlan, Parts, assembled
from bot.clock import SystemClock, local_zone
from bot.live import StateLater, check_venues, live_venues
from bot.markets import market_store, shelf_of
from bot.plans import ChatPlan
from bot.settings import Settings
from engine.confirming import ConfirmPolicy
from engine.markets.group import MarketGroup
from engine.markets.listing import MarketSource
from engine.markets.public import PublicMarket
from engine.runtime import ExecutionMode
from engine.venues.live.market_store import MarketStore


def account_plan(settings: Settings) -> AccountPlan:
    """Give the account that the settings describe.

    Raises: CommandRefused for a venue that cannot be traded live.
    """
    mode = ExecutionMode(settings.mode)
    if mode is ExecutionMode.LIVE:
        check_venues(settings.venues)
    return AccountPlan(
        mode=mode,
        database_url=settings.database_url.reveal(),
        accounts=tuple(venue.venue for venue in settings.venues),
        market="public",
        currency=settings.paper_balance.currency,
        cash=settings.paper_balance.amount,
        limits=settings.limits,
        confirm=ConfirmPolicy(mode=settings.confirm, tiers=settings.confirm_tiers),
        scaling=settings.scaling,
        owners=settings.owners,
        drills=settings.drills,
        stops_watched=tuple(each.venue for each in settings.venues if not each.rests_stops),
        emergency_file=settings.emergency_file,
        redis_url=settings.redis_url,
        streams=settings.streams,
        kept=settings.kept,
        day_starts=settings.day_starts,
        cash_currencies=settings.cash_currencies,
    )


def public_market(settings: Settings, metadata: MarketStore) -> MarketGroup:
    """Give the venues' real public prices, as one market."""
    clock = SystemClock()
    return MarketGroup(
        markets={
            venue.venue: PublicMarket(
                venue=venue.venue,
                clock=clock,
                metadata=metadata,
                api_url=venue.api_url,
                sandbox=venue.sandbox,
            )
            for venue in settings.venues
        }
    )


async def run_console(settings: Settings, stopping: asyncio.Event) -> BaseException | None:
    """Run until asked to stop; give the engine's fault if it stopped by itself.

    Raises: CommandRefused, TokenRefused, TelegramUnreachable, JournalError, PortTaken.
    """
    assert settings.telegram_token is not None, "run has its token, or its settings are refused"
    plan = account_plan(settings)
    chat = ChatPlan(
        token=settings.telegram_token,
        api_url=settings.telegram_api_url,
        operators=settings.operators,
        port=settings.port,
        metrics_token=settings.metrics_token,
        tz=local_zone(),
        secret_key=settings.secret_key,
    )
    metadata = market_store(SystemClock(), shelf_of(settings))
    # By the time the journal is open, a first start's markets are half loaded.
    metadata.prepare(
        MarketSource(venue=venue.venue, api_url=venue.api_url, sandbox=venue.sandbox)
        for venue in settings.venues
    )
    market = public_market(settings, metadata)
    later = StateLater()
    live = plan.mode is ExecutionMode.LIVE
    parts = Parts(accounts=live_venues(settings, metadata, later)) if live else None
    assembly = assembled(plan, market, candles=market, parts=parts)
    later.read = lambda: assembly.engine.state
    later.holds_lease = assembly.lease.is_held
    app = App(assembly, chat)
    if settings.stands_by and not await app.stand_by(stopping):
        return None
    await app.start()
    collector.settle()
    return await app.run(stopping)
