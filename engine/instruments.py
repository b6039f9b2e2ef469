"""Instruments: what can be traded, and the only place that rounds a price or a quantity.

Quantities are in base currency everywhere, for swaps too; a venue adapter converts to contracts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from enum import StrEnum

from engine.numbers import ONE, ZERO


class InstrumentKind(StrEnum):
    """Spot, or a linear perpetual swap."""

    SPOT = "spot"
    SWAP = "swap"


class Toward(StrEnum):
    """The direction of a rounding; there is no default."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """Describe one symbol of one venue.

    `price_tick` and `quantity_step` are in quote and base currency, above zero; `fee_maker` and
    `fee_taker` are shares (0.001 is 0.1 %); `quantity_max` None means that the venue states none.
    `price_digits` is how many significant digits a price may have, where the venue counts those.
    `listed_at` is when the venue told all this; None where it cannot grow old.
    """

    venue: str
    symbol: str
    base: str
    quote: str
    kind: InstrumentKind
    price_tick: Decimal
    quantity_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal | None = None
    notional_min: Decimal = ZERO
    contract_size: Decimal = ONE
    fee_maker: Decimal = ZERO
    fee_taker: Decimal = ZERO
    leverage_max: Decimal = ONE
    active: bool = True
    price_digits: int | None = None
    listed_at: datetime | None = None

    def quantity_rounded(self, quantity: Decimal) -> Decimal:
        """Round a quantity down to the lot: never more than was asked for."""
        return _step(quantity, self.quantity_step, Toward.DOWN)

    def quantity_covering(self, notional: Decimal, price: Decimal) -> Decimal:
        """Give the smallest tradable quantity worth at least `notional` at `price`."""
        wanted = _step(notional / price, self.quantity_step, Toward.UP)
        return max(wanted, _step(self.quantity_min, self.quantity_step, Toward.UP))

    def price_rounded(self, price: Decimal, toward: Toward) -> Decimal:
        """Round a price to the tick in the direction given."""
        tick = self.price_tick
        if self.price_digits is not None and price:
            tick = max(tick, ONE.scaleb(price.adjusted() + 1 - self.price_digits))
        return _step(price, tick, toward)

    def is_dust(self, quantity: Decimal, price: Decimal | None) -> bool:
        """Tell whether a remainder is too small for the venue to accept a closing order.

        A swap's reduce-only order is exempt from the minimum notional on the venues we know.
        """
        size = abs(quantity)
        if self.quantity_rounded(size) < max(self.quantity_min, self.quantity_step):
            return True
        if self.kind is InstrumentKind.SWAP or price is None:
            return False
        return self.quantity_rounded(size) * price < self.notional_min


# Wide enough for the largest number over the smallest step (1e18 / 1e-18) times any step. What is
# longer still is cut in the direction of the rounding, never toward the nearest.
_DOWN = Context(prec=60, rounding=ROUND_FLOOR)
_UP = Context(prec=60, rounding=ROUND_CEILING)


def _step(value: Decimal, step: Decimal, toward: Toward) -> Decimal:
    context = _DOWN if toward is Toward.DOWN else _UP
    steps = context.divide(value, step).to_integral_value(context.rounding)
    return context.multiply(steps, step)


def cash_currency(symbol: str) -> str:
    """Give the currency that trades of a symbol move: the settle of a swap, the quote of a pair."""
    pair, _, settle = symbol.partition(":")
    return settle or pair.partition("/")[2]


def symbol_named(text: str, known: Iterable[str], *, quote: str = "USDT") -> str | None:
    """Find the known symbol a person or a strategy meant, or None.

    Accepts `BTC/USDT`, `BTCUSDT`, `btc` (with the reporting currency), and the swap as
    `BTC/USDT:USDT`. Case does not count.
    """
    symbols = tuple(known)
    wanted = text.strip().upper()
    by_name = {symbol.upper(): symbol for symbol in symbols}
    joined = {symbol.upper().replace("/", ""): symbol for symbol in symbols}
    for candidate in (wanted, f"{wanted}/{quote}"):
        if candidate in by_name:
            return by_name[candidate]
    return joined.get(wanted)
