"""Admission: what the paper venue checks before it accepts an order, as real venues do."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from engine.instruments import Instrument
from engine.numbers import ZERO, plain
from engine.orders import OrderKind, OrderSide
from engine.quotes import Quote
from engine.venues.account import Account
from engine.venues.book import Book, is_triggered
from engine.venues.ledger import VenueOrder
from engine.venues.money import closable, is_swap, reservation
from engine.venues.terms import RefusalCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Refuse an order with a definitive code and a sentence."""

    code: RefusalCode
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An order that wants in, and what it is judged by; no quote or book when there is no price."""

    order: VenueOrder
    instrument: Instrument
    quote: Quote | None
    book: Book | None


def refusal_of(application: Application, account: Account, *, fees_in_base: bool) -> Refusal | None:
    """Give the first reason to refuse, in the order in which venues look; None admits."""
    reasons = (*_form(application), *_size(application), *_reduction(application, account))
    if reasons:
        return reasons[0]
    return _funds(application, account, fees_in_base=fees_in_base)


def _form(application: Application) -> Iterator[Refusal]:
    order, instrument = application.order, application.instrument
    if not instrument.active:
        yield Refusal(
            code=RefusalCode.SYMBOL_INACTIVE, text=f"{order.symbol} is not trading at present."
        )
    if order.kind is OrderKind.LIMIT and order.price_limit is None:
        yield Refusal(code=RefusalCode.PRICE_MISSING, text="A limit order needs a price.")
    if order.kind is OrderKind.STOP and order.price_trigger is None:
        yield Refusal(code=RefusalCode.PRICE_MISSING, text="A stop order needs a trigger price.")
    if order.kind is OrderKind.MARKET and application.quote is None:
        yield Refusal(
            code=RefusalCode.NO_PRICE, text=f"There is no current price for {order.symbol}."
        )
    for price in (order.price_limit, order.price_trigger):
        if price is not None and (price <= ZERO or price % instrument.price_tick != ZERO):
            yield Refusal(
                code=RefusalCode.PRICE_TICK,
                text=f"The price {plain(price)} is not a multiple of the tick "
                f"{plain(instrument.price_tick)}.",
            )
    if not 1 <= order.leverage <= instrument.leverage_max:
        yield Refusal(
            code=RefusalCode.LEVERAGE,
            text=f"Leverage must be from 1 to {plain(instrument.leverage_max)}.",
        )
    yield from _trigger(application)


def _trigger(application: Application) -> Iterator[Refusal]:
    order, quote = application.order, application.quote
    if order.kind is not OrderKind.STOP or order.price_trigger is None or quote is None:
        return
    swap = is_swap(application.instrument)
    if is_triggered(quote, order.side, order.price_trigger, is_swap=swap):
        yield Refusal(
            code=RefusalCode.TRIGGER_AT_ONCE,
            text=f"The stop at {plain(order.price_trigger)} would trigger at once.",
        )


def _size(application: Application) -> Iterator[Refusal]:
    order, instrument = application.order, application.instrument
    size = plain(order.quantity)
    if order.quantity % instrument.quantity_step != ZERO:
        yield Refusal(
            code=RefusalCode.QUANTITY_STEP,
            text=f"The quantity {size} is not a multiple of {plain(instrument.quantity_step)}.",
        )
    if order.quantity < instrument.quantity_min or order.quantity <= ZERO:
        yield Refusal(
            code=RefusalCode.QUANTITY_MIN,
            text=f"The quantity {size} is below the minimum {plain(instrument.quantity_min)}.",
        )
    if instrument.quantity_max is not None and order.quantity > instrument.quantity_max:
        yield Refusal(
            code=RefusalCode.QUANTITY_MAX,
            text=f"The quantity {size} is above the maximum {plain(instrument.quantity_max)}.",
        )
    price = order.price_limit or order.price_trigger or _touch(application)
    if (
        not order.reduce_only
        and price is not None
        and order.quantity * price < instrument.notional_min
    ):
        yield Refusal(
            code=RefusalCode.NOTIONAL_MIN,
            text=f"The order is worth {plain(order.quantity * price)} {instrument.quote}, "
            f"the minimum is {plain(instrument.notional_min)}.",
        )


def _reduction(application: Application, account: Account) -> Iterator[Refusal]:
    order = application.order
    held = closable(account.positions.get(order.symbol), order.side)
    if order.reduce_only and held == ZERO:
        yield Refusal(
            code=RefusalCode.REDUCE_ONLY,
            text=f"There is no {order.symbol} position that a {order.side} would reduce.",
        )


def _funds(application: Application, account: Account, *, fees_in_base: bool) -> Refusal | None:
    order, instrument = application.order, application.instrument
    price = order.price_limit or order.price_trigger
    if order.kind is OrderKind.MARKET and (price is None or order.side is OrderSide.SELL):
        price = _average(application)
    if price is None:
        return None
    position = account.positions.get(order.symbol)
    needed = reservation(order, instrument, position, price, fees_in_base=fees_in_base)
    free = account.free(needed.currency)
    if needed.value <= free:
        return None
    return Refusal(
        code=RefusalCode.BALANCE,
        text=f"The order needs {plain(needed.value)} {needed.currency}, {plain(free)} is free.",
    )


def _touch(application: Application) -> Decimal | None:
    quote = application.quote
    if quote is None:
        return None
    return quote.ask if application.order.side is OrderSide.BUY else quote.bid


def _average(application: Application) -> Decimal | None:
    """Give what a market order would pay on average; what the book lacks counts at its end."""
    order, book = application.order, application.book
    if book is None:
        return None
    taken = book.walk(order.side, order.quantity, None)
    missing = order.quantity - sum((level.quantity for level in taken), ZERO)
    cost = sum((level.quantity * level.price for level in taken), ZERO)
    return (cost + missing * taken[-1].price) / order.quantity if taken else None
