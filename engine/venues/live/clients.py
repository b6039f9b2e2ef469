"""Clients: the ccxt clients of one account, apart for creates, for cancels and for questions.

A client waits for nobody but itself: a cancel never stands behind a create in a pool of
connections, and neither behind a question.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from engine.instruments import Instrument
from engine.markets.listing import Listing, MarketSource
from engine.ports import VenueUnavailable
from engine.venues.ccxt_library import (
    authorities,
    client_class,
    pointed,
    pooled,
    pro_client_class,
    reading_decimals,
    rebased,
)
from engine.venues.live.account import LiveAccount
from engine.venues.live.market_store import MarketStore

# More than the budget lets out at once: whoever waits for a connection has not been sent.
CONNECTIONS_MAX: Final[Mapping[str, int]] = {"trading": 64, "emergency": 64, "data": 16}
# What a streaming client keeps of orders, and of trades, and looks through at each message. More
# than come at once; ccxt's 1000 took the loop 12 ms a fill, once so many had been.
STREAM_ROWS_MAX: Final = 200
_ccxt_log = logging.getLogger(f"{__name__}.ccxt")


class Clients:
    """Hold an account's three REST clients, make its streams, and keep all their markets fresh.

    `trading` creates, `emergency` cancels and looks up what an exit waits for, `data` asks the
    rest. Nothing is sent before `start`.
    """

    def __init__(self, *, account: LiveAccount, metadata: MarketStore, timeout_s: float) -> None:
        self._account = account
        self._metadata = metadata
        self._timeout_s = timeout_s
        self._source = MarketSource(
            venue=account.venue, api_url=account.api_url, sandbox=account.sandbox
        )
        self._rest: dict[str, Any] = {}  # ccxt ships no types
        self._streams: list[Any] = []
        self._ahead_ms = 0
        self._listing: Listing | None = None
        self._tls: ssl.SSLContext | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def trading(self) -> Any:
        """Give the client that creates."""
        return self._rest["trading"]

    @property
    def emergency(self) -> Any:
        """Give the client that cancels, and looks up what an exit waits for."""
        return self._rest["emergency"]

    @property
    def data(self) -> Any:
        """Give the client that asks."""
        return self._rest["data"]

    @property
    def is_ready(self) -> bool:
        """Tell whether the markets are known: ccxt neither creates nor cancels without."""
        return self._listing is not None

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Give every instrument by `instrument_key`; empty until the venue has answered."""
        return {} if self._listing is None else self._listing.instruments

    def market(self, symbol: str) -> Mapping[str, object]:
        """Give ccxt's description of a symbol.

        Raises: VenueUnavailable while none are known, or when there is no such symbol.
        """
        if self._listing is None:
            raise VenueUnavailable(f"{self._account.venue} has not told its symbols yet.")
        found = self._listing.markets.get(symbol)
        if found is None:
            raise VenueUnavailable(f"{self._account.venue} lists no {symbol}.")
        return found

    async def start(self) -> None:
        """Make the clients and learn the markets, which are kept fresh from then on.

        Raises: VenueUnavailable when the markets cannot be had soon; it goes on trying until
        `close`, so the caller may carry on without this venue.
        """
        if self._task is not None:
            return
        made = client_class(self._account.venue)
        self._rest = {name: self._new(made) for name in CONNECTIONS_MAX}
        self._tls = authorities(self.data)
        for name, connections_max in CONNECTIONS_MAX.items():
            pooled(self._rest[name], connections_max=connections_max, tls=self._tls)
        fault: VenueUnavailable | None = None
        try:
            self._learn(await self._metadata.first(self._source))
        except VenueUnavailable as silent:
            fault = silent
        # start and close are two calls, so this task is held here and cancelled by close()
        self._task = asyncio.create_task(
            self._metadata.follow(self._source, self._learn),
            name=f"markets {self._account.venue}",
        )
        if fault is not None:
            raise fault

    async def close(self) -> None:
        """Close every connection; what is asked afterwards fails."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        clients = [*self._streams, *self._rest.values()]
        self._streams.clear()
        await asyncio.gather(*(client.close() for client in clients))

    def keep_time(self, ahead_ms: int) -> None:
        """Stamp requests by the venue's clock, which is so far ahead of ours."""
        self._ahead_ms = ahead_ms
        for client in self._rest.values():
            client.options["timeDifference"] = -ahead_ms

    def stream_client(self) -> Any | None:
        """Make a client of ccxt.pro, which its taker closes; None where streams are off.

        They are off beside a replaced API, unless they are replaced too.
        """
        if not self._account.streams or self._listing is None:
            return None
        client = self._new(_kept_on(pro_client_class(self._account.venue), self._account.ws_url))
        client.options["timeDifference"] = -self._ahead_ms
        client.options["ordersLimit"] = client.options["tradesLimit"] = STREAM_ROWS_MAX
        assert self._tls is not None, "who knows the markets has started"
        pooled(client, connections_max=CONNECTIONS_MAX["data"], tls=self._tls)
        self._listing.share_with([client])
        self._streams = [each for each in self._streams if not each.closed_by_user]
        self._streams.append(client)
        return client

    def _new(self, made: Any) -> Any:  # ccxt ships no types
        account = self._account
        client = made(
            {
                "apiKey": account.api_key,
                "secret": account.api_secret,
                "password": account.api_password,
                "enableRateLimit": False,  # the budget is ours
                "number": Decimal,
                "timeout": int(self._timeout_s * 1000),
                "timeout_on_exit": 0,
            }
        )
        reading_decimals(client)
        # ccxt logs keys and signatures at the level of debugging
        client.logger = _ccxt_log
        client.logger.setLevel(logging.WARNING)
        client.options["maxRetriesOnFailure"] = 0  # a create is sent once
        client.options["fetchCurrencies"] = False
        client.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
        pointed(client, api_url=account.api_url, ws_url=account.ws_url, sandbox=account.sandbox)
        return client

    def _learn(self, listing: Listing) -> None:
        self._listing = listing
        listing.share_with((*self._rest.values(), *self._streams))


def _kept_on(made: Any, ws_url: str | None) -> Any:  # ccxt ships no types
    """Keep a streaming client on one server, also where the venue's answer names another."""
    if ws_url is None:
        return made

    def client(self: Any, url: str) -> Any:
        return made.client(self, rebased(url, None, ws_url))

    return type(made.__name__, (made,), {"client": client})
