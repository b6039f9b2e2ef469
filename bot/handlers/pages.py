"""Pages: what a person looks at. Nothing here changes anything."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from bot import callbacks as b
from bot.callbacks import Page
from bot.handlers.closing import Closing
from bot.handlers.trading import Trading
from bot.handlers.visits import Sight, Visit
from bot.parsing.arguments import chart_of
from bot.parsing.refusals import Refusal
from bot.screens import accounts
from bot.screens import records as records_screens
from bot.screens.arrival import help_card
from bot.screens.board import board
from bot.screens.breakers import breakers
from bot.screens.layout import Screen
from bot.screens.refusals import no_change
from bot.views.accounts import (
    VenuesView,
    balance_view,
    chart_view,
    mode_view,
    performance_view,
    pnl_view,
    signals_view,
)
from bot.views.board import Fault, board_view
from bot.views.breakers import breakers_view
from bot.views.health import VenueHealth
from bot.views.records import alerts_view, audit_view, event_view, risk_view
from storage.queries import Queries

AUDIT_ROWS: Final = 6
PAGES_MAX: Final = 10_000

Looked = (
    b.Show
    | b.Refresh
    | b.OpenPosition
    | b.RefreshPosition
    | b.OpenOrder
    | b.RefreshOrder
    | b.AskNow
    | b.OpenEvent
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Show every screen that is asked for.

    `health` tells how fresh the venues are, `fault` what beside them is wrong.
    """

    sight: Sight
    closing: Closing
    trading: Trading
    queries: Queries
    health: Callable[[], tuple[VenueHealth, ...]]
    fault: Callable[[], Fault | None]
    version: str

    async def screen(self, visit: Visit, page: Page, number: int = 0) -> Screen:
        """Make a page as it is now; `number` is the page of a list, 0 the first.

        Raises: JournalUnavailable.
        """
        sight, scene = self.sight, self.sight.scene(visit.person)
        state, quotes, instruments = sight.state, sight.quotes, sight.instruments
        match page:
            case Page.STATUS:
                view = board_view(
                    scene, state, quotes, instruments, self.health(), fault=self.fault()
                )
                return board(view)
            case Page.POSITIONS:
                return self.closing.positions(visit, number)
            case Page.ORDERS:
                return self.closing.orders(visit, number)
            case Page.HELP:
                return help_card(scene)
            case Page.RISK:
                return records_screens.risk(risk_view(scene, state, quotes, sight.instruments))
            case Page.BREAKERS:
                return breakers(
                    breakers_view(scene, state, quotes, instruments, sight.console.calls())
                )
            case Page.ALERTS:
                chat = state.chats.get(str(visit.chat_id))
                return records_screens.alerts(alerts_view(scene, chat))
            case Page.AUDIT:
                return await self._audit(visit, number)
            case Page.BALANCE:
                return accounts.balance(balance_view(scene, state, quotes, instruments))
            case Page.PNL:
                return accounts.pnl(pnl_view(scene, state, quotes))
            case Page.PERFORMANCE:
                return accounts.performance(performance_view(scene, state))
            case Page.SIGNALS:
                return accounts.signals(signals_view(scene, state))
            case Page.MODE:
                return accounts.mode(mode_view(scene, state, self.version))
            case Page.VENUES:
                return accounts.venues(VenuesView(scene=scene, venues=self.health()))
            case Page.CHART:
                return self._chart(visit, self._first_key())
            case _:
                assert_never(page)

    async def _audit(self, visit: Visit, number: int) -> Screen:
        """Show a page of the audit, newest first."""
        length = await self.queries.audit_length()
        pages = max(1, -(-length // AUDIT_ROWS))
        number = min(max(number, 0), pages - 1, PAGES_MAX)
        lines = await self.queries.audit(AUDIT_ROWS * (number + 1))
        shown = lines[AUDIT_ROWS * number :]
        scene = self.sight.scene(visit.person)
        events = [(line.seq, line.event) for line in shown]
        return records_screens.audit(audit_view(scene, events, page=number, pages=pages))

    async def tapped(self, visit: Visit, button: Looked) -> None:
        """Show what a button names: a new card, or the tapped one brought up to date."""
        match button:
            case b.Show(page=page):
                await visit.answer()
                await visit.reply(await self.screen(visit, page))
            case b.Refresh(page=page, number=number):
                await self._refreshed(visit, await self.screen(visit, page, number))
            case b.OpenPosition(position_id=position_id):
                await visit.answer()
                await visit.reply(self.closing.position(visit, position_id))
            case b.RefreshPosition(position_id=position_id):
                await self._refreshed(visit, self.closing.position(visit, position_id))
            case b.OpenOrder(client_order_id=client_order_id):
                await visit.answer()
                await visit.reply(await self.closing.order(visit, client_order_id))
            case b.RefreshOrder(client_order_id=client_order_id):
                await self._refreshed(visit, await self.closing.order(visit, client_order_id))
            case b.AskNow(client_order_id=client_order_id):
                # The monitor asks without pause; what a tap adds is the newest answer.
                await self._refreshed(visit, await self.closing.order(visit, client_order_id))
            case b.OpenEvent(seq=seq):
                await visit.answer()
                await self._event(visit, seq)

    async def _refreshed(self, visit: Visit, screen: Screen) -> None:
        """Edit the card; where nothing is new, only the popup says so."""
        card = visit.card
        if card is not None and card.text_html == screen.text:
            await visit.answer(no_change(self.sight.now, self.sight.scene(visit.person)))
            return
        await visit.answer()
        await visit.edit(screen)

    async def _event(self, visit: Visit, seq: int) -> None:
        stored = await self.queries.event(seq)
        if stored is None:
            await visit.reply_text("There is no such entry.")
            return
        scene = self.sight.scene(visit.person)
        await visit.reply(records_screens.audit_entry(event_view(scene, stored.seq, stored.event)))

    async def chart(self, visit: Visit, text: str) -> None:
        """Run /chart."""
        draft = chart_of(text, self.sight.market())
        if isinstance(draft, Refusal):
            await self.trading.refuse(visit, draft)
            return
        key = f"{draft.venue}:{draft.symbol}"
        await self.trading.quoted(key)
        await visit.reply(self._chart(visit, key))

    def _chart(self, visit: Visit, key: str) -> Screen:
        sight, scene = self.sight, self.sight.scene(visit.person)
        view = chart_view(scene, key, sight.state, sight.quotes, sight.instruments)
        return accounts.chart(view)

    def _first_key(self) -> str:
        """Name what a chart without a symbol shows: what is held, else what is followed."""
        held = next(iter(self.sight.state.positions), None)
        followed = next(iter(self.sight.quotes), None)
        return held or followed or next(iter(self.sight.instruments), "")
