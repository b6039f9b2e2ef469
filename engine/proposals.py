"""Proposals: a signal priced and sized against one instrument, before any rule has judged it."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from engine.aims import aim_of, stale_price
from engine.context import Context, measured_equity
from engine.copies import copied, quick
from engine.events import Breach
from engine.exit_plan import NO_PLAN, ExitPlan, plan_fault, plan_priced
from engine.identities import instrument_key
from engine.instruments import Instrument, Toward, symbol_named
from engine.numbers import BPS, HUNDRED, ONE, ZERO, plain
from engine.orders import OrderKind, OrderPurpose, OrderSide
from engine.positions import Position
from engine.quotes import Quote
from engine.signals import Target, TradingSignal
from engine.sizing import Sizing, quantity_wanted
from engine.state import State
from engine.tickets import TargetView


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Hold one order as it would be sent, with what it costs.

    `price` is the expected average fill; `cost` = quantity * price; `cost_max` the most it can
    cost at its price limit, fees excluded. An exit without a quote has `quote` None and `price`
    at the position's entry.
    """

    signal: TradingSignal
    instrument: Instrument
    side: OrderSide
    kind: OrderKind
    purpose: OrderPurpose
    quantity: Decimal
    price_limit: Decimal | None
    price: Decimal
    quote: Quote | None
    stop: Decimal | None
    targets: tuple[Target, ...]
    plan: ExitPlan
    position: Position | None
    quantity_asked: Decimal

    @property
    def key(self) -> str:
        """Name the instrument."""
        return instrument_key(self.instrument.venue, self.instrument.symbol)

    @property
    def is_exit(self) -> bool:
        """Tell whether it can only reduce a position."""
        return self.purpose is OrderPurpose.EXIT

    @property
    def cost(self) -> Decimal:
        """Give the expected cost in quote currency, fee excluded."""
        return self.quantity * self.price

    @property
    def cost_max(self) -> Decimal:
        """Give the most it can cost (a sell: the value at the mid), fee excluded."""
        if self.side is OrderSide.BUY and self.price_limit is not None:
            return self.quantity * self.price_limit
        return max(self.cost, self.quantity * (self.price_limit or ZERO))

    @property
    def amount_asked(self) -> Decimal:
        """Give what was asked for in quote currency: as written, or the most it can cost."""
        return self.signal.notional or self.cost_max

    @property
    def fee(self) -> Decimal:
        """Give the expected fee at the taker's rate, in quote currency."""
        return self.cost * self.instrument.fee_taker

    @property
    def slippage_bps(self) -> Decimal:
        """Give the expected cost against the mid, in basis points."""
        if self.quote is None:
            return ZERO
        return (self.price - self.quote.mid) / self.quote.mid * BPS * self.side.sign

    @property
    def quantity_after(self) -> Decimal:
        """Give the signed position once it has filled."""
        held = self.position.quantity if self.position is not None else ZERO
        return held + self.quantity * self.side.sign

    def pnl_at(self, price: Decimal, fraction: Decimal = ONE) -> Decimal:
        """Give the PnL of a share of this order closed at a price, after both fees."""
        quantity = self.quantity * fraction
        gain = (price - self.price) * quantity * self.side.sign
        fees = (self.price + price) * quantity * self.instrument.fee_taker
        return gain - fees

    def target_views(self) -> tuple[TargetView, ...]:
        """Give each target with its price and its PnL."""
        return tuple(
            TargetView(
                price=target.price,
                fraction=target.fraction,
                pnl=self.pnl_at(target.price, target.fraction),
            )
            for target in self.targets
            if target.price is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproposable:
    """Say why no order can be made of a signal, and which symbols were perhaps meant."""

    breach: Breach
    symbol: str
    side: OrderSide | None = None
    suggestions: tuple[str, ...] = ()


def propose(
    state: State, signal: TradingSignal, venue: str, context: Context
) -> Proposal | Unproposable:
    """Price and size a signal at a venue."""
    symbol: str | None = signal.symbol
    if instrument_key(venue, signal.symbol) not in context.instruments:
        symbol = symbol_named(signal.symbol, context.symbols(venue), quote=state.currency)
    if symbol is None:
        return Unproposable(
            breach=Breach(
                rule="symbol",
                sentence=f"No symbol {signal.symbol.upper()} at {venue}.",
                value=signal.symbol.upper(),
            ),
            symbol=signal.symbol.upper(),
        )
    key = instrument_key(venue, symbol)
    instrument = context.instruments[key]
    position = state.positions.get(key)
    aim = aim_of(signal.action, instrument, position)
    if isinstance(aim, Breach):
        return Unproposable(breach=aim, symbol=symbol)
    side, purpose = aim
    quote = context.fresh(key, state)
    if quote is None and purpose is OrderPurpose.ENTRY:
        return Unproposable(breach=stale_price(context, key, state), symbol=symbol, side=side)
    assert quote is not None or position is not None, "an exit has a position"
    draft = _priced(signal, instrument, aim, quote, position)
    if isinstance(draft, Breach):
        return Unproposable(breach=draft, symbol=symbol, side=side)
    wrong = _wrong_side(draft) or _wrong_plan(draft, context.now)
    if wrong is not None:
        return Unproposable(breach=wrong, symbol=symbol, side=side)
    return _sized(draft, state)


def _priced(
    signal: TradingSignal,
    instrument: Instrument,
    aim: tuple[OrderSide, OrderPurpose],
    quote: Quote | None,
    position: Position | None,
) -> Proposal | Breach:
    """Fix kind, limit and expected price; a price that the tick rounds to nothing is refused.

    Distances start at the mid, or at a limit price that waits for a better one.
    """
    side, purpose = aim
    passive = Toward.DOWN if side is OrderSide.BUY else Toward.UP
    limit = signal.price_limit
    kind = OrderKind.MARKET if limit is None else OrderKind.LIMIT
    if limit is not None:
        limit = instrument.price_rounded(limit, passive)
    price = touch = _touch(quote, side, position)
    if limit is not None:
        if limit <= ZERO:
            return _below_tick("limit", instrument)
        price = min(limit, touch) if side is OrderSide.BUY else max(limit, touch)
    anchor = _anchor(limit, quote, side, price)
    # The stop is rounded toward the price, so it never risks more than was asked for; a target
    # likewise, so it is reached no later.
    up, down = (Toward.UP, Toward.DOWN) if side is OrderSide.BUY else (Toward.DOWN, Toward.UP)
    stop = signal.stop_loss
    if signal.stop_loss_pct is not None:
        stop = anchor * (1 - side.sign * signal.stop_loss_pct / HUNDRED)
    if stop is not None:
        stop = instrument.price_rounded(stop, up)
    prices = [
        instrument.price_rounded(_target_price(target, anchor, side), down)
        for target in signal.targets
    ]
    if (stop is not None and stop <= ZERO) or any(price <= ZERO for price in prices):
        return _below_tick("stop or target", instrument)
    targets = tuple(
        replace(target, price=reached, percent=None)
        for target, reached in zip(signal.targets, prices, strict=True)
    )
    return Proposal(
        signal=signal,
        instrument=instrument,
        side=side,
        kind=kind,
        purpose=purpose,
        quantity=ZERO,
        price_limit=limit,
        price=price,
        quote=quote,
        stop=stop if purpose is OrderPurpose.ENTRY else None,
        targets=targets if purpose is OrderPurpose.ENTRY else (),
        plan=plan_priced(signal.plan, price=anchor, sign=side.sign)
        if purpose is OrderPurpose.ENTRY
        else NO_PLAN,
        position=position,
        quantity_asked=ZERO,
    )


def _anchor(limit: Decimal | None, quote: Quote | None, side: OrderSide, price: Decimal) -> Decimal:
    """Give where distances in percent start: the mid, or a limit price that is better than it."""
    mid = quote.mid if quote is not None else price
    if limit is None:
        return mid
    return min(limit, mid) if side is OrderSide.BUY else max(limit, mid)


def _below_tick(what: str, instrument: Instrument) -> Breach:
    tick = plain(instrument.price_tick)
    return Breach(
        rule="price_tick",
        sentence=f"The {what} is below the smallest price of {instrument.symbol}, {tick}.",
        limit=tick,
    )


def _touch(quote: Quote | None, side: OrderSide, position: Position | None) -> Decimal:
    if quote is None:
        assert position is not None, "an exit has a position"
        return position.entry_price
    return quote.ask if side is OrderSide.BUY else quote.bid


def _target_price(target: Target, anchor: Decimal, side: OrderSide) -> Decimal:
    if target.price is not None:
        return target.price
    assert target.percent is not None, "a target has a price or a percentage"
    return anchor * (1 + side.sign * target.percent / HUNDRED)


def _wrong_side(draft: Proposal) -> Breach | None:
    anchor = _anchor(draft.price_limit, draft.quote, draft.side, draft.price)
    word = "A buy" if draft.side is OrderSide.BUY else "A short"
    stop_side, target_side = (
        ("below", "above") if draft.side is OrderSide.BUY else ("above", "below")
    )
    if draft.stop is not None and (anchor - draft.stop) * draft.side.sign <= ZERO:
        return Breach(
            rule="stop_side",
            sentence=f"{word} has its stop {stop_side} the price.",
            value=plain(draft.stop),
            limit=plain(anchor),
        )
    for target in draft.targets:
        price = target.price or ZERO
        if price <= ZERO or (price - anchor) * draft.side.sign <= ZERO:
            return Breach(
                rule="target_side",
                sentence=f"{word} has its targets {target_side} the price.",
                value=plain(price),
                limit=plain(anchor),
            )
    return None


def _wrong_plan(draft: Proposal, now: datetime) -> Breach | None:
    anchor = _anchor(draft.price_limit, draft.quote, draft.side, draft.price)
    fault = plan_fault(draft.plan, price=anchor, sign=draft.side.sign, now=now)
    return Breach(rule="plan", sentence=fault) if fault is not None else None


def _sized(draft: Proposal, state: State) -> Proposal | Unproposable:
    cap = draft.price_limit
    if draft.kind is OrderKind.MARKET and not draft.is_exit and draft.quote is not None:
        share = state.limits.slippage_cap_bps / BPS * draft.side.sign
        passive = Toward.DOWN if draft.side is OrderSide.BUY else Toward.UP
        cap = draft.instrument.price_rounded(draft.quote.mid * (1 + share), passive)
    wanted = quantity_wanted(
        Sizing(
            signal=draft.signal,
            side=draft.side,
            is_exit=draft.is_exit,
            price=cap or draft.price,
            price_expected=draft.price,
            stop=draft.stop,
            equity=measured_equity(state),
            fee_share=draft.instrument.fee_taker,
            held=abs(draft.position.quantity) if draft.position is not None else ZERO,
        )
    )
    if isinstance(wanted, Breach):
        return Unproposable(breach=wanted, symbol=draft.instrument.symbol, side=draft.side)
    quantity = wanted
    if draft.is_exit and draft.position is not None:
        free = abs(draft.position.quantity) - state.exits_pending(draft.key)
        quantity = min(wanted, max(ZERO, free))
    return copied(
        draft,
        quantity=draft.instrument.quantity_rounded(quantity),
        quantity_asked=wanted,
        price_limit=cap,
    )
