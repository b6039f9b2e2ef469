"""Fees decided: what one cost in the quote currency, whatever it was paid in."""

from dataclasses import dataclass
from decimal import Decimal

from engine import events as e
from engine.decide.turn import Turn
from engine.instruments import cash_currency
from engine.numbers import ONE, ZERO
from engine.orders import OrderSide
from engine.portfolio import is_swap
from engine.positions import Fill
from engine.quotes import Quote
from engine.rates import Rate, rate_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePaid:
    """Give a fee's worth in quote currency, the part out of the bought base, and its quotes.

    `owed` is the fee itself, in its own currency, while nothing gives its price.
    """

    worth: Decimal
    base: Decimal = ZERO
    quotes: tuple[Quote, ...] = ()
    owed: Decimal = ZERO


def fee_paid(turn: Turn, fill: Fill) -> FeePaid:
    """Price a fill's fee.

    One in a third currency is converted at the mids of the moment, which the event records. Without
    a fresh quote its cost is unknown: it is booked as owed, and settled at the first price.
    """
    base = fill.symbol.partition("/")[0]
    currency = cash_currency(fill.symbol)
    if fill.fee_currency == currency or fill.fee == ZERO:
        return FeePaid(worth=fill.fee)
    if fill.fee_currency == base:
        spot_buy = fill.side is OrderSide.BUY and not is_swap(fill.symbol)
        return FeePaid(worth=fill.fee * fill.price, base=fill.fee if spot_buy else ZERO)
    rate = _rate(turn, fill.fee_currency, currency, fill.venue)
    if rate is None:
        return FeePaid(worth=ZERO, owed=fill.fee)
    return FeePaid(worth=fill.fee * rate.value, quotes=rate.quotes)


def _rate(turn: Turn, currency: str, into: str, venue: str) -> Rate | None:
    now, limit = turn.now, turn.state.limits.quote_age_s_max
    return rate_of(
        currency,
        into,
        turn.context.quotes,
        venues=turn.state.venues_from(venue),
        is_fresh=lambda quote: quote.age_s(now) <= limit,
    )


def settle_fees(turn: Turn) -> None:
    """Book what fees cost that had no price at their fill, where there is one by now."""
    for identity, owed in tuple(turn.state.fees_owed.items()):
        venue, _, symbol = owed.key.partition(":")
        price = _rate(turn, owed.currency, cash_currency(symbol), venue)
        if price is None:
            continue
        turn.add(
            e.FeeSettled(
                at=turn.now,
                command_id=turn.command_id,
                identity=identity,
                fee_quote=owed.amount * price.value,
                rate=reporting_rate(turn, cash_currency(symbol)),
                quotes=price.quotes,
            )
        )


def reporting_rate(turn: Turn, currency: str) -> Decimal:
    """Give a currency's worth in the reporting one: now, or as last measured, or zero unknown."""
    if currency == turn.state.currency:
        return ONE
    rate = turn.context.rate(currency, turn.state)
    return rate.value if rate is not None else turn.state.rates.get(currency, ZERO)
