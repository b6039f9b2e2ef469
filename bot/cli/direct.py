"""An account assembled from its own journal, for a shell that finds no running process.

Mode, accounts, market and limits are what the journal says, so that a changed setting cannot stand
between a person and flat.
"""

from typing import Final

from bot.assembly import AccountPlan, Assembly, Parts, assembled
from bot.cli.refusal import CommandRefused
from bot.clock import SystemClock
from bot.live import StateLater, live_venues
from bot.markets import market_store, shelf_of
from bot.settings import Settings
from engine.markets.group import Market, MarketGroup
from engine.markets.public import PublicMarket
from engine.markets.simulated import SimulatedMarket
from engine.ports import Clock, Quotes
from engine.runtime import ExecutionMode
from engine.state import JournalIdentity, State
from engine.venues.live.market_store import MarketStore
from storage.database import Database
from storage.journal import SqlJournal
from storage.presence import holds_journal

SIMULATED: Final = "simulated:"


async def assembly_of_journal(database_url: str, settings: Settings) -> Assembly:
    """Wire the account of a journal; the settings give addresses of venues only.

    Raises: CommandRefused for a journal that was never used, JournalError.
    """
    state = await _state_of(database_url)
    journal = state.journal
    if journal is None:
        raise CommandRefused("The journal is empty: nothing was ever traded here.")
    clock = SystemClock()
    mode = ExecutionMode(journal.mode)
    plan = AccountPlan(
        mode=mode,
        database_url=database_url,
        accounts=journal.accounts,
        market=journal.market,
        currency=journal.currency,
        cash=settings.paper_balance.amount,
        limits=state.ceilings,
        confirm=state.confirm,
        scaling=state.scaling,
        emergency_file=settings.emergency_file,
        owners=state.owners,
    )
    metadata = market_store(clock, shelf_of(settings))
    market = _market_of(journal, settings, clock, metadata)
    if mode is ExecutionMode.PAPER:
        return assembled(plan, market, clock)
    later = StateLater()
    parts = Parts(accounts=live_venues(settings, metadata, later, any_key=True))
    assembly = assembled(plan, market, clock, parts=parts)
    later.read = lambda: assembly.engine.state
    return assembly


async def _state_of(database_url: str) -> State:
    database = Database(database_url, is_reader=True)
    try:
        await database.open()
        if not await database.read(holds_journal):
            return State()
        return await SqlJournal(database).open()
    finally:
        await database.close()


def _market_of(
    journal: JournalIdentity, settings: Settings, clock: Clock, metadata: MarketStore
) -> Quotes:
    markets: dict[str, Market] = {}
    known = {venue.venue: venue for venue in settings.venues}
    for account in journal.accounts:
        if journal.market.startswith(SIMULATED):
            seed = int(journal.market.removeprefix(SIMULATED))
            markets[account] = SimulatedMarket(venue=account, clock=clock, seed=seed)
        else:
            venue = known.get(account)
            markets[account] = PublicMarket(
                venue=account,
                clock=clock,
                metadata=metadata,
                api_url=None if venue is None else venue.api_url,
                sandbox=venue is not None and venue.sandbox,
            )
    return MarketGroup(markets=markets)
