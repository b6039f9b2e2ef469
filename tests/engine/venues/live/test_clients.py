"""An account's clients go where the settings say, each by itself, and tell nobody the keys."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

import pytest
from aiohttp import web

from engine.errors import InvalidInput
from engine.markets.apart import Loaded, load_in_thread
from engine.markets.listing import MarketSource, listing_of
from engine.ports import VenueUnavailable
from engine.venues.ccxt_library import SANDBOX_VENUES, client_class, fault_classes
from engine.venues.live.account import LiveAccount
from engine.venues.live.clients import Clients
from engine.venues.live.market_store import MarketStore
from tests.engine.markets.stores import store_of
from tests.engine.venues.room import StillClock
from tests.exchange.binance import LocalBinance

VENUES = "binance bybit okx kraken kucoin gate bitget coinbase htx mexc bitfinex bitstamp".split()
API, WS = "http://127.0.0.1:1", "ws://127.0.0.1:2"
KEYS = {"api_key": "the-key", "api_secret": "the-secret", "api_password": "the-password"}


async def nothing_listed(source: MarketSource, at: datetime, timeout_s: float) -> Loaded:
    """Load a venue that has no markets, without asking it."""
    del timeout_s
    client = client_class(source.venue)({"timeout_on_exit": 0})
    client.set_markets([])
    await client.close()
    return Loaded(listing=listing_of(client, source=source, loaded_at=at), pack=b"")


def store() -> MarketStore:
    return store_of(StillClock(), load=nothing_listed)


def addresses(found: object) -> Iterator[str]:
    if isinstance(found, Mapping):
        for each in found.values():
            yield from addresses(each)
    elif isinstance(found, str):
        yield found


class Anything:
    """Answer every request with what is set, and remember each."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.answer: object = {}
        self.status = 200
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._any)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _any(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path))
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def anything() -> AsyncIterator[Anything]:
    served = Anything()
    await served.start()
    yield served
    await served.stop()


Maker = Callable[..., Awaitable[Clients]]


@pytest.fixture
async def started() -> AsyncIterator[Maker]:
    """Start clients, and close them however the test ends."""
    made: list[Clients] = []

    async def start(venue: str, metadata: MarketStore | None = None, **given: object) -> Clients:
        account = LiveAccount(venue=venue, **KEYS, **given)  # type: ignore[arg-type]  # by name
        clients = Clients(account=account, metadata=metadata or store(), timeout_s=9)
        made.append(clients)
        await clients.start()
        return clients

    yield start
    for clients in made:
        await clients.close()


async def test_the_three_clients_share_markets_and_nothing_else(started: Maker) -> None:
    clients = await started("binance")
    three = (clients.trading, clients.emergency, clients.data)

    assert len({id(each.session) for each in three}) == 3
    assert len({id(each.markets) for each in three}) == 1
    for each in three:
        assert each.enableRateLimit is False
        assert each.number is Decimal
        assert each.timeout == 9000
        assert (each.apiKey, each.secret, each.password) == tuple(KEYS.values())


@pytest.mark.parametrize("venue", VENUES)
async def test_every_address_of_a_venue_is_replaced(started: Maker, venue: str) -> None:
    clients = await started(venue, api_url=API, ws_url=WS)
    streams = clients.stream_client()
    assert streams is not None

    for client in (clients.trading, clients.emergency, clients.data, streams):
        found = list(addresses(client.urls["api"]))
        assert found
        assert all(each.startswith((API, WS)) for each in found), found
    assert any(each.startswith(WS) for each in addresses(streams.urls["api"]))
    assert streams.apiKey == KEYS["api_key"]
    assert streams.markets is clients.data.markets
    assert streams.has["watchOrders"] is True


async def test_beside_a_replaced_api_there_are_no_streams_unless_they_are_replaced_too(
    started: Maker,
) -> None:
    replaced = await started("bybit", api_url=API)
    own = await started("bybit")

    assert replaced.stream_client() is None
    streams = own.stream_client()
    assert streams is not None
    assert all("127.0.0.1" not in each for each in addresses(streams.urls["api"]))


@pytest.mark.parametrize("venue", SANDBOX_VENUES)
async def test_a_sandbox_is_another_place_or_is_said_in_every_request(
    started: Maker, venue: str
) -> None:
    real, sandbox = await started(venue), await started(venue, sandbox=True)

    for name in ("trading", "emergency", "data"):
        theirs, ours = getattr(real, name), getattr(sandbox, name)
        moved = set(addresses(ours.urls["api"])).isdisjoint(addresses(theirs.urls["api"]))
        # bitget's and okx's differ by a header
        said = ours.options.get("sandboxMode") is True and not theirs.options.get("sandboxMode")
        assert moved or said
        assert "x-simulated-trading" not in theirs.headers


