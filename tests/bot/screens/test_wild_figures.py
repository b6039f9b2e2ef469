"""Every card survives any figure and any name: nothing is cut, nothing breaks a limit."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.callbacks import can_stand
from bot.screens import (
    accounts,
    board,
    breakers,
    guided,
    ladder,
    limits,
    order_list,
    orders,
    outcomes,
    positions,
    records,
    refusals,
    tickets,
    trouble,
    unknown,
)
from bot.screens.layout import Screen
from bot.views import accounts as account_views
from bot.views.board import board_view
from bot.views.breakers import breaker_view
from bot.views.flatten import flatten_view
from bot.views.guided import guided_symbols, guided_view
from bot.views.ladder import ladder_view
from bot.views.orders import order_view, orders_view, slippage_view
from bot.views.positions import close_view, position_view, positions_view
from bot.views.records import risk_view
from bot.views.refusals import too_small_view, wrong_stop_view
from bot.views.tickets import denied_view, ticket_view
from bot.views.trouble import silent_view
from engine.commands import Actor, ActorKind, Role
from engine.events import Breach, OrderDenied
from engine.instruments import Instrument, InstrumentKind
from engine.orders import OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.quotes import Quote
from engine.risk_limits import TradingState
from engine.signals import Target
from engine.state import State
from engine.stops import Breaker, FlattenRun
from tests.bot.screens import account as a

OWNER = Actor(kind=ActorKind.PERSON, user_id=4242, role=Role.OWNER)
PRICES = st.decimals(min_value=Decimal("1e-8"), max_value=Decimal("1e9"), places=8)
SIZES = st.decimals(min_value=Decimal("1e-8"), max_value=Decimal("1e9"), places=8)
BASES = st.sampled_from(["BTC", "1000000MOG", "BROCCOLIF3BULLISH", "<B&>", "X"])
TICKS = st.sampled_from(["0.00000001", "0.0001", "0.01", "0.1", "1", "10"])


@st.composite
def accounts_(draw: st.DrawFn) -> tuple[State, dict[str, Quote], dict[str, Instrument], str]:
    base, kind = draw(BASES), draw(st.sampled_from(InstrumentKind))
    symbol = f"{base}/USDT:USDT" if kind is InstrumentKind.SWAP else f"{base}/USDT"
    key = f"binance:{symbol}"
    instrument = replace(
        a.INSTRUMENTS[a.BTC],
        symbol=symbol,
        base=base,
        kind=kind,
        price_tick=Decimal(draw(TICKS)),
        quantity_step=Decimal("0.00000001"),
        quantity_min=Decimal("0.00000001"),
        notional_min=draw(PRICES),
    )
    price, entry, size = draw(PRICES), draw(PRICES), draw(SIZES)
    side = draw(st.sampled_from([1, -1])) if kind is InstrumentKind.SWAP else 1
    targets = tuple(
        Target(price=draw(PRICES), fraction=Decimal("0.2")) for _ in range(draw(st.integers(0, 5)))
    )
    position = replace(
        a.POSITIONS[a.SOL],
        symbol=symbol,
        quantity=size * side,
        quantity_peak=size,
        entry_price=entry,
        stop=draw(st.none() | PRICES),
        targets=targets,
    )
    equity = draw(st.decimals(min_value=1, max_value=Decimal("1e12"), places=2))
    state = a.live_state(
        positions={key: position},
        orders={},
        cash={"binance:USDT": draw(SIZES)},
        equity=replace(a.EQUITY, equity=equity, gross=size * price),
    )
    quote = replace(
        a.quotes()[a.BTC], symbol=symbol, bid=price, ask=price, mark=price, change_pct=price
    )
    return state, {key: quote}, {key: instrument}, key


Given = tuple[State, dict[str, Quote], dict[str, Instrument], str]


def _holds(screen: Screen) -> None:
    assert len(screen.text) <= 4096
    assert screen.text.split("\n", maxsplit=1)[0]


@settings(max_examples=60)
@given(accounts_())
def test_lists_boards_and_account_cards_survive_any_figure(given: Given) -> None:
    state, quotes, instruments, key = given
    scene = a.scene(state)
    health = a.health(state)
    _holds(board.board(board_view(scene, state, quotes, instruments, health)))
    _holds(positions.positions(positions_view(scene, state, quotes, instruments)))
    held = position_view(scene, "psol", state, quotes, instruments)
    assert held is not None
    _holds(positions.position(held))
    _holds(accounts.balance(account_views.balance_view(scene, state, quotes, instruments)))
    _holds(accounts.pnl(account_views.pnl_view(scene, state, quotes)))
    _holds(accounts.chart(account_views.chart_view(scene, key, state, quotes, instruments)))
    _holds(records.risk(risk_view(scene, state, quotes, instruments)))
    _holds(guided.guided_symbol(guided_symbols(scene, (key,), quotes, instruments)))
    for side in (None, OrderSide.BUY, OrderSide.SELL) if can_stand(key, 25) else ():
        view = guided_view(scene, key, state, quotes, instruments, side=side)
        _holds(guided.guided_side(view) if side is None else guided.guided_size(view))


@settings(max_examples=60)
@given(accounts_())
def test_the_ladder_and_the_troubles_survive_any_figure(given: Given) -> None:
    state, quotes, instruments, key = given
    scene = a.scene(state)
    _holds(ladder.halted(ladder_view(scene, state, quotes, instruments)))
    position = state.positions[key]
    run = FlattenRun(
        since=a.NOW, by="owner 4242", intent="f", keys=(key,), quantities=(position.quantity,)
    )
    _holds(ladder.flatten(flatten_view(scene, run, state, quotes, instruments)))
    stuck = replace(run, still_open=("binance: here 1",))
    _holds(ladder.flatten(flatten_view(scene, stuck, state, quotes, instruments)))
    exit_ = a.order(
        key,
        position.exit_side,
        str(abs(position.quantity)),
        "qdexit",
        purpose=OrderPurpose.EXIT,
        status=OrderStatus.FILLED,
        filled=abs(position.quantity),
        price_average=quotes[key].mid,
        price_arrival=position.entry_price,
        realised_pnl=position.unrealised_pnl(quotes[key].mid),
        submitted_at=a.NOW,
    )
    done = replace(run, ended_at=a.NOW, verified=("binance",))
    flat = replace(state, positions={}, orders_finished={"1": exit_})
    _holds(ladder.flatten(flatten_view(scene, done, flat, quotes, instruments)))
    view = close_view(scene, exit_, state, instruments, position_id="psol", position_name="P-2222")
    _holds(positions.closed(view))
    _holds(limits.slippage(slippage_view(scene, exit_, flat, instruments)))
    for kind in ("daily_loss", "drawdown", "manual"):
        tripped = Breaker(
            breaker_id="b1",
            kind=kind,
            value=Decimal("2.5"),
            limit=Decimal(2),
            action=TradingState.HALTED,
            sentence="Tripped",
            since=a.NOW,
        )
        _holds(breakers.breaker(breaker_view(scene, tripped, state, quotes, instruments)))
    silent = silent_view(scene, "binance", a.NOW, state, quotes, instruments=instruments)
    _holds(trouble.silent(silent))


@settings(max_examples=60)
@given(accounts_(), st.sampled_from(OrderSide), st.sampled_from(OrderKind), SIZES)
def test_orders_and_tickets_survive_any_figure(
    given: Given, side: OrderSide, kind: OrderKind, size: Decimal
) -> None:
    state, quotes, instruments, key = given
    scene, position, quote = a.scene(state), state.positions[key], quotes[key]
    worth = size * quote.mid
    made = a.order(
        key,
        side,
        str(size),
        "qdwild",
        kind=kind,
        price_limit=quote.mid,
        price_arrival=quote.mid,
        price_trigger=quote.mid,
        stop=position.stop,
        targets=position.targets,
        submitted_at=a.NOW,
        unknown_since=a.NOW,
        first_fill_at=a.NOW + timedelta(seconds=1),
    )
    for status in OrderStatus:
        for filled in (Decimal(0), size):
            average = position.entry_price if filled else None
            shown = replace(made, status=status, filled=filled, price_average=average, fees=worth)
            view = order_view(scene, shown, state, instruments, quotes)
            _holds(orders.order(view))
            _holds(unknown.found(view))
            _holds(unknown.settled(view))
    listed = replace(state, orders={"qdwild": made})
    _holds(order_list.orders(orders_view(scene, listed, instruments)))
    offer = a.ticket(
        key,
        side,
        str(size),
        "t1",
        kind=kind,
        price_limit=quote.mid,
        quote=quote,
        cost=worth,
        cost_max=worth,
        fee=worth,
        stop=position.stop,
        stop_pnl=-worth if position.stop else None,
        risk_pct=worth,
        targets=tuple(a.target(str(each.price), str(worth), "0.2") for each in position.targets),
        asks=a.D1.asks,
    )
    ticketed = ticket_view(scene, offer, state, instruments, quote)
    for screen in (
        tickets.ticket(ticketed),
        tickets.edit_size(ticketed, (Decimal(100),)),
        outcomes.confirmed(ticketed),
        outcomes.expired(ticketed),
        outcomes.moved(ticketed),
        outcomes.canceled(ticketed),
    ):
        _holds(screen)
    _denied(given, worth)


def _denied(given: Given, worth: Decimal) -> None:
    state, quotes, instruments, key = given
    scene, instrument = a.scene(state), instruments[key]
    breach = Breach(rule="order_size", sentence="Too much", passes=worth)
    event = OrderDenied(
        at=a.NOW,
        signal_id="s",
        ticket_id=None,
        venue="binance",
        symbol=instrument.symbol,
        side=OrderSide.BUY,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=worth,
        notional=worth,
        price_limit=None,
        breaches=(breach, breach),
        actor=OWNER,
    )
    _holds(refusals.denied(denied_view(scene, event, 1, instruments)))
    _holds(refusals.too_small(too_small_view(scene, instrument, quotes[key], worth, 1)))
    wrong = wrong_stop_view(scene, instrument, quotes[key], OrderSide.BUY, worth, seq=1)
    _holds(refusals.wrong_stop(wrong))
