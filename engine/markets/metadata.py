"""Metadata: from ccxt's description of a market to an Instrument, exactly or not at all."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from engine.instruments import Instrument, InstrumentKind
from engine.numbers import ONE, ZERO

DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4
# Most venues state a swap's highest leverage only to the account's owner.
LEVERAGE_UNSTATED = Decimal(10)
# Counts the significant digits of a price, up to eight places; and the places of a quantity.
BY_DIGITS = "bitfinex"
PLACES_MAX = Decimal("1e-8")
Market = Mapping[str, object]


def instrument_of(
    venue: str, market: Market, precision_mode: int, listed_at: datetime | None = None
) -> Instrument | None:
    """Describe a spot market or a linear swap, as the venue told it at `listed_at`.

    None for any other kind, and where the venue states no step: what cannot be rounded exactly
    cannot be traded.
    """
    kind = _kind(market)
    precision, limits = _part(market, "precision"), _part(market, "limits")
    digits = None
    if venue == BY_DIGITS and precision_mode == SIGNIFICANT_DIGITS:
        digits = number(precision.get("price"))
        tick = None if digits is None else PLACES_MAX
        step = _step(precision.get("amount"), DECIMAL_PLACES)
    else:
        tick = _step(precision.get("price"), precision_mode)
        step = _step(precision.get("amount"), precision_mode)
    if kind is None or tick is None or step is None:
        return None
    contract = ONE
    if kind is InstrumentKind.SWAP:
        contract = number(market.get("contractSize")) or ONE
    amount, cost = _part(limits, "amount"), _part(limits, "cost")
    quantity_max = number(amount.get("max"))
    leverage = number(_part(limits, "leverage").get("max")) or LEVERAGE_UNSTATED
    return Instrument(
        venue=venue,
        symbol=str(market["symbol"]),
        base=str(market["base"]),
        quote=str(market["quote"]),
        kind=kind,
        price_tick=tick,
        quantity_step=_times(step, contract),
        quantity_min=_times(max(number(amount.get("min")) or step, step), contract),
        quantity_max=_times(quantity_max, contract) if quantity_max else None,
        notional_min=number(cost.get("min")) or ZERO,
        contract_size=contract,
        fee_maker=number(market.get("maker")) or ZERO,
        fee_taker=number(market.get("taker")) or ZERO,
        leverage_max=leverage if kind is InstrumentKind.SWAP else ONE,
        active=market.get("active") is not False,
        price_digits=None if digits is None else int(digits),
        listed_at=listed_at,
    )


def number(value: object) -> Decimal | None:
    """Read a finite number that ccxt gives, through its text; None when there is none."""
    if value is None or isinstance(value, bool):
        return None
    if value.__class__ is Decimal:  # the same one for thousands of markets
        return value if value.is_finite() else None
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        return None
    return read if read.is_finite() else None


def _times(contracts: Decimal, size: Decimal) -> Decimal:
    """Turn contracts into base currency; where they are that already, no new number is made."""
    return contracts if size == ONE else contracts * size


def _kind(market: Market) -> InstrumentKind | None:
    if market.get("spot") is True:
        return InstrumentKind.SPOT
    is_linear = market.get("linear") is True and market.get("settle") == market.get("quote")
    if market.get("swap") is True and is_linear:
        return InstrumentKind.SWAP
    return None


def _step(value: object, precision_mode: int) -> Decimal | None:
    read = number(value)
    if read is None:
        return None
    if precision_mode == DECIMAL_PLACES:
        return ONE.scaleb(-int(read))
    # a count of significant digits is no step: it changes with the price
    return read if precision_mode == TICK_SIZE and read > ZERO else None


def _part(market: Market, name: str) -> Market:
    part = market.get(name)
    return part if isinstance(part, Mapping) else {}
