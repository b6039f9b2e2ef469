"""The feed: one venue's public REST interface through ccxt, asked within a budget.

Whatever goes wrong comes out as VenueUnavailable with a plain sentence and no address in it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.candles import CandleRow, Series
from engine.errors import InvalidInput
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind
from engine.markets.budget import Budget
from engine.markets.metadata import instrument_of, number
from engine.numbers import ZERO
from engine.ports import Clock, VenueUnavailable
from engine.quotes import Quote
from engine.venues.ccxt_library import client_class, fault_classes, rebased

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What ccxt's parsers raise by themselves on a body that is not what they expect.
PARSING = (TypeError, KeyError, AttributeError, ValueError, IndexError, ArithmeticError)
RETRY_AFTER_S_MAX = Decimal(300)
# Above that one answer would hold the event loop for too long.
PAGE_MAX = 1000
PAGE_UNSTATED = 100
WANTED_TYPES = ("spot", "linear", "swap")
Ticker = Mapping[str, object]
_log = logging.getLogger(__name__)


class Feed:
    """Ask one venue for instruments and prices. No keys, no account."""

    def __init__(
        self, *, venue: str, api_url: str | None, timeout_s: float, budget: Budget, clock: Clock
    ) -> None:
        self._venue = venue
        self._api_url = api_url
        self._timeout_s = timeout_s
        self._budget = budget
        self._clock = clock
        self._client: Any = None  # ccxt ships no types
        self._loader: Any = None
        self._is_partial = False

    @property
    def is_partial(self) -> bool:
        """Tell whether the last load lacked a kind of market that did not answer."""
        return self._is_partial

    async def load(self) -> dict[str, Instrument]:
        """Fetch every instrument, off the event loop. Raises: VenueUnavailable.

        Parsing 3,000 markets is one stall of half a second, so a thread with a loop of its own does
        it with a client of its own; the client here shares the result.
        """
        loading = asyncio.to_thread(lambda: asyncio.run(self._load_apart()))
        loaded = await self._guard(loading, parts=3)
        client = self._new_client()
        client.set_markets_from_exchange(loaded)
        before, self._client = self._client, client
        if before is not None:
            await before.close()
        found = (
            instrument_of(self._venue, market, loaded.precisionMode)
            for market in loaded.markets.values()
        )
        instruments = {each.symbol: each for each in found if each is not None}
        if not instruments:
            raise VenueUnavailable(f"{self._venue} lists no market that can be traded here.")
        return {instrument_key(self._venue, symbol): each for symbol, each in instruments.items()}

    async def quotes(
        self, instruments: Sequence[Instrument], changes: Mapping[str, Decimal]
    ) -> list[Quote]:
        """Fetch the current quotes of symbols of one kind; unusable ones are left out.

        Raises: VenueUnavailable.
        """
        symbols = [each.symbol for each in instruments]
        asked_at = self._clock.now()
        has_book = self._client.has.get("fetchBidsAsks") is True
        fetch = self._client.fetch_bids_asks if has_book else self._client.fetch_tickers
        tickers = await self._ask(lambda: fetch(symbols))
        marks: Mapping[str, Ticker] = {}
        if instruments[0].kind is InstrumentKind.SWAP and self._client.has.get("fetchMarkPrices"):
            marks = await self._ask(lambda: self._client.fetch_mark_prices(symbols))
        found: list[Quote] = []
        for instrument in instruments:
            ticker = tickers.get(instrument.symbol) or {}
            at = _time(ticker, asked_at) if has_book else asked_at
            mark = number((marks.get(instrument.symbol) or ticker).get("markPrice"))
            change = changes.get(instrument.symbol)
            quote = quote_of(instrument, ticker, at=at, mark=mark, change_pct=change)
            if quote is not None:
                found.append(quote)
        return found

    async def changes(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        """Fetch each symbol's move over 24 hours, in percent. Raises: VenueUnavailable."""
        tickers = await self._ask(lambda: self._client.fetch_tickers(list(symbols)))
        moves = {symbol: number(ticker.get("percentage")) for symbol, ticker in tickers.items()}
        return {symbol: move for symbol, move in moves.items() if move is not None}

    def page_max(self, series: Series) -> int:
        """Give how many candles of a series the venue gives at once. Raises: InvalidInput."""
        if series.timeframe.value not in self._client.timeframes:
            raise InvalidInput(f"{self._venue} has no candles of {series.timeframe.value}.")
        stated = self._client.feature_value(series.symbol, "fetchOHLCV", "limit", PAGE_UNSTATED)
        return max(1, min(int(stated), PAGE_MAX))

    async def candles(self, series: Series, since: datetime, count: int) -> list[CandleRow]:
        """Fetch candles as the venue gives them, unchecked. Raises: VenueUnavailable."""
        since_ms = (since - EPOCH) // timedelta(milliseconds=1)
        await self._budget.take()
        client = self._client
        client.enableLastJsonResponse = True
        try:
            rows = await self._guard(
                client.fetch_ohlcv(series.symbol, series.timeframe.value, since_ms, count), parts=1
            )
            body = client.last_json_response
        finally:
            client.enableLastJsonResponse, client.last_json_response = False, None
        # ccxt reads a page of HTML, or an empty object, as a list without rows.
        if not isinstance(rows, list) or (not rows and body in (None, {}, "")):
            raise VenueUnavailable(f"{self._venue} sent an answer that makes no sense.")
        return [_candle_row(row) for row in rows]

    def retry_after_s(self) -> float:
        """Give how long the venue's last answer asked us to wait; zero when it did not."""
        headers = getattr(self._client or self._loader, "last_response_headers", None) or {}
        lowered = {str(name).lower(): value for name, value in headers.items()}
        wait_s = number(lowered.get("retry-after")) or ZERO
        return float(max(ZERO, min(wait_s, RETRY_AFTER_S_MAX)))

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _new_client(self) -> Any:  # ccxt ships no types
        client = client_class(self._venue)(
            {
                "enableRateLimit": False,  # the budget is ours
                "timeout": int(self._timeout_s * 1000),
                "number": Decimal,
                "timeout_on_exit": 0,
            }
        )
        client.options["fetchCurrencies"] = False
        if self._api_url is not None:
            client.urls["api"] = rebased(client.urls["api"], self._api_url)
        return client

    async def _load_apart(self) -> Any:  # ccxt ships no types
        client = self._loader = self._new_client()
        self._is_partial = False
        try:
            markets: list[object] = []
            for kind in _types(client):
                try:
                    markets.extend(await self._listed(client, kind))
                except (fault_classes().BaseError, VenueUnavailable):
                    if kind in (None, "spot"):
                        raise
                    self._is_partial = True
                    _log.warning(
                        "a kind of market could not be loaded",
                        extra={"venue": self._venue, "market_kind": kind},
                    )
            client.set_markets(markets)
        finally:
            await client.close()
        return client

    async def _listed(self, client: Any, kind: str | None) -> list[object]:
        if kind is not None:
            stated = client.options.get("fetchMarkets")
            rest = stated if isinstance(stated, Mapping) else {}
            client.options["fetchMarkets"] = {**rest, "types": [kind]}
        listed: list[object] = await client.fetch_markets()
        if not listed:  # ccxt reads a page of HTML as a list without entries
            raise VenueUnavailable(f"{self._venue} sent an empty list of markets.")
        return listed

    async def _ask(self, question: Callable[[], Awaitable[Any]]) -> Any:  # ccxt ships no types
        await self._budget.take()
        answer = await self._guard(question(), parts=1)
        if not isinstance(answer, Mapping):
            raise VenueUnavailable(f"{self._venue} sent an answer that makes no sense.")
        return answer

    async def _guard(self, question: Awaitable[Any], *, parts: int) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s * parts + 1):
                return await question
        except TimeoutError as fault:
            raise VenueUnavailable(f"{self._venue} did not answer in time.") from fault
        except fault_classes().BaseError as fault:
            raise VenueUnavailable(self._sentence(fault)) from fault
        except PARSING as fault:
            raise VenueUnavailable(f"{self._venue} sent an answer that makes no sense.") from fault

    def _sentence(self, fault: BaseException) -> str:
        faults = fault_classes()
        if isinstance(fault, faults.DDoSProtection | faults.RateLimitExceeded):
            return f"{self._venue} asks us to slow down."
        if isinstance(fault, faults.RequestTimeout):
            return f"{self._venue} did not answer in time."
        if isinstance(fault, faults.ExchangeNotAvailable):
            return f"{self._venue} is not reachable, or is out of service."
        return f"{self._venue} sent an answer that makes no sense."


