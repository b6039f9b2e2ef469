"""The account that the screens' examples are moments of, as State, quotes and instruments."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from bot.views.health import VenueHealth, health_of
from bot.views.scene import Scene, scene_of
from engine.commands import Role
from engine.confirming import Confirmation
from engine.equity import Equity
from engine.identities import instrument_key
from engine.instruments import Instrument, InstrumentKind
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.positions import Position
from engine.quotes import Quote
from engine.risk_limits import RiskLimits
from engine.signals import SignalAction, Target, TradingSignal
from engine.state import JournalIdentity, OpenOrders, Reserved, State
from engine.tickets import Ask, TargetView, Ticket

# Ids whose four readable characters are those of the printed examples.
T_7K4M, T_4GWA, T_2HQD, T_5BVN = "288118", "561609", "2588742", "693328"
T_8CWE = "1473160"
O_6J2S, P_3F8K, B_6RPA = "566827", "1255798", "614070"
TZ = timezone(timedelta(hours=1))
TODAY = date(2026, 11, 18)
BTC, SOL, LTC = "binance:BTC/USDT", "binance:SOL/USDT", "binance:LTC/USDT"
XRP, BNB, SPOT_ETH = "binance:XRP/USDT", "binance:BNB/USDT", "binance:ETH/USDT"
ETH, PERP_BTC = "bybit:ETH/USDT:USDT", "bybit:BTC/USDT:USDT"


def at(text: str, day: date = TODAY) -> datetime:
    """Give a local time of the account's day, for example 14:32:05 or 14:32:05.400."""
    return datetime.combine(day, time.fromisoformat(text), tzinfo=TZ).astimezone(UTC)


NOW = at("14:32:05")


def _instrument(key: str, tick: str, step: str, fee: str = "0.001") -> Instrument:
    venue, _, symbol = key.partition(":")
    pair, _, settle = symbol.partition(":")
    return Instrument(
        venue=venue,
        symbol=symbol,
        base=pair.partition("/")[0],
        quote="USDT",
        kind=InstrumentKind.SWAP if settle else InstrumentKind.SPOT,
        price_tick=Decimal(tick),
        quantity_step=Decimal(step),
        quantity_min=Decimal(step),
        notional_min=Decimal(5),
        fee_maker=Decimal(fee),
        fee_taker=Decimal(fee),
        leverage_max=Decimal(5) if settle else Decimal(1),
    )


INSTRUMENTS = {
    BTC: _instrument(BTC, "0.01", "0.00001"),
    SPOT_ETH: _instrument(SPOT_ETH, "0.01", "0.0001"),
    SOL: _instrument(SOL, "0.01", "0.001"),
    XRP: _instrument(XRP, "0.0001", "0.1"),
    BNB: _instrument(BNB, "0.01", "0.001"),
    LTC: _instrument(LTC, "0.01", "0.001"),
    ETH: _instrument(ETH, "0.01", "0.01", "0.00055"),
    PERP_BTC: _instrument(PERP_BTC, "0.1", "0.001", "0.00055"),
}


def quote(key: str, mid: str, age_s: str, now: datetime = NOW, change: str = "") -> Quote:
    venue, _, symbol = key.partition(":")
    return Quote(
        venue=venue,
        symbol=symbol,
        bid=Decimal(mid) - Decimal("0.01"),
        ask=Decimal(mid) + Decimal("0.01"),
        mark=Decimal(mid),
        at=now - timedelta(seconds=float(age_s)),
        change_pct=Decimal(change) if change else None,
    )


def quotes(now: datetime = NOW) -> dict[str, Quote]:
    return {
        BTC: quote(BTC, "61240.00", "0.4", now, "1.24"),
        SPOT_ETH: quote(SPOT_ETH, "3396.20", "0.5", now, "-0.38"),
        SOL: quote(SOL, "149.90", "0.5", now, "-2.11"),
        XRP: quote(XRP, "2.1461", "0.5", now, "0.72"),
        BNB: quote(BNB, "655.20", "0.5", now),
        LTC: quote(LTC, "99.60", "0.5", now),
        ETH: quote(ETH, "3395.50", "0.6", now),
    }


