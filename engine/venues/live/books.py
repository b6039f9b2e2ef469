"""Books: what an account shows at one moment, open orders, balances and swap positions."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from engine.identities import instrument_key
from engine.numbers import ZERO
from engine.ports import VenueUnavailable
from engine.reports import OrderSeen, VenuePosition
from engine.venues.live import calls, client_ids
from engine.venues.live.capabilities_terms import Capabilities
from engine.venues.live.clients import Clients
from engine.venues.live.line import Line
from engine.venues.live.parsing import (
    Unreadable,
    amounts,
    is_of_a_size,
    order_seen,
    position_of,
)

PAGES_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """Hold totals, and what of them nothing binds, by currency."""

    total: Mapping[str, Decimal]
    free: Mapping[str, Decimal]


class Books:
    """Ask for the books; `saw` hears of each order's symbol, its venue's id and its name."""

    def __init__(
        self,
        *,
        capabilities: Callable[[], Capabilities],
        clients: Clients,
        line: Line,
        saw: Callable[[str, str, str | None], None],
    ) -> None:
        self._capabilities = capabilities
        self._clients = clients
        self._line = line
        self._saw = saw
        self._venue = line.venue

    async def open_orders(self, symbols: Collection[str]) -> tuple[OrderSeen, ...]:
        """Give the open orders of both books. Raises: VenueUnavailable."""
        found: dict[tuple[str, str], OrderSeen] = {}
        for call in calls.open_orders(self._capabilities(), symbols):
            for row in await self._rows(call, "orders"):
                seen = self._order(row)
                if seen is not None:
                    found[seen.symbol, seen.venue_order_id] = seen
        return tuple(found.values())

    def heard(self, row: Mapping[str, Any]) -> OrderSeen | None:
        """Read an order whoever sent it; None for what is not traded here. Raises: Unreadable."""
        symbol = str(row.get("symbol"))
        instrument = self._clients.instruments.get(instrument_key(self._venue, symbol))
        segment = calls.segment_of(self._capabilities(), symbol)
        if instrument is None or segment is None or not is_of_a_size(row):
            return None
        seen = order_seen(
            row,
            venue=self._venue,
            symbol=symbol,
            instrument=instrument,
            client_order_id=client_ids.seen(segment, row),
        )
        self._saw(symbol, seen.venue_order_id, seen.client_order_id)
        return seen

    async def balances(self) -> Balances:
        """Give the balances of all purses together. Raises: VenueUnavailable."""
        total: dict[str, Decimal] = {}
        free: dict[str, Decimal] = {}
        for call in calls.balances(self._capabilities()):
            answer = await self._line.answer(self._clients.data, call)
            try:
                for sums, part in ((total, "total"), (free, "free")):
                    for currency, amount in amounts(answer, part).items():
                        sums[currency] = sums.get(currency, ZERO) + amount
            except Unreadable as fault:
                raise VenueUnavailable(f"{self._venue}: {fault}") from fault
        return Balances(total=total, free=free)

    async def positions(self) -> tuple[VenuePosition, ...]:
        """Give the swap positions that are held. Raises: VenueUnavailable."""
        found: list[VenuePosition] = []
        for call in calls.positions(self._capabilities()):
            for row in await self._rows(call, "positions"):
                key = instrument_key(self._venue, str(row.get("symbol")))
                instrument = self._clients.instruments.get(key)
                if instrument is None:
                    continue
                try:
                    position = position_of(row, venue=self._venue, instrument=instrument)
                except Unreadable as fault:
                    raise VenueUnavailable(str(fault)) from fault
                if position is not None:
                    found.append(position)
        return tuple(found)

    def _order(self, row: Mapping[str, Any]) -> OrderSeen | None:
        try:
            return self.heard(row)
        except Unreadable as fault:
            # Left out, it would look as if it were not there.
            raise VenueUnavailable(str(fault)) from fault

    async def _rows(self, call: calls.Call, what: str) -> Collection[Mapping[str, Any]]:
        """Read a list to its end. Raises: VenueUnavailable when only a page of it can be had."""
        rows: list[Mapping[str, Any]] = []
        page_max = call.args[2] if len(call.args) > 2 else None
        for _ in range(PAGES_MAX):
            answer = await self._line.answer(self._clients.data, call)
            if not isinstance(answer, list):
                raise VenueUnavailable(f"{self._venue} sent no list of {what}")
            rows += calls.mentioned(answer)
            if not isinstance(page_max, int) or len(answer) < page_max:
                return rows
            cursor = _cursor(rows[-len(answer) :])
            if cursor is None:
                break
            call = replace(call, params={**call.params, "cursor": cursor})
        raise VenueUnavailable(f"{self._venue} has more {what} than it shows at once")


def _cursor(page: Collection[Mapping[str, Any]]) -> object:
    """Give where the next page begins: ccxt puts it into one raw row of a page of Bybit's."""
    raws = [each.get("info") for each in page]
    found = [raw.get("nextPageCursor") for raw in raws if isinstance(raw, Mapping)]
    return next((each for each in found if each), None)
