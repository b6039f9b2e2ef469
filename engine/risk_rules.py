"""Risk rules: the table of pre-trade checks, each a pure function that gives a breach or None."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.context import Context, measured_equity
from engine.events import Breach
from engine.fold_orders import fingerprint_of
from engine.instruments import Toward, cash_currency
from engine.numbers import BPS, HUNDRED, ONE, ZERO, plain
from engine.orders import OrderKind, OrderSide
from engine.portfolio import cash_free, external_keys, is_dust
from engine.proposals import Proposal
from engine.risk_limits import TradingState
from engine.state import State

CENT = Decimal("0.01")

Check = Callable[[Proposal, State, Context], Breach | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Name a check; `exits` tells whether it may refuse an exit too."""

    name: str
    check: Check
    exits: bool = False


def _trading_state(_: Proposal, state: State, context: Context) -> Breach | None:
    if context.stop_latched or state.trading is TradingState.HALTED:
        why = "stopped by a person" if state.stop or context.stop_latched else "a breaker tripped"
        return Breach(rule="trading_state", sentence=f"Halted: {why}.", value="halted")
    if state.trading is TradingState.REDUCING:
        return Breach(rule="trading_state", sentence="Only exits now.", value="reducing")
    return None


def _symbol_state(proposal: Proposal, state: State, context: Context) -> Breach | None:
    venue = proposal.instrument.venue
    if venue in state.venues_silent:
        return Breach(rule="venue", sentence=f"{venue} does not answer; no entries there.")
    if context.shown is not None and venue not in context.shown:
        sentence = f"{venue} has not been compared since the start; no entries there yet."
        return Breach(rule="venue", sentence=sentence)
    if venue in state.accounts_halted:
        why = state.accounts_halted[venue]
        return Breach(rule="account", sentence=f"{venue} is halted: {why}.")
    if proposal.key in state.unexplained:
        sentence = "A position here was not opened here; acknowledge it first."
        return Breach(rule="unexplained", sentence=sentence)
    if proposal.key in state.reducing:
        why = state.reducing[proposal.key]
        return Breach(rule="symbol_state", sentence=f"Only exits on this symbol: {why}.")
    if proposal.key in state.books_differ.get(venue, ()):
        return Breach(rule="books", sentence="The venue's books differ on this symbol.")
    return None


def _instrument(proposal: Proposal, state: State, _: Context) -> Breach | None:
    instrument = proposal.instrument
    if not instrument.active:
        return Breach(rule="instrument", sentence=f"{instrument.symbol} does not trade now.")
    currency = cash_currency(instrument.symbol)
    if currency != state.currency:
        return Breach(
            rule="currency",
            sentence=f"{instrument.symbol} trades in {currency}; this account is in "
            f"{state.currency}.",
        )
    return None


def _minimum(proposal: Proposal, _: State, __: Context) -> Breach | None:
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
        passes=_cent_up(minimum * (proposal.price_limit or price)),
    )


def _cent_up(amount: Decimal) -> Decimal:
    """Round up to what a person can type, so that the amount shown does pass."""
    return amount.quantize(CENT, rounding=ROUND_CEILING)


def _cent_down(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_FLOOR)


def _nothing_left(proposal: Proposal) -> Breach:
    held = abs(proposal.position.quantity) if proposal.position is not None else ZERO
    return Breach(
        rule="exit_cap",
        sentence=f"Exits under way or dust cover all of {plain(held)} {proposal.instrument.base}.",
        value=plain(proposal.quantity_asked),
        limit="0",
    )


def _maximum(proposal: Proposal, _: State, __: Context) -> Breach | None:
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


def _flip(proposal: Proposal, _: State, __: Context) -> Breach | None:
    """Refuse an exit that was asked to be larger than its position; never flip."""
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


def _order_size(proposal: Proposal, state: State, _: Context) -> Breach | None:
    limit = measured_equity(state) * state.limits.order_notional_pct_max / HUNDRED
    if proposal.cost_max <= limit:
        return None
    value = proposal.amount_asked
    return Breach(
        rule="order_size",
        sentence=f"Order size {value:,.2f}, limit {limit:,.2f}",
        value=f"{value:,.2f}",
        limit=f"{limit:,.2f}",
        passes=_cent_down(limit),
    )