def _position(key: str, quantity: str, entry: str, name: str, minute: int) -> Position:
    venue, _, symbol = key.partition(":")
    return Position(
        position_id=name,
        venue=venue,
        symbol=symbol,
        quantity=Decimal(quantity),
        entry_price=Decimal(entry),
        realised_pnl=Decimal(0),
        fees=Decimal(0),
        opened_at=NOW - timedelta(days=1, hours=5) + timedelta(minutes=minute),
        quantity_peak=abs(Decimal(quantity)),
    )


def order(key: str, side: OrderSide, quantity: str, name: str, **changes: Any) -> Order:
    venue, _, symbol = key.partition(":")
    made = Order(
        client_order_id=name,
        venue=venue,
        symbol=symbol,
        side=side,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal(quantity),
        intent="test",
    )
    return replace(made, **changes)


def _stop(key: str, side: OrderSide, quantity: str, price: str, minute: int) -> Order:
    return order(
        key,
        side,
        quantity,
        f"qdstop{minute}",
        kind=OrderKind.STOP,
        purpose=OrderPurpose.EXIT,
        status=OrderStatus.ACCEPTED,
        price_trigger=Decimal(price),
        submitted_at=NOW - timedelta(hours=5) + timedelta(minutes=minute),
    )


POSITIONS = {
    BTC: replace(
        _position(BTC, "0.05", "60480.00", P_3F8K, 0),
        targets=(Target(price=Decimal("62900.00")),),
    ),
    SOL: _position(SOL, "12", "152.40", "psol", 1),
    ETH: _position(ETH, "-0.8", "3420.00", "peth", 2),
}
STOPS = (
    _stop(BTC, OrderSide.SELL, "0.05", "59400.00", 1),
    _stop(SOL, OrderSide.SELL, "12", "147.80", 2),
    _stop(ETH, OrderSide.BUY, "0.8", "3520.00", 3),
)
LTC_BUY = order(
    LTC,
    OrderSide.BUY,
    "8",
    "qdltc",
    kind=OrderKind.LIMIT,
    status=OrderStatus.ACCEPTED,
    price_limit=Decimal("98.40"),
    submitted_at=NOW - timedelta(hours=1),
)
LIMITS = RiskLimits(
    order_notional_pct_max=Decimal(5000) / Decimal("12480.20") * 100,
    drift_bps_max=Decimal(15),
    slippage_cap_bps=Decimal(10),
    orders_open_max=20,
)

EQUITY = Equity(
    at=NOW,
    equity=Decimal("12480.20"),
    cash=Decimal("7599.80"),
    unrealised_pnl=Decimal("27.60"),
    gross=Decimal("7577.20"),
    high_water=Decimal("12655.00"),
    units=Decimal(1000),
    unit_value=Decimal("12.4802"),
    unit_high=Decimal("12.655"),
    day=TODAY,
    day_open=Decimal("12431.90"),
    loss_base=Decimal("12431.90"),
)
PAPER_EQUITY = Equity(
    at=NOW,
    equity=Decimal("9999.89"),
    cash=Decimal("9900.04"),
    unrealised_pnl=Decimal("-0.01"),
    gross=Decimal("99.85"),
    high_water=Decimal("10000.00"),
    unit_value=Decimal("10000.00"),
    unit_high=Decimal("10000.00"),
    day=TODAY,
    day_open=Decimal("10000.00"),
    loss_base=Decimal("10000.00"),
)
PAPER_JOURNAL = JournalIdentity(
    journal_id="j1234567890",
    epoch=0,
    mode="paper",
    accounts=("binance",),
    market="simulated",
    currency="USDT",
)


