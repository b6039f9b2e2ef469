"""Rules about the account: what it can pay, what it may hold, what it has lost."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal

from engine.context import measured_equity
from engine.events import Breach
from engine.exposure import share_pct
from engine.instruments import Instrument, cash_currency
from engine.numbers import HUNDRED, ONE, ZERO, plain
from engine.orders import OrderSide
from engine.portfolio import cash_free, external_keys, is_dust
from engine.quotes import Quote
from engine.rules.case import Case, cent_down
from engine.state import State


def balance(case: Case) -> Breach | None:
    """Refuse what the free cash or margin does not cover, fees included."""
    proposal, state = case.proposal, case.state
    instrument = proposal.instrument
    fee_share = instrument.fee_taker
    leverage = proposal.signal.leverage
    currency = cash_currency(instrument.symbol)
    free = cash_free(state, instrument.venue, currency, fee_share)
    share = ONE / leverage + fee_share
    if proposal.cost_max * share <= free:
        return None
    needed = proposal.amount_asked * share
    most = cent_down(max(ZERO, free) / share)
    return Breach(
        rule="balance",
        sentence=f"Free {free:,.2f}, needs {needed:,.2f}",
        value=f"{needed:,.2f}",
        limit=f"{free:,.2f}",
        passes=most,
    )


def positions(case: Case) -> Breach | None:
    """Refuse one more position than may be open; dust does not count."""
    proposal, state, context = case.proposal, case.state, case.context
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
    held = positions_held(state, context.instruments, context.quotes)
    if len(held) < limit:
        return None
    return Breach(
        rule="positions",
        sentence=f"Positions {len(held)}, limit {limit}",
        value=str(len(held)),
        limit=str(limit),
    )


def positions_held(
    state: State, instruments: Mapping[str, Instrument], quotes: Mapping[str, Quote]
) -> set[str]:
    """Name the instruments that count as positions: held beyond dust, or entered by an order."""
    held = {key for key, on in state.open_on.items() if on.entries} | external_keys(state)
    return held | {
        key
        for key, position in state.positions.items()
        if not is_dust(position, instruments, quotes)
    }


def leverage(case: Case) -> Breach | None:
    """Refuse more leverage than order, venue or account may have."""
    proposal, state = case.proposal, case.state
    limit = min(state.limits.leverage_max, proposal.instrument.leverage_max)
    if proposal.signal.leverage <= limit:
        return None
    return Breach(
        rule="leverage",
        sentence=f"Leverage {plain(proposal.signal.leverage)}x, limit {plain(limit)}x",
        value=f"{plain(proposal.signal.leverage)}x",
        limit=f"{plain(limit)}x",
    )


def account_leverage(case: Case) -> Breach | None:
    """Refuse what would make the whole account's gross more than so many times its equity."""
    equity, limit = measured_equity(case.state), case.state.limits.leverage_max
    gross = case.after.gross
    if gross <= equity * limit:
        return None
    times = f"{gross / equity:.2f}x" if equity > ZERO else "without equity"
    return Breach(
        rule="account_leverage",
        sentence=f"Account leverage {times}, limit {plain(limit)}x",
        value=times,
        limit=f"{plain(limit)}x",
        passes=_room(equity * limit - case.exposure.gross),
    )


def position_size(case: Case) -> Breach | None:
    """Refuse what would make one position too large a share of equity."""
    moved = case.exposure.symbol, case.after.symbol
    name = f"{case.proposal.instrument.symbol} position"
    return _share(case, "position_size", name, moved, case.state.limits.position_pct_max)


def coin(case: Case) -> Breach | None:
    """Refuse what would make one coin, over all venues, too large a share of equity."""
    moved = case.exposure.coin, case.after.coin
    name = f"{case.proposal.instrument.base} share"
    return _share(case, "coin", name, moved, case.state.limits.coin_pct_max)


def gross(case: Case) -> Breach | None:
    """Refuse what would make all sizes together too large a share of equity."""
    moved = case.exposure.gross, case.after.gross
    return _share(case, "gross", "Gross", moved, case.state.limits.gross_pct_max)


def net(case: Case) -> Breach | None:
    """Refuse what would make the heavier side too large a share of equity."""
    if case.after.net <= case.exposure.net:
        return None  # it makes the lighter side heavier
    is_buy = case.proposal.side is OrderSide.BUY
    before = case.exposure.longs if is_buy else case.exposure.shorts
    return _share(case, "net", "Net", (before, case.after.net), case.state.limits.net_pct_max)


def _share(
    case: Case, rule: str, name: str, moved: tuple[Decimal, Decimal], limit_pct: Decimal
) -> Breach | None:
    """Judge an exposure, before and after, by its share of equity; the edge passes."""
    before, after = moved
    equity = measured_equity(case.state)
    most = equity * limit_pct / HUNDRED
    if after <= most:
        return None
    share = figure(share_pct(after, equity))
    return Breach(
        rule=rule,
        sentence=f"{name} {share}%, limit {plain(limit_pct)}%",
        value=f"{share}%",
        limit=f"{plain(limit_pct)}%",
        passes=_room(most - before),
    )


SHARE_MAX = Decimal(10**9)
"""Of what is larger nobody reads the digits."""


def figure(share: Decimal) -> str:
    """Write a share so that what is over its limit never reads as if it were at it."""
    return plain(min(share, SHARE_MAX).quantize(Decimal("0.1"), rounding=ROUND_CEILING))


def _room(amount: Decimal) -> Decimal | None:
    """Give what is left in cents, None where nothing is."""
    left = cent_down(max(ZERO, amount))
    return left if left > ZERO else None


def daily_loss(case: Case) -> Breach | None:
    """Refuse an entry at the day's loss limit, whether or not its breaker has tripped yet."""
    equity, limit = case.state.equity, case.state.limits.daily_loss_pct_max
    if equity is None or equity.day_loss_pct < limit or _is_latched(case.state, "daily_loss"):
        return None
    return _lost("daily_loss", "Day loss", equity.day_loss_pct, limit)


def drawdown(case: Case) -> Breach | None:
    """Refuse an entry at the drawdown limit, whether or not its breaker has tripped yet."""
    equity, limit = case.state.equity, case.state.limits.drawdown_pct_max
    if equity is None or equity.drawdown_pct < limit or _is_latched(case.state, "drawdown"):
        return None
    return _lost("drawdown", "Drawdown", equity.drawdown_pct, limit)


def _is_latched(state: State, kind: str) -> bool:
    return any(breaker.kind == kind for breaker in state.breakers.values())


def _lost(rule: str, name: str, value: Decimal, limit: Decimal) -> Breach:
    return Breach(
        rule=rule,
        sentence=f"{name} {value:.2f}%, limit {plain(limit)}%",
        value=f"{value:.2f}%",
        limit=f"{plain(limit)}%",
    )
