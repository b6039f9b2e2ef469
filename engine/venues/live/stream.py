"""OrderStream: what ccxt.pro hears of an account's orders and trades, as reports.

One stream lives until it breaks: it then raises, and the monitor opens another after a pause and
fetches the fills it missed. A connection that ccxt renews by itself counts as broken too, since
what happened in between was not heard.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from engine.ports import VenueUnavailable
from engine.reports import FillReported, OrderSeen
from engine.venues.stream import ReportStream

MESSAGES_MAX: Final = 1000
TOLD_MAX: Final = 4000
log = logging.getLogger("engine.venues.live.stream")

Row = Mapping[str, Any]  # ccxt ships no types
Message = FillReported | OrderSeen


class OrderStream:
    """Follow orders and own trades through one client of ccxt.pro, where it can watch them."""

    def __init__(
        self,
        *,
        venue: str,
        open_client: Callable[[], Any | None],  # ccxt ships no types
        order_of: Callable[[Row], OrderSeen | None],
        fill_of: Callable[[Row], FillReported | None],
        params: Mapping[str, object] | None = None,
    ) -> None:
        """Wire it: `open_client` gives a fresh client, None while there is none.

        `order_of` and `fill_of` read one row, or give None for what says nothing.
        """
        self._venue = venue
        self._open_client = open_client
        self._order_of = order_of
        self._fill_of = fill_of
        self._params = dict(params or {})
        self._told: dict[tuple[object, ...], None] = {}

    async def reports(self) -> AsyncIterator[Message]:
        """Give what the venue says as it says it. Raises: VenueUnavailable when that ends."""
        client = self._open_client()
        if client is None:
            raise VenueUnavailable(f"{self._venue} has no stream now.")
        heard = ReportStream(messages_max=MESSAGES_MAX)
        self._told.clear()
        unread = _guarded(client, heard)
        # a group may not be left at a `yield`: the generator ends its listeners itself
        tasks: list[asyncio.Task[None]] = [
            asyncio.create_task(listener, name=f"stream {self._venue}")  # see above
            for listener in self._listeners(client, heard)
        ]
        for task in tasks:
            task.add_done_callback(lambda _: heard.close())
        try:
            if not tasks:
                raise VenueUnavailable(f"ccxt streams no orders of {self._venue}.")
            async for message in heard:
                yield message
            # One of them has ended, and the others say too little alone.
            raise VenueUnavailable(f"the stream of {self._venue} broke: {_why(tasks, unread)}")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()

    def _listeners(self, client: Any, heard: ReportStream) -> Iterable[Coroutine[Any, Any, None]]:
        if client.has.get("watchMyTrades"):
            yield self._listen(
                client, client.watch_my_trades, "myTrades", lambda row: self._traded(row, heard)
            )
        if client.has.get("watchOrders"):
            yield self._listen(
                client, client.watch_orders, "orders", lambda row: self._seen(row, heard)
            )

    async def _listen(
        self, client: Any, watch: Callable[..., Any], cache: str, tell: Callable[[Row], None]
    ) -> None:
        """Wait for news, and tell what the client's cache holds that was not told.

        ccxt wakes who waits at that moment only: two messages read at once wake once. So the next
        wait begins before the cache is read.
        """
        connections: dict[str, object] = {}
        waiting = asyncio.ensure_future(watch(params=self._params))  # ended below
        try:
            while True:
                await waiting
                waiting = asyncio.ensure_future(watch(params=self._params))  # ended below
                await asyncio.sleep(0)
                for row in list(getattr(client, cache) or ()):
                    tell(row)
                for url, connection in client.clients.items():
                    if connections.setdefault(url, connection) is not connection:
                        raise VenueUnavailable("it was connected again")
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    def _traded(self, row: Row, heard: ReportStream) -> None:
        self._tell(("trade", row.get("symbol"), row.get("id")), row, self._fill_of, heard)

    def _seen(self, row: Row, heard: ReportStream) -> None:
        identity = ("order", row.get("id"), row.get("status"), row.get("filled"))
        self._tell(identity, row, self._order_of, heard)

    def _tell(
        self,
        identity: tuple[object, ...],
        row: Row,
        read: Callable[[Row], Message | None],
        heard: ReportStream,
    ) -> None:
        if identity in self._told:
            return
        self._told[identity] = None
        if len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        try:
            message = read(row)
        except Exception as fault:  # task boundary: a row nobody can read is found by asking
            log.warning("%s said what cannot be read (%s)", self._venue, type(fault).__name__)
            return
        if message is not None:
            heard.put(message)


def _guarded(client: Any, heard: ReportStream) -> list[str]:
    """End the stream at a message that ccxt breaks on, and keep the fault's name in the list.

    Its reader would die of it in silence: seen on binance at a second fill without a fee.
    """
    unread: list[str] = []
    read = client.handle_message

    def handle(connection: Any, message: Any) -> None:
        try:
            read(connection, message)
        except Exception as fault:  # task boundary: ccxt calls this from a bare callback
            unread.append(type(fault).__name__)
            heard.close()

    client.handle_message = handle
    return unread


def _why(tasks: Iterable[asyncio.Future[None]], unread: Iterable[str]) -> str:
    """Name the fault by its class: its text may hold an address or a key."""
    for name in unread:
        return f"ccxt could not read a message ({name})"
    for task in tasks:
        if task.done() and not task.cancelled() and (fault := task.exception()) is not None:
            return str(fault) if isinstance(fault, VenueUnavailable) else type(fault).__name__
    return "it ended"
