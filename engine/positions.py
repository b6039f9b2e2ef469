"""Fills and positions: averaging, partial close, flip, realised PnL after fees."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from engine.copies import copied, quick
from engine.exit_plan import NO_PLAN, ExitPlan
from engine.identities import digest, instrument_key, short
from engine.instruments import cash_currency
from engine.numbers import ONE, ZERO
from engine.orders import OrderSide
from engine.signals import Target


class Liquidity(StrEnum):
    """Whether a fill took or made the price."""

    MAKER = "maker"
    TAKER = "taker"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """Report one execution, named by the venue's trade id; unique on (venue, symbol, trade id).

    `quantity` and `price` are above zero; `fee` is in `fee_currency`, negative for a rebate.
    """

    venue: str
    symbol: str
    trade_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: datetime
    client_order_id: str | None = None
    venue_order_id: str | None = None
    liquidity: Liquidity | None = None

    @property
    def key(self) -> str:
        """Name the fill's instrument."""
        return instrument_key(self.venue, self.symbol)

    @property
    def identity(self) -> str:
        """Name the fill for ever."""
        return f"{self.venue}:{self.symbol}:{self.trade_id}"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Hold a net quantity on one venue and symbol; positive is long, negative short.

    `entry_price` averages the opening fills; `realised_pnl` is after all fees so far, in quote
    currency; `quantity_peak` is the largest size held since its targets were set, to which their
    shares refer. `stop`, `targets` and `plan` are watched by the engine; `trail_peak` is the best
    price that a trailing stop has seen, `targets_filled` how many of the ladder have been sold.
    `ladder` is what their shares refer to once something else has made the position smaller.
    `funding` is what a swap received (negative: paid) for staying open.
    """

    position_id: str
    venue: str
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    realised_pnl: Decimal
    fees: Decimal
    opened_at: datetime
    quantity_peak: Decimal
    leverage: Decimal = ONE
    strategy: str = "manual"
    stop: Decimal | None = None
    targets: tuple[Target, ...] = ()
    external: bool = False
    funding: Decimal = ZERO
    plan: ExitPlan = NO_PLAN
    trail_peak: Decimal | None = None
    targets_filled: int = 0
    ladder: Decimal | None = None

    @property
    def key(self) -> str:
        """Name the position's instrument."""
        return instrument_key(self.venue, self.symbol)

    @property
    def is_long(self) -> bool:
        """Tell whether the quantity is positive."""
        return self.quantity > ZERO

    @property
    def ladder_base(self) -> Decimal:
        """Give the quantity that the targets' shares are of."""
        return self.quantity_peak if self.ladder is None else self.ladder

    @property
    def is_guarded(self) -> bool:
        """Tell whether anything would close the position by itself."""
        return self.stop is not None or bool(self.targets) or self.plan != NO_PLAN

    @property
    def exit_side(self) -> OrderSide:
        """Give the side that reduces the position."""
        return OrderSide.SELL if self.is_long else OrderSide.BUY

    @property
    def short_id(self) -> str:
        """Give the name a person reads."""
        return short(self.position_id, "P")

    def unrealised_pnl(self, mark: Decimal) -> Decimal:
        """Give (mark - entry) * quantity, in quote currency, before the closing fee."""
        return (mark - self.entry_price) * self.quantity


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Say what one fill did: the position after it (None when flat), and what it realised.

    `gain` is before fees; `realised` is after the fill's fee; `cash` is the change of quote cash.
    `closed` is the position as it ended, when the fill closed or flipped it.
    """

    position: Position | None
    gain: Decimal
    realised: Decimal
    cash: Decimal
    closed: Position | None = None


def book(
    position: Position | None, fill: Fill, *, fee_quote: Decimal, fee_base: Decimal, is_swap: bool
) -> Booking:
    """Book a fill on a position.

    `fee_quote` is the fee's worth in quote currency, whatever it was paid in; `fee_base` is the
    part paid out of the bought base currency (spot), which shrinks the position; zero otherwise.
    """
    signed = fill.side.sign * fill.quantity
    held = position.quantity if position is not None else ZERO
    # What the fee took of the bought units closes nothing, and never enters the average: realised
    # and open PnL then add up to the equity at any mark.
    quantity = max(ZERO, fill.quantity - fee_base)
    closing = min(abs(held), quantity) if held * signed < ZERO else ZERO
    gain = ZERO
    if position is not None and closing > ZERO:
        direction = 1 if position.is_long else -1
        gain = (fill.price - position.entry_price) * closing * direction
    # A fee in another currency comes out of that one's purse, not out of this cash.
    is_in_quote = fee_base == ZERO and fill.fee_currency == cash_currency(fill.symbol)
    paid_in_quote = fee_quote if is_in_quote else ZERO
    cash = (gain if is_swap else -signed * fill.price) - paid_in_quote
    reduced = _reduced(position, closing, gain)
    opening = quantity - closing
    closed: Position | None = None
    if position is not None and reduced is None:
        closed = copied(
            position,
            quantity=ZERO,
            realised_pnl=position.realised_pnl + gain - fee_quote * closing / quantity,
            fees=position.fees + fee_quote * closing / quantity,
        )
    base = reduced if closing > ZERO else position
    fee_after = fee_quote if closed is None else fee_quote * opening / quantity
    after = _with_fee(_opened(base, fill, opening, signed), fee_after)
    return Booking(position=after, gain=gain, realised=gain - fee_quote, cash=cash, closed=closed)


def _reduced(position: Position | None, closing: Decimal, gain: Decimal) -> Position | None:
    if position is None:
        return None
    direction = 1 if position.is_long else -1
    left = position.quantity - closing * direction
    if left == ZERO:
        return None
    return copied(position, quantity=left, realised_pnl=position.realised_pnl + gain)


def _opened(
    position: Position | None, fill: Fill, opening: Decimal, signed: Decimal
) -> Position | None:
    if opening == ZERO:
        return position
    quantity = opening if signed > ZERO else -opening
    if position is None:
        return Position(
            position_id="p" + digest(fill.identity, length=15),
            venue=fill.venue,
            symbol=fill.symbol,
            quantity=quantity,
            entry_price=fill.price,
            realised_pnl=ZERO,
            fees=ZERO,
            opened_at=fill.at,
            quantity_peak=opening,
        )
    total = position.quantity + quantity
    cost = position.entry_price * position.quantity + fill.price * quantity
    return copied(
        position,
        quantity=total,
        entry_price=cost / total,
        quantity_peak=max(position.quantity_peak, abs(total)),
        ladder=None if position.ladder is None else max(position.ladder, abs(total)),
    )


def _with_fee(position: Position | None, fee: Decimal) -> Position | None:
    if position is None:
        return None
    return copied(
        position,
        realised_pnl=position.realised_pnl - fee,
        fees=position.fees + fee,
    )