def quote_of(
    instrument: Instrument,
    ticker: Ticker,
    *,
    at: datetime,
    mark: Decimal | None,
    change_pct: Decimal | None,
) -> Quote | None:
    """Make a quote of a ticker; None where bid and ask are missing, crossed or not above zero."""
    bid, ask = number(ticker.get("bid")), number(ticker.get("ask"))
    if bid is None or ask is None or not ZERO < bid <= ask:
        return None
    is_spot = instrument.kind is InstrumentKind.SPOT
    return Quote(
        venue=instrument.venue,
        symbol=instrument.symbol,
        bid=bid,
        ask=ask,
        mark=(bid + ask) / 2 if is_spot or mark is None or mark <= ZERO else mark,
        at=at,
        change_pct=change_pct if change_pct is not None else number(ticker.get("percentage")),
    )


def _candle_row(row: object) -> CandleRow:
    """Take one of ccxt's rows apart; what is no number, or is missing, is None."""
    if not isinstance(row, Sequence):
        return CandleRow(opened_ms=None, numbers=())
    opened_ms, *numbers = row or (None,)
    is_time = isinstance(opened_ms, int) and not isinstance(opened_ms, bool)
    return CandleRow(
        opened_ms=opened_ms if is_time else None, numbers=tuple(number(each) for each in numbers)
    )


def _types(client: Any) -> list[str | None]:  # ccxt ships no types
    """Give the kinds of market to load one by one; [None] where the venue has but one request."""
    stated = client.options.get("fetchMarkets")
    types = stated.get("types") if isinstance(stated, Mapping) else stated
    if not isinstance(types, Sequence) or isinstance(types, str):
        return [None]
    return [each for each in types if each in WANTED_TYPES] or [None]


def _time(ticker: Ticker, asked_at: datetime) -> datetime:
    """Give the venue's time of a book, never later than when it was asked for."""
    stamp_ms = number(ticker.get("timestamp"))
    if stamp_ms is None or stamp_ms <= ZERO:
        return asked_at
    return min(asked_at, EPOCH + timedelta(milliseconds=int(stamp_ms)))
