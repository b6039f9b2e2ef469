"""Greeting, board, guided trade, stop ladder, troubles and records, as the printed examples."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.parsing.refusals import Refusal, Suggestion
from bot.screens import (
    accounts,
    arrival,
    board,
    breakers,
    guided,
    ladder,
    limits,
    order_list,
    records,
    refusals,
    scopes,
    trouble,
)
from bot.screens import resume as resume_screens
from bot.screens.layout import Screen
from bot.views import accounts as account_views
from bot.views.board import Fault, board_view, start_view
from bot.views.breakers import breaker_view, breakers_view, rearm_view, warning_view
from bot.views.flatten import flatten_view
from bot.views.guided import guided_symbols, guided_view
from bot.views.ladder import ladder_view, resume_view, resumed_view
from bot.views.orders import orders_view
from bot.views.records import (
    LimitRow,
    RiskView,
    alerts_view,
    audit_view,
    event_view,
    report_view,
    risk_view,
)
from bot.views.refusals import (
    command_refused_view,
    refusal_view,
    too_small_view,
    unknown_symbol_view,
    wrong_stop_view,
)
from bot.views.scopes import scope_view
from bot.views.trouble import (
    answered_view,
    backlog_view,
    books_view,
    silent_view,
    stranger_view,
)
from engine import events as e
from engine.breakers import spec_of
from engine.commands import Actor, ActorKind, AlertKind, AlertMode, Role
from engine.evidence import Evidence
from engine.external import ExternalOrder
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.risk_limits import TradingState
from engine.scopes import Scope, ScopeKind
from engine.signals import SignalAction, TradingSignal
from engine.state import Chat, OpenOrders, Protection, ReceivedSignal, State
from engine.stops import Breaker, FlattenRun, Restriction, Stop
from engine.tickets import TicketStatus
from engine.venues.live.vitals import VenueVitals
from tests.bot.screens import account as a
from tests.bot.screens.conftest import Golden

OWNER = Actor(kind=ActorKind.PERSON, user_id=4242, role=Role.OWNER, chat_id=4242)
EMPTY_PAPER = a.paper_state(
    positions={},
    equity=replace(a.PAPER_EQUITY, equity=Decimal(10000), cash=Decimal(10000)),
    cash={"binance:USDT": Decimal(10000)},
)


def test_a1_a2_the_greeting_says_which_money_it_is(golden: Golden) -> None:
    paper = replace(EMPTY_PAPER, journal=replace(a.PAPER_JOURNAL, market="public"))
    health = tuple(
        replace(venue, quote_at=a.NOW - timedelta(seconds=0.3)) for venue in a.health(paper)
    )
    golden("A1", arrival.start(start_view(a.scene(paper), paper, health)))
    simulated = EMPTY_PAPER
    golden("A1_simulated", arrival.start(start_view(a.scene(simulated), simulated, health)))
    live = a.live_state()
    golden("A2", arrival.start(start_view(a.scene(live), live, a.health(live))))
    viewer = a.scene(live, role=Role.VIEWER)
    golden("A2_viewer", arrival.start(start_view(viewer, live, a.health(live))))


def test_a3_a4_help_shows_what_the_role_may_do(golden: Golden) -> None:
    live = a.live_state()
    golden("A3", arrival.help_card(a.scene(live)))
    golden("A3_trader", arrival.help_card(a.scene(live, role=Role.TRADER)))
    golden("A4", arrival.help_card(a.scene(live, role=Role.VIEWER)))


def test_the_keyboard_never_changes_and_everybody_has_stop() -> None:
    for role in Role:
        rows = [[key.text for key in row] for row in arrival.keyboard(role)]
        assert rows[-1] == ["⛔ STOP"]
        assert ("Trade" in rows[0]) is (role is not Role.VIEWER)


def _board(state: State, now: str = "14:32:05", fault: Fault | None = None) -> Screen:
    at = a.at(now)
    quotes = a.quotes(at)
    health = a.health(state, at, silent_since={"bybit": a.at("14:51:06")})
    return board.board(
        board_view(a.scene(state, at), state, quotes, a.INSTRUMENTS, health, fault=fault)
    )


def test_b1_the_board_while_active(golden: Golden) -> None:
    golden("B1", _board(a.live_state()))
    golden("B1_paper", _board(a.paper_state()))


DAY_LOSS = Breaker(
    breaker_id=a.B_6RPA,
    kind="daily_loss",
    value=Decimal("2.01844"),
    limit=Decimal(2),
    action=TradingState.HALTED,
    sentence="Daily loss 2.02%, limit 2.00%",
    since=a.at("16:07:41"),
)


def _lost() -> State:
    """Give the account after the loss: one ETH position, worth 2,648.00, equity 12,180.97."""
    eth = replace(a.POSITIONS[a.ETH], entry_price=Decimal("3310.00"))
    equity = replace(a.EQUITY.priced(Decimal("12180.97")), gross=Decimal("2648.00"))
    return a.live_state(
        positions={a.ETH: eth},
        orders={a.STOPS[2].client_order_id: a.STOPS[2]},
        breakers={a.B_6RPA: DAY_LOSS},
        cash={"binance:USDT": Decimal("6180.97"), "bybit:USDT": Decimal(6000)},
        equity=equity,
    )


def test_b2_the_board_halted_by_a_breaker(golden: Golden) -> None:
    state, at = _lost(), a.at("16:09:30")
    quotes = a.quotes(at) | {a.ETH: a.quote(a.ETH, "3310.00", "0.5", at)}
    health = tuple(
        replace(venue, quote_at=at - timedelta(seconds=age))
        for venue, age in zip(a.health(state, at), (0.4, 0.5), strict=True)
    )
    view = board_view(a.scene(state, at), state, quotes, a.INSTRUMENTS, health)
    golden("B2", board.board(view))


def test_b3_the_board_with_one_venue_silent(golden: Golden) -> None:
    state = a.live_state(venues_silent={"bybit": "timeout"})
    fault = Fault(at=a.at("14:51:16"), text="Bybit timeout")
    golden("B3", _board(state, "14:51:40", fault))


def test_b4_the_board_on_stale_prices_freezes_its_figures(golden: Golden) -> None:
    state = a.live_state()
    times = {"binance": a.at("14:31:18"), "bybit": a.at("14:31:17")}
    health = tuple(
        replace(venue, quote_at=times[venue.venue], is_stale=True) for venue in a.health(state)
    )
    view = board_view(a.scene(state), state, a.quotes(), a.INSTRUMENTS, health)
    golden("B4", board.board(view))


def test_the_board_halted_by_a_person(golden: Golden) -> None:
    state = a.paper_state(stop=Stop(since=a.NOW, by="owner 4242", reason="STOP"))
    golden("B_halted", _board(state))


def test_the_board_while_nothing_can_be_written(golden: Golden) -> None:
    fault = Fault(at=a.at("14:30:11"), text="Database away", stops_entries=True)
    golden("B_away", _board(a.live_state(), fault=fault))
    golden("B_away_halted", _board(a.live_state(), fault=replace(fault, halted=True)))


def test_c1_to_c3_the_guided_trade(golden: Golden) -> None:
    state = a.live_state()
    scene = a.scene(state)
    keys = (a.BTC, a.SPOT_ETH, a.SOL, a.XRP, a.BNB, a.LTC)
    symbols = guided_symbols(scene, keys, a.quotes(), a.INSTRUMENTS)
    golden("C1", guided.guided_symbol(symbols))
    golden("C_other", guided.guided_other(symbols))
    side = guided_view(scene, a.BTC, state, a.quotes(), a.INSTRUMENTS)
    golden("C2", guided.guided_side(side))
    quotes = a.quotes() | {a.BTC: a.quote(a.BTC, "61240.00", "0.3")}
    buy = guided_view(scene, a.BTC, state, quotes, a.INSTRUMENTS, side=OrderSide.BUY)
    golden("C3", guided.guided_size(buy))
    golden("C_typing", guided.guided_typing(buy))
    sell = guided_view(scene, a.BTC, state, quotes, a.INSTRUMENTS, side=OrderSide.SELL)
    golden("C3_sell", guided.guided_size(sell))


STOPPED = Stop(since=a.at("14:40:12"), by="owner 4242", reason="STOP")


def test_i1_stop_halts_before_it_asks(golden: Golden) -> None:
    state = a.live_state(stop=STOPPED)
    scene = a.scene(state, a.at("14:40:12"))
    golden("I1", ladder.halted(ladder_view(scene, state, a.quotes(), a.INSTRUMENTS)))
    paper = a.paper_state(stop=STOPPED)
    scene = a.scene(paper, a.at("14:40:12"))
    view = ladder_view(scene, paper, a.quotes(), a.INSTRUMENTS)
    golden("I1_paper", ladder.halted(view))
    golden("I_left", ladder.left_as_is(view))
    flat = ladder_view(scene, EMPTY_PAPER, a.quotes(), a.INSTRUMENTS)
    golden("I1_flat", ladder.halted(flat))


def _gone_ltc() -> Order:
    return replace(
        a.LTC_BUY, status=OrderStatus.CANCELED, cancel_requested=True, finished_at=a.at("14:40:13")
    )


def test_i2_the_stops_set_aside_are_named(golden: Golden) -> None:
    aside = {
        a.BTC: Protection(stop=Decimal("59400.00"), targets=()),
        a.SOL: Protection(stop=Decimal("147.80"), targets=()),
        a.ETH: Protection(stop=Decimal("3520.00"), targets=()),
    }
    gone = _gone_ltc()
    state = a.live_state(
        stop=STOPPED, orders={}, set_aside=aside, orders_finished={gone.client_order_id: gone}
    )
    scene = a.scene(state, a.at("14:40:20"))
    golden("I2", ladder.stops_aside(ladder_view(scene, state, a.quotes(), a.INSTRUMENTS)))
    # one of them still stands at its venue
    leaving = replace(a.STOPS[0], status=OrderStatus.PENDING_CANCEL, cancel_requested=True)
    name = leaving.client_order_id
    open_on = {leaving.key: OpenOrders(exits=(name,), stops=(name,))}
    state = replace(state, orders={name: leaving}, open_on=open_on)
    still = ladder_view(scene, state, a.quotes(), a.INSTRUMENTS)
    golden("I2_cancelling", ladder.stops_aside(still))


RUN = FlattenRun(
    since=a.at("14:40:13"),
    by="owner 4242",
    intent="f1",
    keys=(a.BTC, a.SOL, a.ETH),
    quantities=(Decimal("0.05"), Decimal(12), Decimal("-0.8")),
)


def _exit(key: str, side: OrderSide, quantity: str, average: str, pnl: str) -> Order:
    return a.order(
        key,
        side,
        quantity,
        f"qdexit{key}",
        purpose=OrderPurpose.EXIT,
        filled=Decimal(quantity),
        price_average=Decimal(average),
        realised_pnl=Decimal(pnl),
        submitted_at=a.at("14:40:13"),
        status=OrderStatus.FILLED,
    )


def _theirs(key: str, name: str) -> ExternalOrder:
    venue, _, symbol = key.partition(":")
    return ExternalOrder(
        venue=venue,
        venue_order_id=name,
        client_order_id=None,
        symbol=symbol,
        side=OrderSide.BUY,
        quantity=Decimal(1),
        filled=Decimal(0),
        price_limit=Decimal(50000),
    )


# Two on symbols that are held, and one that no flatten touches.
NOT_FROM_HERE = {
    "binance": (_theirs(a.BTC, "1"), _theirs(a.SOL, "2"), _theirs("binance:DOGE/USDT", "3"))
}


def test_orders_not_from_here_have_a_button_of_their_own(golden: Golden) -> None:
    state = a.live_state(stop=STOPPED, external_orders=NOT_FROM_HERE)
    scene = a.scene(state, a.at("14:40:12"))
    golden("I1_external", ladder.halted(ladder_view(scene, state, a.quotes(), a.INSTRUMENTS)))
    run = replace(RUN, attempt=2, still_open=("binance:BTC/USDT 0.05",))
    view = flatten_view(scene, run, state, a.quotes(), a.INSTRUMENTS)
    golden("I5_external", ladder.flatten(view))
    taken = flatten_view(scene, replace(run, with_external=True), state, a.quotes(), a.INSTRUMENTS)
    assert taken.external == 0


def test_flat_but_for_dust_shows_the_dust_and_what_was_opened_meanwhile(golden: Golden) -> None:
    key = "binance:BTC/USDT"
    run = replace(RUN, keys=(), quantities=(), verified=("binance",), ended_at=a.at("14:40:22"))
    dust = replace(a.POSITIONS[a.BTC], quantity=Decimal("0.000005"))
    state = a.live_state(
        stop=STOPPED,
        flatten=run,
        positions={key: dust},
        orders={},
        orders_finished={"1": replace(SOL_EXIT, intent=run.intent)},
    )
    view = flatten_view(a.scene(state, a.at("14:40:22")), run, state, a.quotes(), a.INSTRUMENTS)
    assert [item.quantity for item in view.items] == [SOL_EXIT.filled]
    golden("I4_dust", ladder.flatten(view))


BTC_EXIT = _exit(a.BTC, OrderSide.SELL, "0.05", "61230.40", "34.45848")
SOL_EXIT = _exit(a.SOL, OrderSide.SELL, "12", "149.82", "-32.75784")
ETH_EXIT = _exit(a.ETH, OrderSide.BUY, "0.8", "3396.90", "16.985364")


def test_i3_a_running_flatten_has_a_line_for_each_item(golden: Golden) -> None:
    selling = replace(SOL_EXIT, filled=Decimal(8), status=OrderStatus.PARTIALLY_FILLED)
    asking = replace(ETH_EXIT, filled=Decimal(0), price_average=None, status=OrderStatus.UNKNOWN)
    gone = _gone_ltc()
    state = a.live_state(
        stop=STOPPED,
        flatten=RUN,
        positions={
            a.SOL: replace(a.POSITIONS[a.SOL], quantity=Decimal(4)),
            a.ETH: a.POSITIONS[a.ETH],
        },
        orders={"1": selling, "2": asking},
        orders_finished={"0": BTC_EXIT, "3": gone},
    )
    scene = a.scene(state, a.at("14:40:16"))
    view = flatten_view(scene, RUN, state, a.quotes(), a.INSTRUMENTS)
    golden("I3", ladder.flatten(view))


def test_i4_flat_is_said_once_the_venues_showed_it(golden: Golden) -> None:
    run = replace(RUN, verified=("binance", "bybit"), ended_at=a.at("14:40:22"))
    exits = {"1": BTC_EXIT, "2": SOL_EXIT, "3": ETH_EXIT}
    state = a.live_state(stop=STOPPED, flatten=run, positions={}, orders={}, orders_finished=exits)
    scene = a.scene(state, a.at("14:40:22"))
    verified = {"binance": a.at("14:40:21"), "bybit": a.at("14:40:22")}
    view = flatten_view(scene, run, state, a.quotes(), a.INSTRUMENTS, verified_at=verified)
    golden("I4", ladder.flatten(view))


def test_i5_still_open_says_what_to_do_by_hand(golden: Golden) -> None:
    run = replace(RUN, attempt=9, still_open=("bybit does not answer",))
    state = a.live_state(
        stop=STOPPED,
        flatten=run,
        positions={a.ETH: a.POSITIONS[a.ETH]},
        orders={a.STOPS[2].client_order_id: a.STOPS[2]},
        orders_finished={"1": BTC_EXIT, "2": SOL_EXIT},
        venues_silent={"bybit": "timeout"},
    )
    scene = a.scene(state, a.at("14:41:06"))
    view = flatten_view(
        scene,
        run,
        state,
        a.quotes(),
        a.INSTRUMENTS,
        silent_since={"bybit": a.at("14:40:18")},
        next_try_at=a.at("14:41:06"),
        seen_at=a.at("14:40:18"),
    )
    golden("I5", ladder.flatten(view))
    golden("I5_acknowledged", ladder.flatten(replace(view, acknowledged=True)))


def test_i6_i7_resume_shows_what_it_allows_again(golden: Golden) -> None:
    state = a.live_state(stop=STOPPED, positions={}, orders={}, enrolled=(4242,))
    scene = a.scene(state, a.at("15:02:20"))
    view = resume_view(
        scene,
        state,
        also=("strategies: breakout, reversal", "webhook signals: tradingview"),
        checked_at=a.at("15:02:10"),
    )
    golden("I6", resume_screens.resume(view))
    tripped = replace(state, breakers={a.B_6RPA: DAY_LOSS})
    golden("I6_breaker", resume_screens.resume(resume_view(scene, tripped)))
    done = resumed_view(
        a.scene(state, a.at("15:02:31")),
        a.live_state(),
        at=a.at("15:02:31"),
        by="owner 4242",
        halted_since=STOPPED.since,
        with_code=True,
    )
    golden("I7", resume_screens.resumed(done))
    paper = a.paper_state(stop=STOPPED)
    scene = a.scene(paper, a.at("15:02:31"))
    golden("I6_paper", resume_screens.resume(resume_view(scene, paper)))
    done = resumed_view(
        scene, a.paper_state(), at=a.at("15:02:31"), by="owner 4242", halted_since=STOPPED.since
    )
    golden("I7_paper", resume_screens.resumed(done))


def test_j1_a_limit_used_to_its_warning_share(golden: Golden) -> None:
    equity = a.EQUITY.priced(Decimal("12232.40"))
    state = a.live_state(
        positions={}, orders={}, equity=equity, cash={"x:USDT": Decimal("12232.40")}
    )
    event = e.BreakerWarned(
        at=a.at("15:31:08"), kind="daily_loss", value=Decimal("1.60474"), limit=Decimal(2)
    )
    scene = a.scene(state, a.at("15:31:08"))
    golden("J1", limits.warning(warning_view(scene, event, state, {})))


def test_a_warning_just_below_its_limit_still_fits_a_first_line() -> None:
    state = a.live_state(positions={}, orders={})
    for kind in ("daily_loss", "drawdown"):
        for value in ("1.996", "2"):
            event = e.BreakerWarned(
                at=a.at("15:31:08"), kind=kind, value=Decimal(value), limit=Decimal(2)
            )
            for live in (state, a.paper_state(positions={}, orders={})):
                scene = a.scene(live, a.at("15:31:08"))
                assert "100%" in limits.warning(warning_view(scene, event, live, {})).text


def test_j2_a_tripped_breaker(golden: Golden) -> None:
    state, at = _lost(), a.at("16:07:41")
    scene = a.scene(state, at)
    quotes = {a.ETH: a.quote(a.ETH, "3310.00", "0.5", at)}
    state = replace(state, enrolled=(4242,))
    view = breaker_view(scene, DAY_LOSS, state, quotes, a.INSTRUMENTS)
    golden("J2", breakers.breaker(view))
    golden("J2_no_code", breakers.breaker(replace(view, needs_code=False)))
    by_hand = replace(DAY_LOSS, kind="manual", sentence="A program asked for it", value=Decimal(0))
    manual = breaker_view(scene, by_hand, state, quotes, a.INSTRUMENTS)
    golden("J2_manual", breakers.breaker(manual))
    golden("breakers", breakers.breakers(breakers_view(scene, state, quotes)))
    calm = a.live_state()
    golden("breakers_none", breakers.breakers(breakers_view(a.scene(calm), calm, a.quotes())))


def test_the_board_says_where_alone_no_entries_go(golden: Golden) -> None:
    held = Restriction(
        scope=Scope(kind=ScopeKind.SYMBOL, name="BTC"),
        trading=TradingState.HALTED,
        since=a.at("16:00:00"),
        by="trader 77",
        reason="",
    )
    tripped = replace(DAY_LOSS, kind="reject_rate", scope=VENUE, action=TradingState.REDUCING)
    state = a.live_state(breakers={a.B_6RPA: tripped}, restrictions={held.scope.key: held})
    golden("B_held", _board(state))


VENUE = Scope(kind=ScopeKind.VENUE, name="bybit")
COIN = Scope(kind=ScopeKind.SYMBOL, name="bybit:SOL/USDT")
OTHERS = {
    "losses_in_a_row": ("5", Scope(kind=ScopeKind.STRATEGY, name="breakout")),
    "failures_in_a_row": ("5", VENUE),
    "reject_rate": ("60", VENUE),
    "unknown_orders": ("5", VENUE),
    "differing_books": ("300", VENUE),
    "stale_prices": ("61", VENUE),
    "venue_errors": ("54.5", VENUE),
    "average_slippage": ("1.24", COIN),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_j1_j2_every_breaker_has_its_own_panel(golden: Golden, kind: str) -> None:
    state, at = a.live_state(), a.at("16:07:41")
    value, scope = OTHERS[kind]
    spec = spec_of(kind)
    assert spec is not None
    limit = spec.limit(state.limits)
    latched = replace(
        DAY_LOSS,
        kind=kind,
        value=Decimal(value),
        limit=limit,
        scope=scope,
        action=spec.action,
        sentence=f"{spec.name.capitalize()} {spec.text(Decimal(value))}",
    )
    scene, quotes = a.scene(state, at), a.quotes(at)
    state = replace(state, breakers={a.B_6RPA: latched})
    golden(
        f"J2_{kind}", breakers.breaker(breaker_view(scene, latched, state, quotes, a.INSTRUMENTS))
    )
    warned = e.BreakerWarned(
        at=at, kind=kind, value=limit * Decimal("0.8"), limit=limit, scope=scope
    )
    golden(f"J1_{kind}", limits.warning(warning_view(scene, warned, state, quotes)))
    view = rearm_view(scene, latched, state, quotes, a.INSTRUMENTS)
    golden(f"rearm_{kind}", breakers.rearm(view))


def test_a_warning_and_a_breaker_end_on_their_own_cards(golden: Golden) -> None:
    scene, at = a.scene(a.live_state(), a.at("16:07:41")), a.at("16:07:41")
    eased = e.BreakerEased(
        at=at, kind="reject_rate", scope=VENUE, value=Decimal(30), limit=Decimal(50)
    )
    golden("J1_over", limits.eased(scene, eased))
    actor = replace(OWNER, with_code=True)
    done = e.BreakerRearmed(at=at, breaker_id="b", actor=actor, kind="daily_loss")
    golden("J2_rearmed", breakers.rearmed(scene, done))
    golden("J2_rearmed_there", breakers.rearmed(scene, replace(done, scope=VENUE)))


def test_re_arming_asks_first_and_says_what_it_costs(golden: Golden) -> None:
    state, at = replace(_lost(), enrolled=(4242,)), a.at("17:30:00")
    scene = a.scene(state, at)
    quotes = {a.ETH: a.quote(a.ETH, "3310.00", "0.5", at)}
    golden("rearm", breakers.rearm(rearm_view(scene, DAY_LOSS, state, quotes, a.INSTRUMENTS)))
    stopped = replace(state, stop=STOPPED)
    view = rearm_view(scene, DAY_LOSS, stopped, quotes, a.INSTRUMENTS)
    golden("rearm_stopped", breakers.rearm(view))
    viewer = a.scene(state, at, role=Role.VIEWER)
    view = rearm_view(viewer, DAY_LOSS, state, quotes, a.INSTRUMENTS)
    golden("rearm_viewer", breakers.rearm(view))


def test_the_list_of_breakers_shows_each_against_its_limit_and_what_is_held_back(
    golden: Golden,
) -> None:
    held = Restriction(
        scope=Scope(kind=ScopeKind.SYMBOL, name="BTC"),
        trading=TradingState.HALTED,
        since=a.at("16:00:00"),
        by="trader 77",
        reason="",
    )
    evidence = Evidence(losses={"breakout": 4, "manual": 1}, failures={"bybit": 2})
    state = replace(_lost(), restrictions={held.scope.key: held}, evidence=evidence)
    scene = a.scene(state, a.at("16:07:41"))
    quotes = a.quotes(a.at("16:07:41"))
    golden("breakers_held", breakers.breakers(breakers_view(scene, state, quotes)))


@pytest.mark.parametrize("trading", list(TradingState))
def test_a_scope_says_what_is_held_back_there(golden: Golden, trading: TradingState) -> None:
    state = a.live_state()
    for name, scope in (("venue", VENUE), ("coin", COIN)):
        event = e.TradingStateSet(
            at=a.at("16:07:41"), scope=scope, trading=trading, actor=OWNER, reason=""
        )
        view = scope_view(a.scene(state, a.at("16:07:41")), event, state)
        golden(f"scope_{name}_{trading}", scopes.scope_set(view))
    scene = a.scene(state, a.at("16:07:41"))
    golden("scope_ask", scopes.scope_ask(scene, VENUE, "Halted on bybit.", needs_code=True))


def test_j4_books_that_differ(golden: Golden) -> None:
    state = a.live_state()
    event = e.BooksDiffer(
        at=a.at("14:47:00"),
        venue="binance",
        lines=("binance:SOL/USDT: here 12, at the venue 10",),
        keys=(a.SOL,),
    )
    scene = a.scene(state, a.at("14:47:00"))
    known = books_view(
        scene,
        event,
        state,
        a.INSTRUMENTS,
        name="D-4RTX",
        there={a.SOL: Decimal(10)},
        quotes=a.quotes(),
    )
    golden("J4", trouble.books(known))
    plain = books_view(scene, event, state, a.INSTRUMENTS, name="D-4RTX")
    golden("J4_lines", trouble.books(plain))


def test_j6_j7_a_venue_silent_and_back(golden: Golden) -> None:
    state = a.live_state(venues_silent={"bybit": "timeout"})
    scene = a.scene(state, a.at("14:51:40"))
    quotes = {a.ETH: a.quote(a.ETH, "3395.50", "0", a.at("14:51:06"))}
    view = silent_view(scene, "bybit", a.at("14:51:06"), state, quotes, instruments=a.INSTRUMENTS)
    golden("J6", trouble.silent(view))
    back = a.live_state()
    scene = a.scene(back, a.at("14:54:18"))
    answered = answered_view(scene, "bybit", back, at=a.at("14:54:18"), since=a.at("14:51:06"))
    golden("J7", trouble.answered(answered))


def test_j8_a_backlog_is_listed_and_never_run(golden: Golden) -> None:
    event = e.BacklogSetAside(
        at=a.at("14:02:31"),
        chat_id=4242,
        items=(
            "13:53 buy btc 250 usdt sl 2%",
            "13:54 the same again",
            "13:58 Confirm T-6MPA, expired",
        ),
        done=("cancel DOGE buy, of 13:55",),
        down_since=a.at("13:51:20"),
    )
    scene = a.scene(a.live_state(), a.at("14:02:31"))
    golden("J8", trouble.backlog(backlog_view(scene, event, 1700)))
    golden("J8_redone", trouble.backlog(backlog_view(scene, event, 1700, frozenset({1}))))


def test_j9_a_stranger_is_named_by_id_alone(golden: Golden) -> None:
    event = e.StrangerNoted(at=a.at("14:51:30"), user_id=555019283, messages=3)
    scene = a.scene(a.live_state(), a.at("14:51:30"))
    golden("J9", trouble.stranger(stranger_view(scene, event)))


def test_k1_the_audit_and_one_entry(golden: Golden) -> None:
    halted = e.TradingHalted(at=a.at("14:40:12"), actor=OWNER, reason="STOP")
    trader = Actor(kind=ActorKind.PERSON, user_id=77, role=Role.TRADER)
    signal = TradingSignal(symbol="BTC/USDT", action=SignalAction.BUY, notional=Decimal(250))
    refusal = e.OrderDenied(
        at=a.at("14:33:00"),
        signal_id="s2",
        ticket_id=None,
        venue="binance",
        symbol="SOL/USDT",
        side=OrderSide.BUY,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=None,
        notional=None,
        price_limit=None,
        breaches=(),
        actor=trader,
    )
    events: list[tuple[int, e.Event]] = [
        (1846, e.FlattenStarted(at=a.at("14:40:13"), actor=OWNER, keys=(), quantities=())),
        (1845, e.ProtectionsSetAside(at=a.at("14:40:12"), actor=OWNER)),
        (1844, halted),
        (1843, refusal),
        (
            1842,
            e.TicketEnded(
                at=a.at("14:32:21"),
                ticket_id=a.T_7K4M,
                status=TicketStatus.APPROVED,
                by="owner 4242",
                user_id=4242,
            ),
        ),
        (
            1841,
            e.SignalReceived(
                at=a.at("14:32:05"), signal_id="s1", signal=signal, venue="binance", actor=OWNER
            ),
        ),
    ]
    older: list[tuple[int, e.Event]] = [
        (7, e.OrderExpired(at=a.at("14:33:00"), client_order_id="qd1")),
        (6, e.StrangerNoted(at=a.at("14:32:21"), user_id=555019283, messages=1)),
        (5, e.EngineEnded(at=a.at("14:32:00", date(2026, 11, 17)))),
    ]
    scene = a.scene(a.live_state(), a.at("14:41:00"))
    golden("K1", records.audit(audit_view(scene, events, page=0, pages=308)))
    golden("K1_older", records.audit(audit_view(scene, older, page=307, pages=308)))
    golden("K1_entry", records.audit_entry(event_view(scene, 1844, halted)))


def test_k2_the_limits_with_their_bars(golden: Golden) -> None:
    state = a.live_state()
    printed = RiskView(
        scene=a.scene(state),
        rows=(
            LimitRow(name="Day loss", value=Decimal(0), limit=Decimal(2), unit="%"),
            LimitRow(name="Drawdown", value=Decimal("1.38"), limit=Decimal(10), unit="%"),
            LimitRow(name="Positions", value=Decimal(3), limit=Decimal(10)),
            LimitRow(name="Orders", value=Decimal(4), limit=Decimal(20)),
            LimitRow(name="Gross", value=Decimal("67.02"), limit=Decimal(150), unit="%"),
            LimitRow(name="Top coin", value=Decimal("24.5"), limit=Decimal(40), unit="%"),
            LimitRow(name="Leverage", value=Decimal("0.67"), limit=Decimal(5), unit="x"),
        ),
        gross_with_orders=Decimal("8364.40"),
        order_max=Decimal(5000),
        rules=(),
    )
    golden("K2", records.risk(printed))
    golden("K2_now", records.risk(risk_view(a.scene(state), state, a.quotes(), a.INSTRUMENTS)))


def test_k3_the_daily_report(golden: Golden) -> None:
    report = e.DayReported(
        at=a.at("00:05:00"),
        day=date(2026, 11, 17),
        day_open=Decimal("12310.40"),
        equity=Decimal("12431.90"),
        realised_pnl=Decimal("125.60"),
        fees=Decimal("23.12"),
        closed_trades=7,
        won=5,
        lost=2,
        best=Decimal("71.20"),
        worst=Decimal("-38.40"),
        volume=Decimal(27200),
        slippage_bps=Decimal("3.1"),
        incidents=1,
        drawdown_pct=Decimal("1.76"),
        chain_head="",
    )
    scene = a.scene(a.live_state())
    view = report_view(
        scene,
        report,
        best_name="ETH",
        worst_name="SOL",
        incident_text="Bybit silent 1 min 40 s",
    )
    golden("K3", records.report(view))
    anchored = replace(report, chain_head="0123456789abcdef0123")
    golden("K3_anchored", records.report(report_view(scene, anchored)))


def test_k4_the_alert_preferences(golden: Golden) -> None:
    chat = Chat(
        chat_id=4242,
        user_id=4242,
        is_group=False,
        modes={
            AlertKind.SLIPPAGE.value: AlertMode.SILENT,
            AlertKind.REPORT.value: AlertMode.SILENT,
            AlertKind.SIGNAL.value: AlertMode.OFF,
        },
    )
    golden("K4", records.alerts(alerts_view(a.scene(a.live_state()), chat)))


def test_m1_to_m4_refusals_offer_what_would_pass(golden: Golden) -> None:
    scene, btc = a.scene(a.live_state()), a.INSTRUMENTS[a.BTC]
    symbols = ("BTC/USDT", "BCH/USDT")
    golden("M1", refusals.refused(unknown_symbol_view(scene, "BTCC", "Binance", symbols, 7)))
    quote = a.quotes()[a.BTC]
    golden("M2", refusals.too_small(too_small_view(scene, btc, quote, Decimal(3), 8)))
    wrong = wrong_stop_view(scene, btc, quote, OrderSide.BUY, Decimal(62000), seq=9)
    golden("M3", refusals.wrong_stop(wrong))
    refusal = Refusal(
        title="Size missing",
        sentence="Nothing sent. I read: buy, BTC/USDT.",
        examples=("/buy btc 250 usdt", "/buy btc 0.004", "/buy btc risk 1% sl 2%"),
        suggestions=tuple(
            Suggestion(label=f"{size} USDT", command=f"/buy btc {size} usdt")
            for size in (100, 250, 500)
        ),
    )
    golden("M4", refusals.refused(refusal_view(scene, refusal, 1234)))
    refused = e.CommandRefused(
        at=a.NOW, command="resume", rule="role", sentence="Only an owner may resume.", actor=OWNER
    )
    golden("refused", refusals.refused(command_refused_view(scene, refused)))


def test_the_account_cards(golden: Golden) -> None:
    for name, state in (("live", a.live_state()), ("paper", a.paper_state())):
        scene, quotes = a.scene(state), a.quotes()
        view = account_views.balance_view(scene, state, quotes, a.INSTRUMENTS)
        golden(f"balance_{name}", accounts.balance(view))
        golden(f"pnl_{name}", accounts.pnl(account_views.pnl_view(scene, state, quotes)))
        golden(f"mode_{name}", accounts.mode(account_views.mode_view(scene, state, "0.1.0")))
        health = account_views.VenuesView(scene=scene, venues=a.health(state))
        golden(f"venues_{name}", accounts.venues(health))
        key = a.BTC if name == "live" else a.SPOT_ETH
        chart = account_views.chart_view(scene, key, state, quotes, a.INSTRUMENTS)
        golden(f"chart_{name}", accounts.chart(chart))


def test_what_is_at_a_venue_and_not_from_here_is_shown(golden: Golden) -> None:
    theirs = ExternalOrder(
        venue="binance",
        venue_order_id="77",
        client_order_id="web_1",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        quantity=Decimal("0.02"),
        filled=Decimal("0.005"),
        price_limit=Decimal("59000.5"),
    )
    stop = replace(theirs, venue_order_id="78", side=OrderSide.SELL, price_limit=None)
    state = replace(
        a.live_state(),
        external_orders={"binance": (theirs, stop), "bybit": (theirs,) * 9},
        holdings={"binance:BTC": Decimal("0.5"), "binance:<b>X": Decimal(12)},
        accounts_halted={"bybit": "order qd2 is named as ours and stands in no journal here"},
    )
    scene, quotes = a.scene(state), a.quotes()
    golden("external_orders", order_list.orders(orders_view(scene, state, a.INSTRUMENTS)))
    alone = replace(state, orders={})
    golden("external_alone", order_list.orders(orders_view(scene, alone, a.INSTRUMENTS)))
    view = account_views.balance_view(scene, state, quotes, a.INSTRUMENTS)
    golden("balance_holdings", accounts.balance(view))
    golden("resume_halted_account", resume_screens.resume(resume_view(scene, state)))


def test_the_venues_of_a_live_account_show_how_they_are_doing(golden: Golden) -> None:
    state = a.live_state()
    scene = a.scene(state)
    well = VenueVitals(
        venue="binance", latency_ms=Decimal("41.5"), latency_last_ms=38, answered_at=a.NOW,
        error=None, error_at=None, budget_left=5880, budget_max=6000, waiting=0, banned_s=0,
        clock_skew_ms=-12, is_streaming=True,
    )  # fmt: skip
    down = replace(
        well,
        error="binance did not answer in time",
        error_at=a.NOW - timedelta(seconds=75),
        is_streaming=False,
        waiting=3,
        clock_skew_ms=1840,
    )
    new = replace(
        well, latency_ms=None, latency_last_ms=None, clock_skew_ms=None, is_streaming=False
    )
    banned = replace(down, banned_s=118, budget_left=0)
    timed = replace(well, dead_man_s=60, is_dead_man_armed=True)
    waits = replace(timed, is_dead_man_armed=False)
    shown = {"well": well, "down": down, "new": new, "banned": banned}
    for name, vitals in {**shown, "timed": timed, "waits": waits}.items():
        venues = tuple(
            replace(each, vitals=replace(vitals, venue=each.venue)) for each in a.health(state)
        )
        view = account_views.VenuesView(scene=scene, venues=venues)
        golden(f"venues_vitals_{name}", accounts.venues(view))


def test_the_performance_card_measures_the_orders_that_are_remembered(golden: Golden) -> None:
    done = {
        str(n): replace(
            BTC_EXIT,
            price_arrival=Decimal(61240),
            accepted_at=a.at("14:40:13") + timedelta(milliseconds=40 * n),
            first_fill_at=a.at("14:40:13") + timedelta(milliseconds=60 * n),
            finished_at=a.at("14:40:13") + timedelta(milliseconds=90 * n),
            fees=Decimal("3.06"),
        )
        for n in range(1, 21)
    }
    state = a.live_state(orders_finished=done)
    view = account_views.performance_view(a.scene(state), state)
    golden("performance", accounts.performance(view))
    empty = account_views.performance_view(a.scene(EMPTY_PAPER), EMPTY_PAPER)
    golden("performance_none", accounts.performance(empty))


def test_the_signals_card(golden: Golden) -> None:
    received = ReceivedSignal(
        signal_id="s1",
        at=a.NOW,
        signal=TradingSignal(symbol="BTC/USDT", action=SignalAction.BUY, notional=Decimal(250)),
        venue="binance",
        actor="owner 4242",
        outcome="O-7K4M",
    )
    state = a.live_state(signals={"s1": received})
    golden("signals", accounts.signals(account_views.signals_view(a.scene(state), state)))
    done = a.order(
        "binance:BTC/USDT",
        OrderSide.BUY,
        "0.004",
        "o1",
        signal_id="s1",
        status=OrderStatus.CANCELED,
    )
    ended = a.live_state(signals={"s1": received}, orders_finished={done.client_order_id: done})
    shown = accounts.signals(account_views.signals_view(a.scene(ended), ended))
    assert "O-7K4M cancelled" in shown.text
    waits = replace(
        received, outcome="T-7K4M", signal=replace(received.signal, symbol="BTC/USDT:USDT")
    )
    open_still = a.live_state(signals={"s1": waits})
    shown = accounts.signals(account_views.signals_view(a.scene(open_still), open_still))
    assert "buy BTC/USDT perp <b>T-7K4M waits</b>" in shown.text
    empty = a.live_state()
    golden("signals_none", accounts.signals(account_views.signals_view(a.scene(empty), empty)))
