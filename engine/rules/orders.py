"""Rules about the order itself: its size, its price, its age, and how many there are."""

from datetime import datetime
from decimal import Decimal

from engine.context import measured_equity
from engine.events import Breach
from engine.fold_orders import fingerprint_of
from engine.instruments import Toward, cash_currency
from engine.numbers import BPS, HUNDRED, ZERO, plain
from engine.orders import OrderKind, OrderSide
from engine.proposals import Proposal
from engine.rules.case import Case, cent_down, cent_up
from engine.state import SentMark, State


def minimum(case: Case) -> Breach | None:
    """Refuse what the venue calls too small; an exit, too, when nothing is left to close."""
    proposal = case.proposal
    instrument = proposal.instrument
    if proposal.is_exit and proposal.quantity <= ZERO and proposal.quantity_asked > ZERO:
        return _nothing_left(proposal)
    price = proposal.price
    minimum = instrument.quantity_covering(instrument.notional_min, price)
    exempt = proposal.is_exit and ":" in instrument.symbol
    notional = proposal.quantity * price
    too_small = proposal.quantity < max(instrument.quantity_min, instrument.quantity_step)
    if not too_small and (exempt or notional >= instrument.notional_min):
        return None
    asked = proposal.signal.notional or proposal.quantity_asked * price
    least = max(instrument.notional_min, instrument.quantity_min * price)
    return Breach(
        rule="minimum",
        sentence=f"Too small: {asked:.2f} {cash_currency(instrument.symbol)}.",
        value=f"{asked:.2f}",
        limit=f"{least:.2f}",
        passes=cent_up(minimum * (proposal.price_limit or price)),
    )


def _nothing_left(proposal: Proposal) -> Breach:
    held = abs(proposal.position.quantity) if proposal.position is not None else ZERO
    return Breach(
        rule="exit_cap",
        sentence=f"Exits under way or dust cover all of {plain(held)} {proposal.instrument.base}.",
        value=plain(proposal.quantity_asked),
        limit="0",
    )


def maximum(case: Case) -> Breach | None:
    """Refuse more than the venue takes in one order."""
    proposal = case.proposal
    most = proposal.instrument.quantity_max
    if most is None or proposal.quantity <= most:
        return None
    return Breach(
        rule="maximum",
        sentence=f"Quantity {plain(proposal.quantity)}, the venue takes {plain(most)} at most.",
        value=plain(proposal.quantity),
        limit=plain(most),
        passes=most * proposal.price,
    )


def flip(case: Case) -> Breach | None:
    """Refuse an exit that was asked to be larger than its position; never flip."""
    proposal = case.proposal
    if not proposal.is_exit or proposal.position is None:
        return None
    held = abs(proposal.position.quantity)
    if proposal.signal.quantity is None or proposal.quantity_asked <= held:
        return None
    return Breach(
        rule="flip",
        sentence=f"You hold {plain(held)} {proposal.instrument.base}; an exit never flips.",
        value=plain(proposal.quantity_asked),
        limit=plain(held),
        passes=held * proposal.price,
    )


def order_size(case: Case) -> Breach | None:
    """Refuse an order that costs more than its share of equity."""
    proposal, state = case.proposal, case.state
    limit = measured_equity(state) * state.limits.order_notional_pct_max / HUNDRED
    if proposal.cost_max <= limit:
        return None
    value = proposal.amount_asked
    return Breach(
        rule="order_size",
        sentence=f"Order size {value:,.2f}, limit {limit:,.2f}",
        value=f"{value:,.2f}",
        limit=f"{limit:,.2f}",
        passes=cent_down(limit),
    )


def collar(case: Case) -> Breach | None:
    """Refuse a limit price too far through the mid; a passive price passes."""
    proposal, state = case.proposal, case.state
    if proposal.quote is None or proposal.price_limit is None:
        return None
    mid = proposal.quote.mid
    through = (proposal.price_limit - mid) / mid * BPS * proposal.side.sign
    limit = state.limits.collar_bps_max
    if through <= limit:
        return None
    furthest = proposal.instrument.price_rounded(
        mid * (1 + limit / BPS * proposal.side.sign), _inside(proposal)
    )
    return Breach(
        rule="collar",
        sentence=f"Limit {plain(proposal.price_limit)} is {through:.0f} bps through the price, "
        f"limit {limit:.0f}",
        value=f"{through:.0f} bps",
        limit=f"{limit:.0f} bps, {plain(furthest)}",
    )


def _inside(proposal: Proposal) -> Toward:
    return Toward.DOWN if proposal.side is OrderSide.BUY else Toward.UP


def duplicate(case: Case) -> Breach | None:
    """Refuse what was sent a moment ago: a second tap, a second webhook."""
    proposal, state, context = case.proposal, case.state, case.context
    mark = fingerprint_of(
        proposal.key,
        proposal.side,
        proposal.quantity,
        proposal.price_limit if proposal.kind is OrderKind.LIMIT else None,
    )
    window_s = state.limits.duplicate_window_s
    for sent in reversed(state.sent):
        if sent.fingerprint != mark:
            continue
        age_s = (context.now - sent.at).total_seconds()
        if abs(age_s) < window_s:
            return Breach(
                rule="duplicate",
                sentence=f"The same order was sent {age_s:.0f} s ago, wait {window_s} s",
                value=f"{age_s:.0f} s",
                limit=f"{window_s} s",
            )
    return None


