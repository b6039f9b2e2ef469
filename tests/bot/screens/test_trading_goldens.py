"""Tickets, outcomes, orders, fills and positions, exactly as the printed examples."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.screens import (
    figures,
    moving,
    order_list,
    orders,
    outcomes,
    positions,
    refusals,
    steps,
    tickets,
    unknown,
)
from bot.screens.exits import stop_moved, triggered
from bot.screens.limits import slippage
from bot.views.exits import exit_view
from bot.views.orders import OrderView, order_view, orders_view, slippage_view
from bot.views.positions import close_view, position_view, positions_view
from bot.views.tickets import TicketView, denied_view, ticket_view
from engine.commands import Actor, ActorKind, Role
from engine.confirming import Confirmation
from engine.equity import DayTally
from engine.events import Breach, ExitTriggered, OrderDenied
from engine.exit_plan import ExitPlan
from engine.orders import Order, OrderKind, OrderPurpose, OrderSide, OrderStatus
from engine.quotes import Quote
from engine.signals import Target
from engine.state import State
from engine.tickets import Ticket, TicketStatus
from tests.bot.screens import account as a
from tests.bot.screens.conftest import Golden

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def _view(
    offer: Ticket, now: str = "14:32:05", quote: Quote | None = None, state: State | None = None
) -> TicketView:
    where = state or a.live_state()
    return ticket_view(a.scene(where, a.at(now)), offer, where, a.INSTRUMENTS, quote)


D2 = a.ticket(
    a.SPOT_ETH,
    BUY,
    "0.0294",
    a.T_4GWA,
    price_limit=Decimal("3399.69"),
    quote=replace(
        a.quotes()[a.SPOT_ETH],
        bid=Decimal("3396.29"),
        ask=Decimal("3396.31"),
        at=a.at("14:32:39.700"),
    ),
    cost=Decimal("99.86"),
    cost_max=Decimal("0.0294") * Decimal("3399.69"),
    fee=Decimal("0.0999"),
    slippage_bps=Decimal("0.9"),
    stop=Decimal("3328.38"),
    stop_pnl=Decimal("-2.20"),
    risk_pct=Decimal("0.022"),
    opened_at=a.at("14:32:40"),
    expires_at=a.at("14:33:40"),
    asks=(a.ask(Confirmation.TAP, "every order is set to ask"),),
)
D3 = a.ticket(
    a.XRP,
    BUY,
    "1396.5",
    a.T_2HQD,
    price_limit=Decimal("2.1482"),
    quote=replace(
        a.quotes()[a.XRP], bid=Decimal("2.1460"), ask=Decimal("2.1462"), at=a.at("14:35:09.500")
    ),
    cost=Decimal("2997.73"),
    cost_max=Decimal("1396.5") * Decimal("2.1482"),
    fee=Decimal("2.998"),
    slippage_bps=Decimal("2.3"),
    stop=Decimal("2.0818"),
    stop_pnl=Decimal("-96.40"),
    targets=(a.target("2.2319", "56.50", "0.5"), a.target("2.3177", "116.36", "0.5")),
    risk_pct=Decimal("0.7724"),
    opened_at=a.at("14:35:10"),
    expires_at=a.at("14:36:10"),
    asks=(a.ask(Confirmation.TYPED, "2,999.96, over 2,000.00"),),
    confirmation=Confirmation.TYPED,
)
D5 = a.ticket(
    a.PERP_BTC,
    SELL,
    "0.03",
    a.T_5BVN,
    price_limit=Decimal("61171.3"),
    quote=a.quote(a.PERP_BTC, "61232.45", "0.6", a.at("14:37:00")),
    leverage=Decimal(3),
    cost=Decimal("1836.91"),
    cost_max=Decimal("1836.91"),
    fee=Decimal("1.01"),
    slippage_bps=Decimal("0.4"),
    stop=Decimal("62150.9"),
    stop_pnl=Decimal("-29.66"),
    targets=(a.target("59395.5", "53.05"),),
    risk_pct=Decimal("0.2377"),
    quantity_after=Decimal("-0.03"),
    opened_at=a.at("14:37:00"),
    expires_at=a.at("14:38:00"),
    asks=(a.ask(Confirmation.CODE, "leverage 3x, over 1x"),),
    confirmation=Confirmation.CODE,
)


D7 = a.ticket(
    a.BNB,
    BUY,
    "5.336",
    a.T_8CWE,
    kind=OrderKind.LIMIT,
    price_limit=Decimal("655.85"),
    quote=a.quote(a.BNB, "655.20", "0.4", a.at("14:39:50")),
    cost=Decimal("3496.79"),
    cost_max=Decimal("5.336") * Decimal("655.85"),
    fee=Decimal("3.50"),
    slippage_bps=Decimal("1.8"),
    stop=Decimal("635.55"),
    stop_pnl=Decimal("-112.38"),
    risk_pct=Decimal("0.9005"),
    opened_at=a.at("14:39:50"),
    expires_at=a.at("14:55:02"),
    owner_id=77,
    actor="trader 77",
    confirmed_at=a.at("14:40:02"),
    confirmed_by="trader 77",
    confirmed_by_id=77,
    asks=(a.ask(Confirmation.SECOND_PERSON, "28.0%, over 25%"),),
    confirmation=Confirmation.SECOND_PERSON,
)
TWO_OWNERS = replace(a.live_state(), owners=(4242, 5151))


def _waiting(offer: Ticket, user_id: int, role: Role) -> TicketView:
    scene = replace(a.scene(TWO_OWNERS, a.at("14:40:02")), user_id=user_id, role=role)
    return ticket_view(scene, offer, TWO_OWNERS, a.INSTRUMENTS)


def test_d1_a_small_ticket_shows_what_a_tap_sends(golden: Golden) -> None:
    golden("D1", tickets.ticket(_view(a.D1)))


def test_d2_a_paper_ticket_cannot_be_mistaken_for_a_live_one(golden: Golden) -> None:
    state = a.paper_state(positions={})
    golden("D2", tickets.ticket(_view(D2, "14:32:40", state=state)))


def test_d3_a_large_ticket_has_two_targets(golden: Golden) -> None:
    golden("D3", tickets.ticket(_view(D3, "14:35:10")))


def test_d5_a_short_shows_value_margin_and_floor(golden: Golden) -> None:
    golden("D5", tickets.ticket(_view(D5, "14:37:00")))


def test_a_limit_ticket_and_an_exit_ticket_say_so(golden: Golden) -> None:
    limit = replace(
        a.D1, kind=OrderKind.LIMIT, price_limit=Decimal("61200.00"), targets=(), stop=None
    )
    golden("ticket_limit", tickets.ticket(_view(replace(limit, stop_pnl=None, risk_pct=None))))
    closing = replace(
        limit,
        kind=OrderKind.MARKET,
        side=SELL,
        purpose=OrderPurpose.EXIT,
        price_limit=None,
        stop_pnl=None,
        quantity_after=Decimal("0.04593"),
    )
    golden("ticket_exit", tickets.ticket(_view(closing)))


def test_a_ticket_with_many_targets_takes_a_second_panel(golden: Golden) -> None:
    ladder = tuple(a.target(f"{62000 + 100 * n}.00", f"{n}.10", "0.25") for n in range(1, 5))
    golden("ticket_ladder", tickets.ticket(_view(replace(a.D1, targets=ladder))))


def test_other_sizes_are_offered_for_a_ticket(golden: Golden) -> None:
    golden("edit_size", tickets.edit_size(_view(a.D1), (Decimal(100), Decimal(250), Decimal(500))))


def _ended(status: TicketStatus, at: str) -> Ticket:
    return replace(a.D1, status=status, ended_at=a.at(at), ended_by="owner 4242")


def test_d4_a_ticket_asks_its_amount_typed(golden: Golden) -> None:
    golden("D4", steps.typing(_view(D3, "14:35:26")))


def test_d6_says_what_the_code_does() -> None:
    assert steps.what_it_does(_view(D5)) == "It sells short 0.03 BTC at 3x."
    assert steps.what_it_does(_view(a.D1)) == "It buys 0.00407 BTC."


def test_d7_a_second_person_is_shown_what_the_first_confirmed(golden: Golden) -> None:
    golden("D7", steps.offered(_waiting(D7, 4242, Role.OWNER)))


def test_d8_the_first_person_sees_that_it_waits(golden: Golden) -> None:
    golden("D8", steps.offered(_waiting(D7, 77, Role.TRADER)))


def test_before_its_first_tap_a_ticket_of_two_says_what_a_tap_does(golden: Golden) -> None:
    offer = replace(D7, confirmed_at=None, confirmed_by=None, confirmed_by_id=None)
    golden("D7_first", steps.offered(_waiting(offer, 77, Role.TRADER)))


def test_an_owner_who_confirmed_first_waits_for_the_other_or_for_the_trader(
    golden: Golden,
) -> None:
    first = replace(D7, confirmed_by="owner 4242", confirmed_by_id=4242)
    golden("D8_owner", steps.offered(_waiting(first, 4242, Role.OWNER)))
    golden("D7_trader", steps.offered(_waiting(first, 77, Role.TRADER)))
    assert steps.offered(_waiting(first, 78, Role.TRADER)).rows[0][0].label == "Cancel ticket"


def test_e1_a_confirmed_ticket_says_that_it_was_sent_once(golden: Golden) -> None:
    sent = a.order(
        a.BTC,
        BUY,
        "0.00407",
        a.D1.client_order_id,
        ticket_id=a.T_7K4M,
        submitted_at=a.at("14:32:21"),
    )
    state = a.live_state(orders={sent.client_order_id: sent})
    view = _view(_ended(TicketStatus.APPROVED, "14:32:21"), "14:32:21", state=state)
    golden("E1", outcomes.outcome(view))


def test_e2_an_expired_ticket_offers_a_new_one(golden: Golden) -> None:
    golden("E2", outcomes.outcome(_view(_ended(TicketStatus.EXPIRED, "14:33:05"), "14:33:05")))


def test_e3_a_moved_price_is_told_with_its_limit(golden: Golden) -> None:
    now = a.quote(a.BTC, "61371.80", "0.1", a.at("14:32:21"))
    view = _view(_ended(TicketStatus.MOVED, "14:32:21"), "14:32:21", now)
    golden("E3", outcomes.outcome(view))


def test_a_cancelled_ticket_and_a_ticket_denied_at_the_confirm(golden: Golden) -> None:
    golden("ticket_cancelled", outcomes.outcome(_view(_ended(TicketStatus.CANCELED, "14:32:30"))))
    golden("ticket_denied", outcomes.outcome(_view(_ended(TicketStatus.DENIED, "14:32:30"))))


def test_e4_and_e5_are_popups_that_say_what_the_tap_did_not_do() -> None:
    view = _view(_ended(TicketStatus.APPROVED, "14:32:21"), "14:32:40")
    assert refusals.already_used(view) == (
        "Already used. T-7K4M was confirmed by you at 14:32:21 and sent once, as O-7K4M."
        " This tap did nothing."
    )
    assert refusals.not_yours(view) == (
        "Not yours. T-7K4M was made for owner 4242; only an owner may confirm it."
        " This tap did nothing."
    )
    late = refusals.already_used(_view(_ended(TicketStatus.EXPIRED, "14:33:05")))
    assert late.startswith("Expired. T-7K4M ended at 14:33:05. Nothing was sent.")


def test_e6_a_denial_gives_every_reason_and_what_would_pass(golden: Golden) -> None:
    event = OrderDenied(
        at=a.NOW,
        signal_id="s1",
        ticket_id=None,
        venue="binance",
        symbol="SOL/USDT",
        side=BUY,
        kind=OrderKind.MARKET,
        purpose=OrderPurpose.ENTRY,
        quantity=Decimal("40.027"),
        notional=Decimal(6000),
        price_limit=None,
        breaches=(
            Breach(
                rule="order_size",
                sentence="Order size 6,000.00, limit 5,000.00",
                passes=Decimal(5000),
            ),
            Breach(
                rule="concentration",
                sentence="SOL share 62.5%, limit 40%",
                passes=Decimal("3193.28"),
            ),
            Breach(
                rule="balance", sentence="Free 3,612.40, needs 6,006.00", passes=Decimal("3608.79")
            ),
        ),
        actor=Actor(kind=ActorKind.PERSON, user_id=4242, role=Role.OWNER),
    )
    scene = a.scene(a.live_state())
    golden("E6", refusals.denied(denied_view(scene, event, 1843, a.INSTRUMENTS)))
    alone = replace(event, breaches=event.breaches[:1])
    golden("E6_alone", refusals.denied(denied_view(scene, alone, 1843, a.INSTRUMENTS)))
    never = replace(event, breaches=(Breach(rule="trading_state", sentence="Halted: STOP."),))
    golden("E6_halted", refusals.denied(denied_view(scene, never, 1843, a.INSTRUMENTS)))


BOUGHT = a.order(
    a.BTC,
    BUY,
    "0.00407",
    "qdbtc",
    ticket_id=a.T_7K4M,
    price_limit=Decimal("61301.24"),
    price_arrival=Decimal("61240.00"),
    submitted_at=a.at("14:32:21"),
    venue_order_id="V77",
    stop=Decimal("60015.20"),
)
UNKNOWN = replace(
    BOUGHT, status=OrderStatus.UNKNOWN, unknown_since=a.at("14:32:26"), asks=3, stop=None
)


def _order(order: Order, state: State | None = None, now: str = "14:32:36") -> OrderView:
    where = state or a.live_state()
    return order_view(
        a.scene(where, a.at(now)), order, where, a.INSTRUMENTS, next_ask_at=a.at("14:32:41")
    )


def test_f1_an_unknown_order_is_never_called_failed(golden: Golden) -> None:
    golden("F1", orders.order(_order(UNKNOWN)))


def test_f2_an_unknown_order_that_had_filled(golden: Golden) -> None:
    found = replace(
        UNKNOWN,
        status=OrderStatus.FILLED,
        filled=Decimal("0.00407"),
        price_average=Decimal("61245.10"),
        fees=Decimal("0.249"),
        finished_at=a.at("14:32:52"),
    )
    held = replace(a.POSITIONS[a.BTC], quantity=Decimal("0.05407"))
    stop = replace(a.STOPS[0], price_trigger=Decimal("60015.20"))
    state = a.live_state(positions={a.BTC: held}, orders={stop.client_order_id: stop})
    golden("F2", unknown.found(_order(found, state)))


def test_f3_an_unknown_order_that_the_venue_never_had(golden: Golden) -> None:
    settled = replace(
        UNKNOWN, status=OrderStatus.REJECTED, not_founds=5, finished_at=a.at("14:33:41")
    )
    golden("F3", unknown.settled(_order(settled)))


XRP_BUY = a.order(
    a.XRP,
    BUY,
    "1396.5",
    "qdxrp",
    ticket_id=a.T_2HQD,
    price_limit=Decimal("2.1482"),
    price_arrival=Decimal("2.1461"),
    stop=Decimal("2.0818"),
    venue_order_id="V99",
    targets=(
        Target(price=Decimal("2.2319"), fraction=Decimal("0.5")),
        Target(price=Decimal("2.3177"), fraction=Decimal("0.5")),
    ),
    submitted_at=a.at("14:35:31.100"),
    first_fill_at=a.at("14:35:31.310"),
)


def _xrp_state(resting: bool) -> State:
    bought = a._position(a.XRP, "1396.5", "2.1465", "pxrp", 0)
    if not resting:
        return a.live_state(positions={a.XRP: replace(bought, stop=Decimal("2.0818"))}, orders={})
    stop = a._stop(a.XRP, SELL, "1396.5", "2.0818", 9)
    return a.live_state(positions={a.XRP: bought}, orders={stop.client_order_id: stop})


def test_g1_a_partial_fill_says_what_protects_the_part(golden: Golden) -> None:
    part = replace(
        XRP_BUY,
        status=OrderStatus.PARTIALLY_FILLED,
        filled=Decimal(600),
        price_average=Decimal("2.1462"),
        fees=Decimal("1.28772"),
        fills=1,
    )
    golden("G1", orders.order(_order(part, _xrp_state(resting=True), "14:35:32")))


FILLED = replace(
    XRP_BUY,
    status=OrderStatus.FILLED,
    filled=Decimal("1396.5"),
    price_average=Decimal("2.1465"),
    fees=Decimal("2.9975873"),
    fills=3,
    finished_at=a.at("14:35:33.000"),
)


def test_g2_a_complete_fill_shows_slippage_and_both_fees(golden: Golden) -> None:
    golden("G2", orders.order(_order(FILLED, _xrp_state(resting=True), "14:35:33")))
    golden("G2_watched", orders.order(_order(FILLED, _xrp_state(resting=False), "14:35:33")))


def test_a_stop_that_rested_tells_its_fill_and_its_end(golden: Golden) -> None:
    state = a.live_state()
    stop = replace(a.STOPS[0], position_id=a.P_3F8K)
    golden("stop_working", orders.order(_order(stop, state)))
    finished: dict[str, Any] = {"finished_at": a.at("14:32:30"), "refusal": "-2010: too many stops"}
    ended = replace(stop, status=OrderStatus.REJECTED, **finished)
    # another rests, none rests and the console watches, nothing is wished, nothing is held
    golden("stop_gone_another", orders.order(_order(ended, state)))
    bare = replace(state, orders={})
    watched = replace(a.POSITIONS[a.BTC], stop=Decimal("59400.00"))
    held = replace(bare, positions={**bare.positions, a.BTC: watched})
    golden("stop_gone_watched", orders.order(_order(ended, held)))
    golden("stop_gone_bare", orders.order(_order(ended, bare)))
    golden("stop_gone_flat", orders.order(_order(ended, replace(bare, positions={}))))
    fills: dict[str, Any] = {"filled": Decimal("0.05"), "price_average": Decimal("59380.00")}
    done = replace(stop, status=OrderStatus.FILLED, fills=1, fees=Decimal("2.97"), **fills)
    done = replace(done, realised_pnl=Decimal("-60.99"), finished_at=a.at("14:32:30"))
    golden("stop_filled", orders.order(_order(done, replace(bare, positions={}))))
    # a part was closed by hand, and what is left is covered
    part = replace(done, kind=OrderKind.MARKET, price_trigger=None)
    golden("exit_part", orders.order(_order(part, state)))
    waits = replace(part, status=OrderStatus.SUBMITTED, filled=Decimal(0), held=True)
    golden("exit_held", orders.order(_order(waits, state)))


def test_orders_of_every_other_status_have_a_card(golden: Golden) -> None:
    state = a.live_state()
    waiting = a.LTC_BUY
    for status in (OrderStatus.SUBMITTED, OrderStatus.ACCEPTED, OrderStatus.PENDING_CANCEL):
        is_leaving = status is OrderStatus.PENDING_CANCEL
        shown = replace(waiting, status=status, cancel_requested=is_leaving)
        golden(f"order_{status}", orders.order(_order(shown, state)))
    ended = replace(waiting, finished_at=a.at("14:32:30"), refusal="-2010: too little money")
    for status in (
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.NOT_SENT,
    ):
        golden(f"order_{status}", orders.order(_order(replace(ended, status=status), state)))
    part = replace(
        FILLED, status=OrderStatus.EXPIRED, filled=Decimal(600), fees=Decimal("1.28"), fills=1
    )
    golden("order_expired_part", orders.order(_order(part, _xrp_state(resting=False))))
    sold = replace(
        FILLED,
        side=SELL,
        purpose=OrderPurpose.EXIT,
        price_average=Decimal("2.14600"),
        realised_pnl=Decimal("-3.70"),
    )
    golden("order_exit_filled", orders.order(_order(sold, a.live_state())))
    held = next(one for one in a.live_state().positions.values() if one.venue == "bybit")
    half = replace(sold, venue="bybit", symbol=held.symbol, position_id=held.position_id)
    left = figures.quantity(abs(held.quantity))
    assert re.search(rf"Left +{left} ETH", orders.order(_order(half, a.live_state())).text)
    short = replace(sold, venue="bybit", symbol="ETH/USDT:USDT", purpose=OrderPurpose.ENTRY)
    text = orders.order(_order(short, a.live_state())).text
    assert "Value " in text
    assert "Received" not in text


def test_h1_the_orders_list(golden: Golden) -> None:
    state = a.live_state()
    golden("H1", order_list.orders(orders_view(a.scene(state), state, a.INSTRUMENTS)))
    empty = a.live_state(orders={})
    golden("H1_none", order_list.orders(orders_view(a.scene(empty), empty, a.INSTRUMENTS)))


def test_h2_the_positions_list(golden: Golden) -> None:
    state = a.live_state()
    view = positions_view(a.scene(state), state, a.quotes(), a.INSTRUMENTS)
    golden("H2", positions.positions(view))
    paper = a.paper_state()
    view = positions_view(a.scene(paper), paper, a.quotes(), a.INSTRUMENTS)
    golden("H2_paper", positions.positions(view))
    empty = a.live_state(positions={})
    view = positions_view(a.scene(empty), empty, a.quotes(), a.INSTRUMENTS)
    golden("H2_none", positions.positions(view))


def test_a_long_list_of_positions_has_pages(golden: Golden) -> None:
    held = {
        f"binance:C{n}/USDT": a._position(f"binance:C{n}/USDT", "1", "10", f"p{n}", n)
        for n in range(20)
    }
    state = a.live_state(positions=held)
    view = positions_view(a.scene(state), state, a.quotes(), a.INSTRUMENTS, page=1)
    golden("H2_page", positions.positions(view))


def test_h3_the_position_card(golden: Golden) -> None:
    state = a.live_state()
    view = position_view(a.scene(state), a.P_3F8K, state, a.quotes(), a.INSTRUMENTS)
    assert view is not None
    golden("H3", positions.position(view))
    seen = replace(view, scene=a.scene(state, role=Role.VIEWER))
    golden("H3_viewer", positions.position(seen))
    asked = replace(state, orders={**state.orders, "qdbtc": UNKNOWN})
    unsure = position_view(a.scene(asked), a.P_3F8K, asked, a.quotes(), a.INSTRUMENTS)
    assert unsure is not None
    golden("H3_unknown", positions.position(unsure))
    paper = a.paper_state()
    held = position_view(a.scene(paper), "peth", paper, a.quotes(), a.INSTRUMENTS)
    assert held is not None
    golden("H3_paper", positions.position(held))
    golden("stop_moved", stop_moved(held))


def test_a_stop_can_be_moved_or_trail_and_a_plan_says_what_will_happen(golden: Golden) -> None:
    state = a.live_state()
    view = position_view(a.scene(state), a.P_3F8K, state, a.quotes(), a.INSTRUMENTS)
    assert view is not None
    golden("move_stop", moving.move_stop(view))
    golden("move_stop_typing", moving.typing(view, a.at("14:34:05")))
    golden("trail", moving.trail(view))
    plan = ExitPlan(
        trail_pct=Decimal("1.5"),
        trail_from=Decimal(62000),
        break_even_after=1,
        close_at=a.at("18:32:05"),
    )
    planned = replace(view, position=replace(view.position, plan=plan))
    golden("H3_planned", positions.position(planned))
    golden("trail_planned", moving.trail(planned))
    without = replace(planned, stop=None, stop_pnl=None, stop_pct=None, mark=None)
    golden("move_stop_none", moving.move_stop(without))
    ticket = replace(a.D1, plan=replace(plan, close_at=None, close_after_s=14400))
    golden("D1_planned", tickets.ticket(_view(ticket)))


def test_a_position_that_is_gone_has_no_view() -> None:
    state = a.live_state()
    assert position_view(a.scene(state), "pgone", state, a.quotes(), a.INSTRUMENTS) is None


def test_h4_what_a_close_by_preset_did(golden: Golden) -> None:
    sold = a.order(
        a.BTC,
        SELL,
        "0.025",
        "qdclose",
        purpose=OrderPurpose.EXIT,
        status=OrderStatus.FILLED,
        filled=Decimal("0.025"),
        price_average=Decimal("61236.50"),
        price_arrival=Decimal("61240.17"),
        fees=Decimal("1.5309125"),
        realised_pnl=Decimal("17.3815875"),
        finished_at=a.at("14:33:12"),
    )
    left = replace(a.POSITIONS[a.BTC], quantity=Decimal("0.025"))
    state = a.live_state(positions={a.BTC: left})
    scene = a.scene(state, a.at("14:33:12"))
    view = close_view(
        scene, sold, state, a.INSTRUMENTS, position_id=a.P_3F8K, position_name="P-3F8K"
    )
    golden("H4", positions.closed(view))
    gone = a.live_state(positions={})
    view = close_view(
        scene, sold, gone, a.INSTRUMENTS, position_id=a.P_3F8K, position_name="P-3F8K"
    )
    golden("H4_all", positions.closed(view))


def test_j3_a_costly_fill_is_told_with_its_money(golden: Golden) -> None:
    sold = a.order(
        a.SOL,
        SELL,
        "12",
        a.O_6J2S,
        kind=OrderKind.STOP,
        purpose=OrderPurpose.EXIT,
        status=OrderStatus.FILLED,
        filled=Decimal(12),
        price_average=Decimal("146.88"),
        price_arrival=Decimal("147.80"),
        realised_pnl=Decimal("-68.00256"),
        reason="stop",
        finished_at=a.at("15:12:44"),
    )
    tally = DayTally(slippage_bps_sum=Decimal("103.4"), slippage_orders=11)
    state = a.live_state(positions={}, orders={}, tally=tally)
    scene = a.scene(state, a.at("15:12:44"))
    golden("J3", slippage(slippage_view(scene, sold, state, a.INSTRUMENTS)))


def test_a_watched_stop_that_was_reached(golden: Golden) -> None:
    state = a.paper_state()
    event = ExitTriggered(
        at=a.NOW + timedelta(seconds=1),
        key=a.SPOT_ETH,
        position_id="peth",
        leg="stop",
        price=Decimal("3328.38"),
        quote=a.quote(a.SPOT_ETH, "3328.20", "0.1"),
    )
    golden("stop_reached", triggered(exit_view(a.scene(state), event, state, a.INSTRUMENTS)))
