"""Orders: the list of open ones, and the card of one from the send to its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.views.positions import PAGE_ROWS, LevelView
from bot.views.scene import Listing, Scene, listing
from bot.views.stops import StopLevel, stop_of, target_quantities
from engine.external import ExternalOrder
from engine.instruments import Instrument
from engine.numbers import ONE, ZERO
from engine.orders import Order, OrderKind, OrderStatus
from engine.positions import Position
from engine.protection import is_protection
from engine.quotes import Quote
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """Show one open order in a list; `quantity` is what is left, signed."""

    number: int
    client_order_id: str
    listing: Listing
    quantity: Decimal
    kind: str
    price: Decimal | None
    is_exit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersView:
    """Show a page of the open orders; counts are over all of them.

    `external` are those at the venues that nobody sent from here.
    """

    scene: Scene
    lines: tuple[OrderLine, ...]
    total: int
    page: int
    pages: int
    entries: int
    stops: int
    exits: int
    external: tuple[ExternalOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """Show one order, and what protects what it filled.

    PnL at stop and targets is for what this order filled, after both fees. `position` is what is
    held now on its instrument; `mid` the price now.
    """

    scene: Scene
    listing: Listing
    order: Order
    position: Position | None
    stop: StopLevel | None
    stop_pnl: Decimal | None
    targets: tuple[LevelView, ...]
    mid: Decimal | None = None
    next_ask_at: datetime | None = None

    @property
    def spent(self) -> Decimal:
        """Give what the fills were worth, fees excluded."""
        return self.order.filled * (self.order.price_average or ZERO)

    @property
    def slippage_money(self) -> Decimal | None:
        """Give the slippage of all fills in quote currency, unsigned."""
        order = self.order
        if order.price_average is None or order.price_arrival is None:
            return None
        return abs(order.price_average - order.price_arrival) * order.filled

    @property
    def cost_max(self) -> Decimal | None:
        """Give the most the order can cost at its worst price, fees excluded."""
        price = self.order.price_limit or self.order.price_arrival
        return self.order.quantity * price if price is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlippageView:
    """Show a fill that cost more than the threshold; averages are of the day."""

    scene: Scene
    order: OrderView
    warn_bps: Decimal
    day_average_bps: Decimal | None
    day_orders: int


def orders_view(
    scene: Scene, state: State, instruments: Mapping[str, Instrument], *, page: int = 0
) -> OrdersView:
    """List the open orders: exits first, each group in the order in which it was sent."""
    ordered = sorted(
        state.orders.values(),
        key=lambda order: (not order.is_exit, order.submitted_at or scene.now),
    )
    lines = tuple(_line(number, order, instruments) for number, order in enumerate(ordered, 1))
    pages = max(1, -(-len(lines) // PAGE_ROWS))
    page = min(max(page, 0), pages - 1)
    return OrdersView(
        scene=scene,
        lines=lines[page * PAGE_ROWS : (page + 1) * PAGE_ROWS],
        total=len(lines),
        page=page,
        pages=pages,
        entries=sum(not order.is_exit for order in ordered),
        stops=sum(is_protection(order) for order in ordered),
        exits=sum(order.is_exit for order in ordered),
        external=tuple(one for orders in state.external_orders.values() for one in orders),
    )


def _line(number: int, order: Order, instruments: Mapping[str, Instrument]) -> OrderLine:
    price = order.price_trigger if order.kind is OrderKind.STOP else order.price_limit
    is_unknown = order.status is OrderStatus.UNKNOWN
    return OrderLine(
        number=number,
        client_order_id=order.client_order_id,
        listing=listing(order.key, instruments),
        quantity=order.remaining * order.side.sign,
        kind="unknown" if is_unknown else order.kind.value,
        price=price,
        is_exit=order.is_exit,
    )


def order_view(
    scene: Scene,
    order: Order,
    state: State,
    instruments: Mapping[str, Instrument],
    quotes: Mapping[str, Quote] | None = None,
    *,
    next_ask_at: datetime | None = None,
) -> OrderView:
    """Show an order of any status."""
    about = listing(order.key, instruments)
    position = state.positions.get(order.key)
    quote = quotes.get(order.key) if quotes is not None else None
    return OrderView(
        scene=scene,
        listing=about,
        order=order,
        position=position,
        stop=_stop(order, position, state),
        stop_pnl=_pnl_at(order, order.stop, order.filled, about.fee_taker),
        targets=_levels(order, about),
        mid=quote.mid if quote is not None else None,
        next_ask_at=next_ask_at,
    )


def slippage_view(
    scene: Scene, order: Order, state: State, instruments: Mapping[str, Instrument]
) -> SlippageView:
    """Show a costly fill beside the day's average."""
    tally = state.tally
    return SlippageView(
        scene=scene,
        order=order_view(scene, order, state, instruments),
        warn_bps=state.limits.slippage_warn_bps,
        day_average_bps=tally.slippage_bps_sum / tally.slippage_orders
        if tally.slippage_orders
        else None,
        day_orders=tally.slippage_orders,
    )


def _stop(order: Order, position: Position | None, state: State) -> StopLevel | None:
    if position is not None and (held := stop_of(position, state)) is not None:
        return held
    return StopLevel(price=order.stop, resting=False) if order.stop is not None else None


def _pnl_at(order: Order, price: Decimal | None, quantity: Decimal, fee: Decimal) -> Decimal | None:
    """Give s(price - average) * quantity less both fees; None before the first fill."""
    if price is None or order.price_average is None or order.filled <= ZERO:
        return None
    gain = (price - order.price_average) * quantity * order.side.sign
    return gain - price * quantity * fee - order.fees * quantity / order.filled


def _levels(order: Order, about: Listing) -> tuple[LevelView, ...]:
    quantities = target_quantities(order.filled, order.filled, order.targets, about.step)
    full = sum((target.fraction for target in order.targets), ZERO) == ONE
    return tuple(
        LevelView(
            price=target.price,
            fraction=target.fraction,
            pnl=_pnl_at(order, target.price, quantity, about.fee_taker),
            is_rest=full and number == len(quantities) > 1,
        )
        for number, (target, quantity) in enumerate(zip(order.targets, quantities, strict=True), 1)
        if target.price is not None
    )