async def test_binance_has_spot_and_swaps_under_one_key_in_its_sandbox(started: Maker) -> None:
    clients = await started("binance", sandbox=True)

    api = clients.trading.urls["api"]
    assert api["private"].startswith("https://demo-api.binance.com/")
    assert api["fapiPrivate"].startswith("https://demo-fapi.binance.com/")


@pytest.mark.parametrize("venue", [each for each in VENUES if each not in SANDBOX_VENUES])
async def test_a_venue_without_a_sandbox_never_trades_real_money_for_one(venue: str) -> None:
    account = LiveAccount(venue=venue, sandbox=True)
    clients = Clients(account=account, metadata=store(), timeout_s=9)

    with pytest.raises(InvalidInput, match="has no sandbox"):
        await clients.start()
    await clients.close()


async def test_a_start_without_an_answer_says_so_and_goes_on_trying(started: Maker) -> None:
    async with LocalBinance() as exchange:
        exchange.fail("exchangeInfo", "500")
        content = asyncio.Event()

        async def soon(seconds: float) -> None:
            if seconds < 1000:
                return
            content.set()
            await asyncio.sleep(3600)

        metadata = MarketStore(
            clock=StillClock(), jitter=random.Random(7), load=load_in_thread, sleep=soon
        )
        account = LiveAccount(venue="binance", api_url=exchange.url)
        clients = Clients(account=account, metadata=metadata, timeout_s=9)
        with pytest.raises(VenueUnavailable, match="binance is not reachable"):
            await clients.start()
        with pytest.raises(VenueUnavailable, match="has not told its symbols"):
            clients.market("BTC/USDT")

        async with asyncio.timeout(30):
            await content.wait()

        assert clients.market("BTC/USDT")["id"] == "BTCUSDT"
        assert clients.emergency.market("BTC/USDT:USDT")["linear"] is True
        assert clients.instruments["binance:BTC/USDT"].price_tick == Decimal("0.01")
        with pytest.raises(VenueUnavailable, match="lists no NOPE/USDT"):
            clients.market("NOPE/USDT")
        await clients.close()


async def test_keys_and_signatures_reach_no_log_and_no_text(
    started: Maker, anything: Anything, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clients = await started("binance", api_url=anything.url)
    await clients.data.sapi_get_account_apirestrictions()

    assert anything.requests == [("GET", "/sapi/v1/account/apiRestrictions")]
    shown = caplog.text + repr(clients) + repr(clients.trading) + str(clients.trading)
    shown += repr(LiveAccount(venue="binance", **KEYS))  # type: ignore[arg-type]  # by name
    assert not any(key in shown for key in (*KEYS.values(), "signature"))


async def test_a_request_that_fails_is_sent_once(started: Maker, anything: Anything) -> None:
    anything.status = 500
    clients = await started("binance", api_url=anything.url)

    with pytest.raises(fault_classes().ExchangeNotAvailable):
        await clients.trading.private_post_order({"symbol": "BTCUSDT"})

    assert anything.requests == [("POST", "/api/v3/order")]


async def test_a_stream_s_address_that_the_venue_names_is_replaced_too(
    started: Maker, anything: Anything
) -> None:
    anything.answer = {
        "code": "200000",
        "data": {
            "token": "a-token",
            "instanceServers": [
                {"endpoint": "wss://push-private.kucoin.com/endpoint", "pingInterval": 50000}
            ],
        },
    }
    clients = await started("kucoin", api_url=anything.url, ws_url=WS)
    streams = clients.stream_client()
    assert streams is not None

    named = await streams.negotiate(True)

    assert named.startswith("wss://push-private.kucoin.com/"), "as the venue said it"
    assert streams.client(named).url.startswith(f"{WS}/endpoint?token=a-token")


async def test_after_closing_nothing_can_be_sent(anything: Anything) -> None:
    account = LiveAccount(venue="binance", api_url=anything.url, ws_url=WS)
    clients = Clients(account=account, metadata=store(), timeout_s=9)
    await clients.start()
    streams = clients.stream_client()
    await clients.close()

    for client in (clients.trading, clients.emergency, clients.data, streams):
        assert client is not None
        with pytest.raises(fault_classes().ExchangeClosedByUser):
            await client.public_get_ping()
    assert anything.requests == []
