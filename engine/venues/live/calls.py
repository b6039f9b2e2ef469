"""Calls: what is asked of ccxt for an order, worked out from the capability table.

Quantities and prices leave as exact decimal texts, never as a float; swap quantities in contracts.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from engine.errors import InvalidInput
from engine.instruments import Instrument, InstrumentKind
from engine.numbers import plain
from engine.orders import Order, OrderKind, OrderSide
from engine.venues.live.capabilities_terms import (
    Book,
    Capabilities,
    Deadline,
    Naming,
    Params,
    Question,
    Segment,
    Source,
    StopForm,
)
from engine.venues.live.client_ids import on_wire

_BY_ID = frozenset({"fetch_order", "cancel_order"})
_LISTS = frozenset(
    "fetch_open_orders fetch_closed_orders fetch_canceled_orders fetch_orders"
    " fetch_canceled_and_closed_orders fetch_my_trades".split()
)
# A venue's clock may lag behind ours, and an order is stamped before it is sent.
_BEFORE = timedelta(seconds=60)
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Name a method of a ccxt client and what is passed; `params` is its last argument.

    `weight` is what the request costs of the venue's budget. `market_key` names the parameter that
    takes the venue's id of `symbol`; `unwrap` where the order lies in a raw answer; `deadline` how
    long the venue may take it: `asking` sees to all three.
    """

    method: str
    args: tuple[object, ...] = ()
    params: Params = field(default_factory=dict)
    symbol: str | None = None
    weight: int = 1
    market_key: str | None = None
    unwrap: str | None = None
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Ask one source for an order.

    The answer is one order, or a list where `page_max` is given: the order is the one in it that
    `client_ids.names` recognises, and a list of `page_max` rows without it proves no absence.
    """

    call: Call
    source: Source
    page_max: int | None = None


def section_of(capabilities: Capabilities, symbol: str) -> Segment:
    """Give how a symbol's kind of instrument is traded. Raises: InvalidInput where it is not."""
    found = segment_of(capabilities, symbol)
    if found is None:
        raise InvalidInput(
            f"No swap is traded at {capabilities.venue}: {capabilities.swap_refusal}"
        )
    return found


def segment_of(capabilities: Capabilities, symbol: str) -> Segment | None:
    """Give how a symbol's kind of instrument is traded, None where it is not."""
    kind = InstrumentKind.SWAP if ":" in symbol else InstrumentKind.SPOT
    return capabilities.segment(kind)


def create(capabilities: Capabilities, order: Order, instrument: Instrument) -> Call:
    """Give the one request that creates an order.

    A MARKET order with a price limit leaves as a limit order, immediate-or-cancel.
    Raises: InvalidInput for what the venue cannot be told, before anything is sent.
    """
    segment = section_of(capabilities, order.symbol)
    book = _book(segment, order)
    named = {book.id_key: on_wire(segment, order.client_order_id)}
    params = {**segment.params, **book.params, **named}
    if order.is_exit:
        params |= segment.exit_params
    form, price = _form(capabilities, segment, order, params)
    contracts = _contracts(order.quantity, instrument)
    quantity = int(contracts) if segment.is_quantity_whole else plain(contracts)
    if quantity != contracts and segment.is_quantity_whole:
        raise InvalidInput(f"{capabilities.venue} takes whole contracts of {order.symbol} only.")
    for each in (order.price_limit, order.price_trigger):
        _check_digits(capabilities, segment, each)
    if segment.quantity_key is not None:
        params[segment.quantity_key] = quantity
    if segment.price_key is not None and price is not None:
        params[segment.price_key] = price
    return Call(
        method="create_order",
        args=(order.symbol, form, order.side.value, quantity, price),
        params=params,
        symbol=order.symbol,
        deadline=capabilities.deadline,
    )


def _check_digits(capabilities: Capabilities, segment: Segment, price: Decimal | None) -> None:
    """Keep a price back that ccxt would round. Raises: InvalidInput."""
    digits_max = segment.price_digits_max
    if price is None or digits_max is None:
        return
    if len(price.normalize(_EXACT).as_tuple().digits) > digits_max:
        raise InvalidInput(
            f"{capabilities.venue} takes prices of {digits_max} significant digits,"
            f" not {plain(price)}."
        )


