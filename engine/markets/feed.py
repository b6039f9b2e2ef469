"""The feed: one venue's public REST interface through ccxt, asked within a budget.

Whatever goes wrong comes out as VenueUnavailable with a plain sentence and no address in it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.candles import CandleRow, Series
from engine.errors import InvalidInput
from engine.instruments import Instrument, InstrumentKind
from engine.markets.asking import asked, retry_after_s
from engine.markets.budget import Budget
from engine.markets.listing import Listing, MarketSource
from engine.markets.loading import new_client
from engine.markets.metadata import number
from engine.numbers import ZERO
from engine.ports import Clock, VenueUnavailable
from engine.quotes import Quote

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Above that one answer would hold the event loop for too long.
PAGE_MAX = 1000
PAGE_UNSTATED = 100
Ticker = Mapping[str, object]


class Feed:
    """Ask one venue for prices. No keys, no account.

    Nothing is asked before it was told the venue's markets.
    """

    def __init__(
        self, *, source: MarketSource, timeout_s: float, budget: Budget, clock: Clock
    ) -> None:
        self._venue = source.venue
        self._source = source
        self._timeout_s = timeout_s
        self._budget = budget
        self._clock = clock
        self._client: Any = None  # ccxt ships no types

    def learn(self, listing: Listing) -> None:
        """Take the markets as they are now."""
        if self._client is None:
            self._client = new_client(self._source, self._timeout_s)
        listing.share_with([self._client])

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
                client.fetch_ohlcv(series.symbol, series.timeframe.value, since_ms, count)
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
        return retry_after_s(getattr(self._client, "last_response_headers", None))

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(self, question: Callable[[], Awaitable[Any]]) -> Any:  # ccxt ships no types
        await self._budget.take()
        answer = await self._guard(question())
        if not isinstance(answer, Mapping):
            raise VenueUnavailable(f"{self._venue} sent an answer that makes no sense.")
        return answer

    async def _guard(self, question: Awaitable[Any]) -> Any:
        return await asked(self._venue, question, timeout_s=self._timeout_s + 1)


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


def _time(ticker: Ticker, asked_at: datetime) -> datetime:
    """Give the venue's time of a book, never later than when it was asked for."""
    stamp_ms = number(ticker.get("timestamp"))
    if stamp_ms is None or stamp_ms <= ZERO:
        return asked_at
    return min(asked_at, EPOCH + timedelta(milliseconds=int(stamp_ms)))
