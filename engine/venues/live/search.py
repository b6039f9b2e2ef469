"""Search: one order in every source a venue has, and whether its absence is proven."""

from collections.abc import Mapping
from typing import Any, Final

from engine.instruments import Instrument
from engine.orders import Order, OrderKind
from engine.reports import LookupAnswer, OrderNotSeen, OrderSeen
from engine.venues.live import calls, client_ids
from engine.venues.live.answers import silence
from engine.venues.live.budget import Priority
from engine.venues.live.calls import Call, Lookup
from engine.venues.live.capabilities_terms import Capabilities, Source
from engine.venues.live.line import Line
from engine.venues.live.parsing import Unreadable, order_seen

NOT_THERE: Final = "order not found"


class Search:
    """Look one order up; a source that errs, or shows one page of more, proves no absence."""

    def __init__(self, *, capabilities: Capabilities, line: Line) -> None:
        self._capabilities = capabilities
        self._line = line
        self._venue = capabilities.venue

    async def found(
        self,
        client: Any,  # ccxt ships no types
        order: Order,
        instrument: Instrument,
        priority: Priority,
    ) -> LookupAnswer:
        """Ask one source after the other until one shows the order.

        Raises: VenueUnavailable when no turn came, InvalidInput for what the venue cannot be asked.
        """
        name, silent = order.client_order_id, ""
        for lookup in calls.lookups(self._capabilities, order):
            outcome = await self._line.outcome(client, lookup.call, priority)
            if isinstance(outcome, BaseException):
                if not is_not_found(outcome):
                    silent = silence(self._venue, outcome)
                continue
            row = self._row(outcome, order)
            if row is None:
                silent = silent or self._doubt(lookup, outcome)
                continue
            child = self._child(row, order)
            if child is not None:
                outcome = await self._line.outcome(client, child, priority)
                if isinstance(outcome, BaseException) or not isinstance(outcome, Mapping):
                    silent = "its stop has fired, and the order that it became is not shown"
                    continue
                row = outcome
            if lookup.source is Source.TRADES:
                silent = "it has traded, and its status is not shown"
                continue
            seen = self._seen(row, order, instrument)
            if isinstance(seen, OrderSeen):
                return seen
            silent = seen
        return OrderNotSeen(client_order_id=name, complete=not silent, text=silent or NOT_THERE)

    def _seen(
        self, row: Mapping[str, Any], order: Order, instrument: Instrument
    ) -> OrderSeen | str:
        try:
            return order_seen(
                row,
                venue=self._venue,
                symbol=order.symbol,
                instrument=instrument,
                client_order_id=order.client_order_id,
            )
        except Unreadable as fault:
            return str(fault)

    def _row(self, outcome: object, order: Order) -> Mapping[str, Any] | None:
        segment = calls.section_of(self._capabilities, order.symbol)
        for row in calls.mentioned(outcome):
            if client_ids.names(segment, row, order):
                return row
        return None

    def _child(self, row: Mapping[str, Any], order: Order) -> Call | None:
        """Give the question for the order that a fired stop became; None while it has not."""
        segment, raw = calls.section_of(self._capabilities, order.symbol), row.get("info")
        if order.kind is not OrderKind.STOP or not isinstance(raw, Mapping):
            return None
        named = next((raw[key] for key in segment.stop.children if raw.get(key)), None)
        if named is None or named == order.venue_order_id:
            return None
        return Call(method="fetch_order", args=(str(named), order.symbol), symbol=order.symbol)

    def _doubt(self, lookup: Lookup, outcome: object) -> str:
        """Say why an answer without the order proves nothing; empty when it does."""
        if lookup.page_max is None:
            return f"{self._venue} sent an answer without the order in it"
        if not isinstance(outcome, list):
            return f"{self._venue} sent no list of orders"
        if len(outcome) >= lookup.page_max:
            return f"{self._venue} showed one page of more orders"
        return ""


def is_not_found(outcome: object) -> bool:
    """Tell whether the venue says in so many words that there is no such order."""
    return any(each.__name__ == "OrderNotFound" for each in type(outcome).__mro__)