def _form(
    capabilities: Capabilities, segment: Segment, order: Order, params: dict[str, object]
) -> tuple[str, str | None]:
    """Give ccxt's type and price of an order, and add what they need to the parameters."""
    venue, limit = capabilities.venue, order.price_limit
    match order.kind:
        case OrderKind.LIMIT:
            if limit is None:
                raise InvalidInput(f"A limit order on {order.symbol} needs a price.")
            return "limit", plain(limit)
        case OrderKind.MARKET if limit is not None:
            params |= segment.ioc_params
            return "limit", plain(limit)
        case OrderKind.MARKET:
            if order.side is OrderSide.BUY:
                if segment.market_buy_params is None:
                    raise InvalidInput(f"A market buy at {venue} needs a price limit.")
                params |= segment.market_buy_params
            return "market", None
        case OrderKind.STOP:
            terms = segment.stop
            if terms.form is StopForm.NONE:
                raise InvalidInput(f"No stop rests at {venue}: {terms.refusal}")
            if order.price_trigger is None:
                raise InvalidInput(f"A stop on {order.symbol} needs a trigger price.")
            params[terms.price_key] = plain(order.price_trigger)
            params |= terms.buy if order.side is OrderSide.BUY else terms.sell
            if terms.form is StopForm.MARKET:
                return "market", None
            if limit is None:
                raise InvalidInput(f"{venue} rests a stop only with a price limit behind it.")
            return "limit", plain(limit)


def _contracts(quantity: Decimal, instrument: Instrument) -> Decimal:
    contracts = _EXACT.divide(quantity, instrument.contract_size)
    if _EXACT.multiply(contracts, instrument.contract_size) != quantity:
        raise InvalidInput(
            f"{plain(quantity)} {instrument.base} is no number of contracts on {instrument.symbol}."
        )
    return contracts


def lookups(capabilities: Capabilities, order: Order) -> tuple[Lookup, ...]:
    """Give every source in which the venue could show the order, the most telling one first.

    A source that understands only the venue's own id is left out while that is not known.
    """
    segment = section_of(capabilities, order.symbol)
    return tuple(_lookups(segment, order))


def _lookups(segment: Segment, order: Order) -> Iterator[Lookup]:
    for question in _book(segment, order).lookups:
        call = _asked(segment, question, order)
        if call is not None:
            yield Lookup(call=call, source=question.source, page_max=question.page_max)


def cancels(capabilities: Capabilities, order: Order) -> tuple[Call, ...]:
    """Give the requests that cancel an order: the next one where one says "not found".

    Empty when the venue's own id is needed and not known: look the order up first, then ask again
    with `venue_order_id` set.
    """
    segment = section_of(capabilities, order.symbol)
    asked = (_asked(segment, question, order) for question in _book(segment, order).cancels)
    return tuple(call for call in asked if call is not None)


def open_orders(capabilities: Capabilities, symbols: Collection[str] = ()) -> tuple[Call, ...]:
    """Give the questions for all open orders of both books and all kinds of instruments.

    `symbols` are those that matter: a venue that lists by symbol, or by settle currency, is asked
    for theirs only. Answers overlap on some venues: an order counts once.
    """
    calls = []
    for segment in capabilities.segments:
        ours = [s for s in sorted(symbols) if (":" in s) is (segment.kind is InstrumentKind.SWAP)]
        calls += [call for each in segment.listings for call in _listed(segment, each, ours)]
    return tuple(calls)


def _listed(segment: Segment, question: Question, symbols: Collection[str]) -> Iterator[Call]:
    if segment.is_listed_by_symbol:
        for symbol in symbols:
            yield _list_call(question, symbol, None)
    elif segment.settle_key is not None:
        for settle in sorted({symbol.partition(":")[2] for symbol in symbols} | {"USDT"}):
            call = _list_call(question, None, None)
            yield replace(call, params={**call.params, segment.settle_key: settle})
    else:
        yield _list_call(question, None, None)