def _collar(proposal: Proposal, state: State, _: Context) -> Breach | None:
    """Refuse a limit price too far through the mid; a passive price passes."""
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


def _duplicate(proposal: Proposal, state: State, context: Context) -> Breach | None:
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


def _open_orders(_: Proposal, state: State, __: Context) -> Breach | None:
    limit = state.limits.orders_open_max
    count = len(state.orders) + sum(len(orders) for orders in state.external_orders.values())
    if count < limit:
        return None
    return Breach(
        rule="open_orders",
        sentence=f"Open orders {count}, limit {limit}",
        value=str(count),
        limit=str(limit),
    )


def _balance(proposal: Proposal, state: State, _: Context) -> Breach | None:
    instrument = proposal.instrument
    fee_share = instrument.fee_taker
    leverage = proposal.signal.leverage
    currency = cash_currency(instrument.symbol)
    free = cash_free(state, instrument.venue, currency, fee_share)
    share = ONE / leverage + fee_share
    if proposal.cost_max * share <= free:
        return None
    needed = proposal.amount_asked * share
    most = _cent_down(max(ZERO, free) / share)
    return Breach(
        rule="balance",
        sentence=f"Free {free:,.2f}, needs {needed:,.2f}",
        value=f"{needed:,.2f}",
        limit=f"{free:,.2f}",
        passes=most,
    )


def _positions(proposal: Proposal, state: State, context: Context) -> Breach | None:
    known = state.positions.get(proposal.key)
    if known is not None and not is_dust(known, context.instruments, context.quotes):
        return None
    limit = state.limits.positions_max
    external = external_keys(state)
    if len(state.positions) + len(state.open_on) + len(external) < limit:
        return None
    held = {key for key, on in state.open_on.items() if on.entries} | external
    # Dust can only lower the number, and telling it takes longer than all the rest.
    if proposal.key in held or len(held | state.positions.keys()) < limit:
        return None
    held |= {
        key
        for key, position in state.positions.items()
        if not is_dust(position, context.instruments, context.quotes)
    }
    if len(held) < limit:
        return None
    return Breach(
        rule="positions",
        sentence=f"Positions {len(held)}, limit {limit}",
        value=str(len(held)),
        limit=str(limit),
    )


def _leverage(proposal: Proposal, state: State, _: Context) -> Breach | None:
    limit = min(state.limits.leverage_max, proposal.instrument.leverage_max)
    if proposal.signal.leverage <= limit:
        return None
    return Breach(
        rule="leverage",
        sentence=f"Leverage {plain(proposal.signal.leverage)}x, limit {plain(limit)}x",
        value=f"{plain(proposal.signal.leverage)}x",
        limit=f"{plain(limit)}x",
    )


def _signal_age(proposal: Proposal, state: State, context: Context) -> Breach | None:
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


def _unknown(proposal: Proposal, state: State, _: Context) -> Breach | None:
    on = state.open_on.get(proposal.key)
    if on is None or not on.unknown:
        return None
    order = state.orders[on.unknown[0]]
    return Breach(
        rule="unknown",
        sentence=f"{order.short_id} on this symbol is unknown; the venue is being asked.",
    )


def _armed(_: Proposal, state: State, context: Context) -> Breach | None:
    if state.journal is None or state.journal.mode != "live" or context.armed:
        return None
    return Breach(rule="armed", sentence="Live trading is not armed; an owner arms it.")


RULES: tuple[Rule, ...] = (
    Rule(name="trading_state", check=_trading_state),
    Rule(name="symbol_state", check=_symbol_state),
    Rule(name="instrument", check=_instrument),
    Rule(name="minimum", check=_minimum, exits=True),
    Rule(name="maximum", check=_maximum),
    Rule(name="flip", check=_flip, exits=True),
    Rule(name="order_size", check=_order_size),
    Rule(name="collar", check=_collar),
    Rule(name="duplicate", check=_duplicate),
    Rule(name="open_orders", check=_open_orders),
    Rule(name="balance", check=_balance),
    Rule(name="positions", check=_positions),
    Rule(name="leverage", check=_leverage),
    Rule(name="signal_age", check=_signal_age),
    Rule(name="unknown", check=_unknown),
    Rule(name="armed", check=_armed),
)