def live_state(**changes: Any) -> State:
    """Give the account's State in LIVE, where its stops rest at the venues."""
    state = State(
        seq=1846,
        journal=JournalIdentity(
            journal_id="j1234567890",
            epoch=0,
            mode="live",
            accounts=("binance", "bybit"),
            market="public",
            currency="USDT",
        ),
        limits=LIMITS,
        positions=POSITIONS,
        orders={each.client_order_id: each for each in (*STOPS, LTC_BUY)},
        cash={"binance:USDT": Decimal("4400.3872"), "bybit:USDT": Decimal("3199.4128")},
        # 8 LTC at 98.40, as the fold keeps it
        reserved={"binance:USDT": Reserved(margin=Decimal("787.2"), notional=Decimal("787.2"))},
        open_on={LTC_BUY.key: OpenOrders(entries=1, buys=Decimal("787.2"))},
        equity=EQUITY,
    )
    return replace(state, **changes)


def paper_state(**changes: Any) -> State:
    """Give a PAPER account whose stop is watched: 0.0294 ETH bought, nothing else."""
    position = replace(
        _position(SPOT_ETH, "0.0294", "3396.50", "peth", 0),
        stop=Decimal("3328.38"),
        opened_at=NOW - timedelta(seconds=90),
    )
    state = State(
        seq=12,
        journal=PAPER_JOURNAL,
        positions={SPOT_ETH: position},
        cash={"binance:USDT": Decimal("9900.04")},
        equity=PAPER_EQUITY,
    )
    return replace(state, **changes)


def scene(state: State, now: datetime = NOW, role: Role = Role.OWNER) -> Scene:
    user_id = {Role.OWNER: 4242, Role.TRADER: 77, Role.VIEWER: 99}[role]
    return scene_of(state, now, TZ, role, user_id)


def health(state: State, now: datetime = NOW, **changes: Any) -> tuple[VenueHealth, ...]:
    answered = {"binance": now - timedelta(seconds=1), "bybit": now - timedelta(seconds=1)}
    return health_of(state, quotes(now), INSTRUMENTS, now, orders_at=answered, **changes)


def ticket(key: str, side: OrderSide, quantity: str, name: str, **changes: Any) -> Ticket:
    """Give a ticket; the amounts are the engine's affair, so they are given."""
    venue, _, symbol = key.partition(":")
    made = Ticket(
        ticket_id=name,
        client_order_id=f"qd{name}",
        command_id="c1",
        signal=TradingSignal(
            symbol=symbol,
            action=SignalAction.BUY if side is OrderSide.BUY else SignalAction.SHORT,
            quantity=Decimal(quantity),
        ),
        venue=venue,
        symbol=symbol,
        side=side,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal(quantity),
        price_limit=None,
        quote=quotes()[BTC],
        leverage=Decimal(1),
        cost=Decimal(0),
        cost_max=Decimal(0),
        fee=Decimal(0),
        slippage_bps=Decimal(0),
        stop=None,
        stop_pnl=None,
        targets=(),
        risk_pct=None,
        quantity_after=Decimal(quantity),
        asks=(),
        confirmation=Confirmation.TAP,
        owner_id=4242,
        actor="owner 4242",
        opened_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
    )
    return replace(made, **changes)


def target(price: str, pnl: str, fraction: str = "1") -> TargetView:
    return TargetView(price=Decimal(price), fraction=Decimal(fraction), pnl=Decimal(pnl))


def ask(confirmation: Confirmation, sentence: str) -> Ask:
    return Ask(rule="test", confirmation=confirmation, sentence=sentence)


D1 = ticket(
    BTC,
    OrderSide.BUY,
    "0.00407",
    T_7K4M,
    price_limit=Decimal("61301.24"),
    cost=Decimal("249.26"),
    cost_max=Decimal("0.00407") * Decimal("61301.24"),
    fee=Decimal("0.249"),
    slippage_bps=Decimal("0.6"),
    stop=Decimal("60015.20"),
    stop_pnl=Decimal("-5.49"),
    targets=(target("63689.60", "9.45"),),
    risk_pct=Decimal("0.044"),
    quantity_after=Decimal("0.05407"),
    asks=(ask(Confirmation.TAP, "BTC share 26.5%, over 25%"),),
)
KEYS = tuple(INSTRUMENTS)
assert all(key == instrument_key(i.venue, i.symbol) for key, i in INSTRUMENTS.items())