def open_orders(case: Case) -> Breach | None:
    """Refuse one more order than may stand open, those not from here among them."""
    state = case.state
    limit = state.limits.orders_open_max
    count = orders_open(state)
    if count < limit:
        return None
    return Breach(
        rule="open_orders",
        sentence=f"Open orders {count}, limit {limit}",
        value=str(count),
        limit=str(limit),
    )


def signal_age(case: Case) -> Breach | None:
    """Refuse a signal that is too old, or past its own expiry."""
    proposal, state, context = case.proposal, case.state, case.context
    signal = proposal.signal
    if signal.expires_at is not None and context.now >= signal.expires_at:
        return Breach(rule="signal_age", sentence="Expired: the signal's own time has passed.")
    if signal.created_at is None:
        return None
    age_s = (context.now - signal.created_at).total_seconds()
    limit_s = state.limits.signal_age_s_max
    if age_s <= limit_s:
        return None
    return Breach(
        rule="signal_age",
        sentence=f"The signal is {age_s:.0f} s old, limit {limit_s} s",
        value=f"{age_s:.0f} s",
        limit=f"{limit_s} s",
    )


def orders_open(state: State) -> int:
    """Count the open orders that a limit counts: ours, and those that nobody here sent.

    What only protects is none of them: a stop may never stand in an entry's way.
    """
    protecting = sum(len(on.stops) for on in state.open_on.values())
    external = sum(len(orders) for orders in state.external_orders.values())
    return len(state.orders) - protecting + external


def slippage(case: Case) -> Breach | None:
    """Refuse a market entry that would cost more than its own bound: the book is too thin."""
    proposal, limit = case.proposal, case.state.limits.slippage_cap_bps
    if proposal.kind is not OrderKind.MARKET or proposal.slippage_bps <= limit:
        return None
    return Breach(
        rule="slippage",
        sentence=f"The best price is {proposal.slippage_bps:.1f} bps away, limit {limit:.0f}",
        value=f"{proposal.slippage_bps:.1f} bps",
        limit=f"{limit:.0f} bps",
    )


EXITS_SHARE = Decimal("0.2")
"""Of each rate this share is kept for exits and cancels, which no rule refuses."""


def order_rate(case: Case) -> Breach | None:
    """Refuse more entries in a second than venue, strategy and account may send."""
    state, now = case.state, case.context.now
    venue, strategy = case.proposal.instrument.venue, case.proposal.signal.strategy
    recent = sent_within_s(state, now)
    if not recent:
        return None
    limits = state.limits
    for name, most, count in (
        (venue, limits.venue_orders_per_s_max, sum(mark.venue == venue for mark in recent)),
        (
            strategy,
            limits.strategy_orders_per_s_max,
            sum(mark.strategy == strategy for mark in recent),
        ),
        ("all", limits.orders_per_s_max, len(recent)),
    ):
        limit = entries_per_s(most)
        if count >= limit:
            return Breach(
                rule="order_rate",
                sentence=f"Orders a second ({name}) {count + 1}, limit {limit}",
                value=str(count + 1),
                limit=str(limit),
            )
    return None


def sent_within_s(state: State, now: datetime) -> list[SentMark]:
    """Give the entries of the last second, the newest first; more than are kept stand for all."""
    recent = []
    for mark in reversed(state.sent):
        if abs((now - mark.at).total_seconds()) >= 1:
            break
        recent.append(mark)
    return recent


def entries_per_s(orders_per_s: int) -> int:
    """Give how many of the orders a second may be entries; one at least."""
    return max(1, int(orders_per_s * (1 - EXITS_SHARE)))


def self_trade(case: Case) -> Breach | None:
    """Refuse an entry that would meet an order of our own, or one not from here, on its symbol."""
    proposal, state = case.proposal, case.state
    key, sign, price = proposal.key, proposal.side.sign, proposal.price_limit
    has_external = state.external_orders.get(proposal.instrument.venue)
    if price is None or (key not in state.open_on and not has_external):
        return None
    for order in state.orders_on(key):
        resting = order.price_limit if order.kind is OrderKind.LIMIT else None
        if order.side is not proposal.side and _meets(price, resting, sign):
            return _own_order(order.short_id, resting)
    for seen in has_external or ():
        met = seen.key == key and seen.side is not proposal.side
        if met and seen.price_trigger is None and _meets(price, seen.price_limit, sign):
            return _own_order("not from here", seen.price_limit)
    return None


def _meets(price: Decimal, resting: Decimal | None, sign: int) -> bool:
    return resting is not None and (price - resting) * sign >= ZERO


def _own_order(name: str, resting: Decimal | None) -> Breach:
    at = plain(resting or ZERO)
    return Breach(
        rule="self_trade",
        sentence=f"It would meet your own order {name} at {at}; cancel that first.",
        value=at,
    )
