"""Executions: all own trades since a time, over every symbol, window and page."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from engine.identities import instrument_key
from engine.instruments import Instrument
from engine.ports import Clock, VenueUnavailable
from engine.reports import FillReported
from engine.venues.live import calls, client_ids
from engine.venues.live.calls import Call
from engine.venues.live.capabilities_terms import Capabilities, Segment
from engine.venues.live.clients import Clients
from engine.venues.live.line import Line
from engine.venues.live.parsing import EPOCH, Unreadable, fill_reported, is_trade

PAGES_MAX: Final = 200
NAMES_MAX: Final = 5000
log = logging.getLogger("engine.venues.live.executions")


class Executions:
    """Fetch fills, and find out by which of our names a trade's order was sent."""

    def __init__(
        self,
        *,
        capabilities: Callable[[], Capabilities],
        clients: Clients,
        line: Line,
        clock: Clock,
        symbols: Callable[[], Collection[str]],
    ) -> None:
        self._capabilities = capabilities
        self._clients = clients
        self._line = line
        self._clock = clock
        self._symbols = symbols
        self._names: dict[tuple[str, str], str | None] = {}

    def learn(self, symbol: str, venue_order_id: str, client_order_id: str | None) -> None:
        """Remember the name of an order, so that its trades need not be asked about."""
        self._names[symbol, venue_order_id] = client_order_id
        if len(self._names) > NAMES_MAX:
            del self._names[next(iter(self._names))]

    async def since(self, since: datetime) -> list[FillReported]:
        """Give all own fills since a time, oldest first, each once. Raises: VenueUnavailable."""
        found: dict[str, FillReported] = {}
        # Venues stamp in milliseconds: what happened within the first one counts.
        first = EPOCH + timedelta(milliseconds=_milliseconds(since))
        for segment in self._capabilities().segments:
            for row in await self._rows(segment, since):
                report = await self._report(segment, row)
                if report is not None and report.fill.at >= first:
                    found[report.fill.identity] = report
        return sorted(found.values(), key=lambda each: (each.fill.at, each.fill.trade_id))

    def heard(self, row: Mapping[str, Any]) -> FillReported | None:
        """Read a trade of the stream; None where its order's name is not known yet."""
        symbol = str(row.get("symbol"))
        segment = calls.segment_of(self._capabilities(), symbol)
        instrument = self._instrument(symbol)
        if instrument is None or segment is None:
            return None
        named = self._known(segment, row, symbol)
        if named is _UNKNOWN:
            return None
        return self._read(row, symbol, instrument, named)

    async def _rows(self, segment: Segment, since: datetime) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        days = self._capabilities().trade_window_days
        step = None if days is None else timedelta(days=days)
        symbols, begin, now = self._symbols(), since, self._clock.now()
        while True:
            asked = calls.trades(self._capabilities(), symbols, begin, segment.kind)
            for call in asked:
                rows += await self._pages(segment, call, begin if step is None else begin + step)
            if step is None or begin + step >= now or not asked:
                return rows
            begin += step

    async def _pages(
        self, segment: Segment, call: Call, until: datetime
    ) -> list[Mapping[str, Any]]:
        """Read all trades of one question, up to a time at least.

        Of more than a page some venues show the oldest, others the newest: after a full page what
        lies before it is asked for, and what lies after it.
        Raises: VenueUnavailable when a full page shows nothing new, so the rest cannot be had.
        """
        found: dict[object, Mapping[str, Any]] = {}
        until_ms, spans = _milliseconds(until), [call]
        for _ in range(PAGES_MAX):
            if not spans:
                return [each for each in found.values() if is_trade(each)]
            asked = spans.pop()
            answer = await self._line.answer(self._clients.data, asked)
            if not isinstance(answer, list):
                raise VenueUnavailable(f"{self._line.venue} sent no list of trades")
            page = {each.get("id"): each for each in calls.mentioned(answer)}
            is_known = page.keys() <= found.keys()
            found |= page
            if len(answer) < segment.trades_page_max:
                continue
            if is_known:
                raise VenueUnavailable(f"{self._line.venue} shows one page of more trades")
            spans += _beside(asked, page.values(), until_ms)
        raise VenueUnavailable(f"{self._line.venue} has more trades than can be read at once")

    async def _report(self, segment: Segment, row: Mapping[str, Any]) -> FillReported | None:
        symbol = str(row.get("symbol"))
        instrument = self._instrument(symbol)
        if instrument is None or calls.segment_of(self._capabilities(), symbol) is None:
            log.info("a trade of something that is not traded here is left out")
            return None
        named = self._known(segment, row, symbol)
        if named is _UNKNOWN:
            named = await self._asked(segment, symbol, str(row.get("order")))
        try:
            return self._read(row, symbol, instrument, named)
        except Unreadable as fault:
            # What is left out would be lost: the whole answer counts as none.
            raise VenueUnavailable(str(fault)) from fault

    def _read(
        self, row: Mapping[str, Any], symbol: str, instrument: Instrument, named: str | None
    ) -> FillReported:
        segment = calls.section_of(self._capabilities(), symbol)
        return fill_reported(
            row,
            venue=self._line.venue,
            symbol=symbol,
            instrument=instrument,
            client_order_id=named,
            is_fee_unsigned=segment.is_fee_unsigned,
        )

    def _known(self, segment: Segment, row: Mapping[str, Any], symbol: str) -> str | None:
        """Give the name that a trade's order bears; `_UNKNOWN` where the order must be asked."""
        named = client_ids.seen(segment, row)
        if named is not None:
            return named
        raw = row.get("info")
        if isinstance(raw, Mapping) and any(key in raw for key in segment.id_keys):
            return None  # it says itself that its order bears no name
        order_id = row.get("order")
        if order_id in (None, ""):
            return None
        return self._names.get((symbol, str(order_id)), _UNKNOWN)

    async def _asked(self, segment: Segment, symbol: str, order_id: str) -> str | None:
        call = Call(method="fetch_order", args=(order_id, symbol), symbol=symbol, weight=4)
        row = await self._line.answer(self._clients.data, call)
        if not isinstance(row, Mapping) or order_id not in client_ids.venue_ids(row):
            raise VenueUnavailable(f"{self._line.venue} does not say whose a trade is")
        named = client_ids.seen(segment, row)
        self.learn(symbol, order_id, named)
        return named

    def _instrument(self, symbol: str) -> Instrument | None:
        return self._clients.instruments.get(instrument_key(self._line.venue, symbol))


def _beside(asked: Call, page: Collection[Mapping[str, Any]], until_ms: int) -> Iterator[Call]:
    """Give the questions for what a full page may have left out on either side of it."""
    stamps_ms = [int(each.get("timestamp") or 0) for each in page]
    oldest_ms, newest_ms = min(stamps_ms), max(stamps_ms)
    if newest_ms < until_ms:
        yield replace(asked, args=(asked.args[0], newest_ms, *asked.args[2:]))
    yield replace(asked, params={**asked.params, "until": min(oldest_ms, until_ms)})


def _milliseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


_UNKNOWN: Final = "\x00"
