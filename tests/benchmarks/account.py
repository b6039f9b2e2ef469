"""The account that decisions are measured on: many instruments, positions and open orders."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from engine import events as e
from engine.breaker_limits import BreakerLimits
from engine.commands import Actor, ActorKind
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.context import Context
from engine.fold import apply
from engine.instruments import Instrument, InstrumentKind
from engine.numbers import ZERO
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide
from engine.positions import Fill
from engine.quotes import Quote
from engine.risk_limits import RiskLimits
from engine.signals import SignalAction, Target, TradingSignal
from engine.state import State

AT = datetime(2026, 11, 17, 14, 32, 5, tzinfo=UTC)
PRICE = Decimal("100.00")
VENUE = "binance"
SYMBOLS = 300
PROGRAM = Actor(kind=ActorKind.PROGRAM, name="bench")
# So wide that nothing is denied: a denial would end early, and every rule has to be run.
WIDE = RiskLimits(
    positions_max=301,
    order_notional_pct_max=Decimal(100),
    duplicate_window_s=1,
    signal_age_s_max=3600,
    orders_open_max=100_000,
    leverage_max=Decimal(1000),
    position_pct_max=Decimal(100_000),
    coin_pct_max=Decimal(100_000),
    gross_pct_max=Decimal(100_000),
    net_pct_max=Decimal(100_000),
    venue_orders_per_s_max=100_000,
    strategy_orders_per_s_max=100_000,
    orders_per_s_max=100_000,
    daily_loss_pct_max=Decimal(100),
    drawdown_pct_max=Decimal(100),
    breakers=BreakerLimits(
        losses_max=10**9,
        failures_max=10**9,
        reject_pct_max=Decimal(100),
        unknown_orders_max=10**9,
        venue_errors_pct_max=Decimal(1000),
        slippage_pct_max=Decimal(100),
    ),
)
NEVER = ConfirmPolicy(mode=ConfirmMode.NEVER)


def symbol(number: int) -> str:
    return f"C{number:03}/USDT"


def instrument(number: int) -> Instrument:
    return Instrument(
        venue=VENUE,
        symbol=symbol(number),
        base=f"C{number:03}",
        quote="USDT",
        kind=InstrumentKind.SPOT,
        price_tick=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
        quantity_min=Decimal("0.001"),
        notional_min=Decimal(5),
        fee_maker=Decimal("0.001"),
        fee_taker=Decimal("0.001"),
    )


def quote(number: int, at: datetime = AT, price: Decimal = PRICE) -> Quote:
    half = Decimal("0.01")
    return Quote(
        venue=VENUE, symbol=symbol(number), bid=price - half, ask=price + half, mark=price, at=at
    )


def opening(limits: RiskLimits = WIDE) -> Iterator[e.Event]:
    """Give what opens a new journal with a hundred million on it."""
    yield e.JournalOpened(
        at=AT,
        journal_id="bench",
        epoch=1,
        mode="paper",
        accounts=(VENUE,),
        market="manual",
        currency="USDT",
        cash=Decimal(100_000_000),
    )
    yield e.EngineStarted(at=AT, limits=limits, confirm=NEVER, order_timeout_s=300, version="bench")


def opened(limits: RiskLimits = WIDE) -> State:
    """Give a new journal's State."""
    state = State()
    for event in opening(limits):
        state = apply(state, event)
    return state


def order(name: str, number: int, *, price: str = "90.00", quantity: str = "0.5") -> Order:
    return Order(
        client_order_id=name,
        venue=VENUE,
        symbol=symbol(number),
        side=OrderSide.BUY,
        kind=OrderKind.LIMIT,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal(quantity),
        intent=name,
        price_limit=Decimal(price),
        stop=Decimal("80.00"),
        targets=(Target(price=Decimal("120.00")), Target(price=Decimal("140.00"))),
    )


def fill(
    trade: str, number: int, quantity: str, name: str | None, side: OrderSide = OrderSide.BUY
) -> Fill:
    return Fill(
        venue=VENUE,
        symbol=symbol(number),
        trade_id=trade,
        side=side,
        quantity=Decimal(quantity),
        price=PRICE,
        fee=Decimal("0.05"),
        fee_currency="USDT",
        at=AT,
        client_order_id=name,
    )


def submitted(state: State, made: Order, command_id: str | None = None) -> State:
    return apply(state, e.OrderSubmitted(at=AT, command_id=command_id, order=made))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """State, the prices of every symbol, and the time of the decision."""

    state: State
    context: Context


def holding(positions: int, orders: int) -> Iterator[e.Event]:
    """Give what leads to positions with a stop and two targets each, and to resting orders."""
    for number in range(positions):
        made = order(f"held{number}", number, price="110.00")
        yield e.OrderSubmitted(at=AT, command_id=f"command{number}", order=made)
        filled = fill(f"t{number}", number, "0.5", made.client_order_id)
        yield e.FillBooked(at=AT, fill=filled, fee_quote=filled.fee, fee_base=ZERO, is_swap=False)
    for number in range(orders):
        resting = order(f"open{number}", number % max(1, positions))
        yield e.OrderSubmitted(at=AT, command_id=None, order=resting)
        yield e.OrderAccepted(
            at=AT, client_order_id=resting.client_order_id, venue_order_id=f"v{number}"
        )


def account(positions: int, orders: int) -> Account:
    """Hold positions with a stop and two targets each, and rest limit orders beside them."""
    state = opened()
    for event in holding(positions, orders):
        state = apply(state, event)
    assert (len(state.positions), len(state.orders)) == (positions, orders)
    context = Context(
        now=AT,
        quotes={f"{VENUE}:{symbol(each)}": quote(each) for each in range(SYMBOLS)},
        instruments={f"{VENUE}:{symbol(each)}": instrument(each) for each in range(SYMBOLS)},
    )
    return Account(state=state, context=context)


def signal(number: int, *, name: str | None = None) -> TradingSignal:
    return TradingSignal(
        symbol=symbol(number),
        action=SignalAction.BUY,
        notional=Decimal(250),
        stop_loss_pct=Decimal(2),
        targets=(Target(percent=Decimal(4)),),
        signal_id=name or f"s{number}",
        created_at=AT,
    )
