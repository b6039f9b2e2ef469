"""Positions: the list, the card of one, and what a close by preset did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.views.scene import Listing, Scene, listing
from bot.views.stops import (
    StopLevel,
    distance_pct,
    pnl_after_exit,
    stop_of,
    target_quantities,
)
from engine.exits import break_even_price
from engine.instruments import Instrument
from engine.numbers import HUNDRED, ZERO
from engine.orders import Order
from engine.portfolio import valuation
from engine.positions import Position
from engine.quotes import Quote
from engine.state import State

PAGE_ROWS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """Show a price at which a share of a position or an order is closed, and the PnL there."""

    price: Decimal
    fraction: Decimal
    pnl: Decimal | None
    is_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """Show one position in a list; `pnl` and `pnl_pct` None without a quote."""

    number: int
    position_id: str
    listing: Listing
    quantity: Decimal
    pnl: Decimal | None
    pnl_pct: Decimal | None
    value: Decimal
    stop: StopLevel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsView:
    """Show a page of the open positions; sums are over all of them, in the reporting currency."""

    scene: Scene
    lines: tuple[PositionLine, ...]
    total: int
    page: int
    pages: int
    pnl: Decimal | None
    gross: Decimal
    net: Decimal
    resting: int
    watched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionView:
    """Show one position; PnL at stop and targets is after the closing fee, open PnL at the mark."""

    scene: Scene
    listing: Listing
    position: Position
    mark: Decimal | None
    mark_age: timedelta | None
    pnl: Decimal | None
    pnl_pct: Decimal | None
    value: Decimal
    equity: Decimal | None
    stop: StopLevel | None
    stop_pnl: Decimal | None
    stop_pct: Decimal | None
    targets: tuple[LevelView, ...]
    break_even: Decimal | None
    free: Decimal
    is_unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseView:
    """Show what a close by preset did, in quote currency; `left` None when all is closed."""

    scene: Scene
    listing: Listing
    order: Order
    position_id: str
    position_name: str
    was_long: bool
    left: Decimal | None
    stop: Decimal | None
    slippage_bps: Decimal | None

    @property
    def gain(self) -> Decimal:
        """Give what the close earned before its fee."""
        return self.order.realised_pnl + self.order.fees


def positions_view(
    scene: Scene,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
    *,
    page: int = 0,
) -> PositionsView:
    """List the positions in the order in which they were opened."""
    held = sorted(state.positions.values(), key=lambda p: (p.opened_at, p.position_id))
    lines = tuple(
        _position_line(number, position, state, quotes, instruments)
        for number, position in enumerate(held, start=1)
    )
    pages = max(1, -(-len(lines) // PAGE_ROWS))
    page = min(max(page, 0), pages - 1)
    pnls = [line.pnl for line in lines if line.pnl is not None]
    stops = [line.stop for line in lines if line.stop is not None]
    return PositionsView(
        scene=scene,
        lines=lines[page * PAGE_ROWS : (page + 1) * PAGE_ROWS],
        total=len(lines),
        page=page,
        pages=pages,
        pnl=sum(pnls, ZERO) if len(pnls) == len(lines) else None,
        gross=sum((abs(line.value) for line in lines), ZERO),
        net=sum((line.value for line in lines), ZERO),
        resting=sum(stop.resting for stop in stops),
        watched=sum(not stop.resting for stop in stops),
    )


def position_view(
    scene: Scene,
    position_id: str,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> PositionView | None:
    """Show one position; None when no open position has this id."""
    position = state.position(position_id)
    if position is None:
        return None
    about = listing(position.key, instruments)
    quote = quotes.get(position.key)
    stop = stop_of(position, state)
    size = abs(position.quantity)
    worth = valuation(state, quotes)
    sampled = state.equity.equity if state.equity is not None else None
    instrument = instruments.get(position.key)
    return PositionView(
        scene=scene,
        listing=about,
        position=position,
        mark=quote.mark if quote is not None else None,
        mark_age=_age(scene.now, quote.at) if quote is not None else None,
        pnl=position.unrealised_pnl(quote.mark) if quote is not None else None,
        pnl_pct=pnl_pct(position, quote),
        value=size * (quote.mark if quote is not None else position.entry_price),
        equity=worth.equity if worth is not None else sampled,
        stop=stop,
        stop_pnl=pnl_after_exit(position, stop.price, size, about.fee_taker) if stop else None,
        stop_pct=distance_pct(stop.price, quote.mid) if stop and quote is not None else None,
        targets=position_levels(position, about),
        break_even=break_even_of(position, stop, quote, instrument),
        free=free_of(position, state),
        is_unknown=bool(state.unknown_on(position.key)),
    )


def free_of(position: Position, state: State) -> Decimal:
    """Give the quantity that no exit is closing yet; 0 or more."""
    return max(ZERO, abs(position.quantity) - state.exits_pending(position.key))


def break_even_of(
    position: Position, stop: StopLevel | None, quote: Quote | None, instrument: Instrument | None
) -> Decimal | None:
    """Give the break-even price a stop may move to now.

    None while the price has not passed it, when the stop is as good already, or when a stop rests
    at the venue, which the console does not move.
    """
    if instrument is None or quote is None:
        return None
    price = break_even_price(position, instrument)
    if position.is_long:
        is_passed, is_better = quote.mid > price, stop is None or stop.price < price
    else:
        is_passed, is_better = quote.mid < price, stop is None or stop.price > price
    return price if is_passed and is_better else None


def position_levels(position: Position, about: Listing) -> tuple[LevelView, ...]:
    """Show a position's targets with the PnL of each after the closing fee."""
    quantities = target_quantities(
        position.ladder_base, abs(position.quantity), position.targets, about.step
    )
    full = sum((target.fraction for target in position.targets), ZERO) == 1
    return tuple(
        LevelView(
            price=target.price,
            fraction=target.fraction,
            pnl=pnl_after_exit(position, target.price, quantity, about.fee_taker),
            is_rest=full and number == len(quantities) > 1,
        )
        for number, (target, quantity) in enumerate(
            zip(position.targets, quantities, strict=True), start=1
        )
        if target.price is not None
    )


def close_view(
    scene: Scene,
    order: Order,
    state: State,
    instruments: Mapping[str, Instrument],
    *,
    position_id: str,
    position_name: str,
) -> CloseView:
    """Show a filled exit, and what is left of its position."""
    left = state.position(position_id)
    return CloseView(
        scene=scene,
        listing=listing(order.key, instruments),
        order=order,
        position_id=position_id,
        position_name=position_name,
        was_long=order.side.sign < 0,
        left=abs(left.quantity) if left is not None else None,
        stop=stop.price if left is not None and (stop := stop_of(left, state)) else None,
        slippage_bps=order.slippage_cost_bps,
    )


def pnl_pct(position: Position, quote: Quote | None) -> Decimal | None:
    """Give the open PnL in percent of what was paid."""
    if quote is None:
        return None
    paid = abs(position.quantity) * position.entry_price
    return position.unrealised_pnl(quote.mark) / paid * HUNDRED


def _position_line(
    number: int,
    position: Position,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> PositionLine:
    quote = quotes.get(position.key)
    return PositionLine(
        number=number,
        position_id=position.position_id,
        listing=listing(position.key, instruments),
        quantity=position.quantity,
        pnl=position.unrealised_pnl(quote.mark) if quote is not None else None,
        pnl_pct=pnl_pct(position, quote),
        value=position.quantity * (quote.mark if quote is not None else position.entry_price),
        stop=stop_of(position, state),
    )


def _age(now: datetime, at: datetime) -> timedelta:
    return max(timedelta(), now - at)