def trades(
    capabilities: Capabilities, symbols: Collection[str], since: datetime, kind: InstrumentKind
) -> tuple[Call, ...]:
    """Give the questions for own trades of a kind of instrument since a time.

    One question covers the account, or one symbol each where the venue lists by symbol. It reaches
    no further than `trade_window_days`; the caller goes on from where the answer ends.
    """
    segment = capabilities.segment(kind)
    if segment is None or kind in capabilities.unused:
        return ()
    at = _milliseconds(since)
    ours = [s for s in sorted(symbols) if (":" in s) is (kind is InstrumentKind.SWAP)]
    wanted: list[str | None] = [*ours] if segment.is_traded_by_symbol else [None]
    return tuple(
        Call(
            method="fetch_my_trades",
            args=(symbol, at, segment.trades_page_max),
            params=segment.trade_params,
            symbol=symbol,
        )
        for symbol in wanted
    )


def balances(capabilities: Capabilities) -> tuple[Call, ...]:
    """Give the questions for the account's balances, once where all kinds share one purse."""
    asked = {tuple(sorted(each.balance_params.items())): each for each in capabilities.segments}
    return tuple(
        Call(method="fetch_balance", params=each.balance_params) for each in asked.values()
    )


def positions(capabilities: Capabilities) -> tuple[Call, ...]:
    """Give the questions for the account's swap positions."""
    swap = capabilities.swap
    if swap is None or swap.kind in capabilities.unused:
        return ()
    return (Call(method="fetch_positions", args=(None,), params=swap.position_params),)


def leverage(capabilities: Capabilities, symbol: str, value: Decimal) -> Call:
    """Give the request that sets a swap's leverage."""
    segment = section_of(capabilities, symbol)
    whole = int(value)
    if value != whole:
        raise InvalidInput(f"Leverage is a whole number here, not {plain(value)}.")
    return Call(
        method="set_leverage",
        args=(whole, symbol),
        params=segment.leverage_params,
        symbol=symbol,
    )


def _book(segment: Segment, order: Order) -> Book:
    return segment.trigger if order.kind is OrderKind.STOP else segment.plain


def _asked(segment: Segment, question: Question, order: Order) -> Call | None:
    """Word a question for an order; None when it needs the venue's id and that is not known."""
    named: object = None
    params: dict[str, object] = dict(question.params)
    match question.naming:
        case Naming.PARAMETER:
            params[question.key] = on_wire(segment, order.client_order_id)
        case Naming.ARGUMENT:
            named = on_wire(segment, order.client_order_id)
        case Naming.VENUE_ID:
            if order.venue_order_id is None:
                return None
            named = order.venue_order_id
        case Naming.LISTED:
            pass
    if question.date_key is not None and order.submitted_at is not None:
        params[question.date_key] = order.submitted_at.date().isoformat()
    if question.method in _LISTS:
        since = order.submitted_at if question.takes_since else None
        call = _list_call(question, order.symbol, since)
        return replace(call, params=params)
    if question.method in _BY_ID:
        args: tuple[object, ...] = (named, order.symbol)
    else:
        args = ()
        if named is not None:
            params[question.key] = named
    return Call(
        method=question.method,
        args=args,
        params=params,
        symbol=order.symbol,
        weight=question.weight,
        market_key=question.market_key,
        unwrap=question.unwrap,
    )


def _list_call(question: Question, symbol: str | None, since: datetime | None) -> Call:
    at = None if since is None else _milliseconds(since - _BEFORE)
    return Call(
        method=question.method,
        args=(symbol, at, question.page_max),
        params=question.params,
        symbol=symbol,
        weight=question.weight,
    )


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def mentioned(answer: object) -> Collection[Mapping[str, Any]]:
    """Give the orders or trades of an answer, whether it is one or a list."""
    rows = answer if isinstance(answer, list) else [answer]
    return [row for row in rows if isinstance(row, Mapping)]
