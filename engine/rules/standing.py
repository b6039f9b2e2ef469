"""Rules about where an order would go: what is held back, not known, or not to be trusted."""

from engine.events import Breach
from engine.instruments import cash_currency
from engine.proposals import Proposal
from engine.rules.case import Case
from engine.standings import standings
from engine.state import State
from engine.stops import Standing


def instrument(case: Case) -> Breach | None:
    """Refuse what does not trade now, and what no equity is counted in."""
    proposal, state = case.proposal, case.state
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


def armed(case: Case) -> Breach | None:
    """Refuse real money that no owner has armed since the start."""
    state, context = case.state, case.context
    if state.journal is None or state.journal.mode != "live" or context.armed:
        return None
    return Breach(rule="armed", sentence="Live trading is not armed; an owner arms it.")


def trading_state(case: Case) -> Breach | None:
    """Refuse what a person or a breaker holds back: everything, its venue, symbol or strategy."""
    proposal, state, context = case.proposal, case.state, case.context
    held = _held(proposal, state, is_decided=True)
    if held is not None:
        return Breach(rule=held.rule, sentence=held.sentence, value=held.trading.value)
    venue, symbol = proposal.instrument.venue, proposal.instrument.symbol
    strategy = proposal.signal.strategy
    latched = any(each.covers(venue, symbol, strategy) for each in context.scopes_latched)
    if context.stop_latched or latched:
        sentence = "Halted: stopped by a person."
        return Breach(rule="trading_state", sentence=sentence, value="halted")
    return None


def _held(proposal: Proposal, state: State, *, is_decided: bool) -> Standing | None:
    """Give what holds a proposal back most: what was decided, or what was found wrong."""
    venue, symbol = proposal.instrument.venue, proposal.instrument.symbol
    found = [
        each
        for each in standings(state, venue, symbol, proposal.signal.strategy)
        if (each.rule == "trading_state") is is_decided
    ]
    return max(found, key=lambda each: each.trading.severity, default=None)


def symbol_state(case: Case) -> Breach | None:
    """Refuse where something is wrong with the venue or the symbol."""
    proposal, state, context = case.proposal, case.state, case.context
    venue = proposal.instrument.venue
    held = _held(proposal, state, is_decided=False)
    if held is not None:
        return Breach(rule=held.rule, sentence=held.sentence)
    if context.shown is not None and venue not in context.shown:
        sentence = f"{venue} has not been compared since the start; no entries there yet."
        return Breach(rule="venue", sentence=sentence)
    if proposal.key in state.books_differ.get(venue, ()):
        return Breach(rule="books", sentence="The venue's books differ on this symbol.")
    return None


def unknown(case: Case) -> Breach | None:
    """Refuse while nobody knows what became of an order on the symbol."""
    proposal, state = case.proposal, case.state
    on = state.open_on.get(proposal.key)
    if on is None or not on.unknown:
        return None
    order = state.orders[on.unknown[0]]
    return Breach(
        rule="unknown",
        sentence=f"{order.short_id} on this symbol is unknown; the venue is being asked.",
    )


def metadata(case: Case) -> Breach | None:
    """Refuse by tick, lot and minimum that the venue told too long ago."""
    instrument, limit_h = case.proposal.instrument, case.state.limits.metadata_age_h_max
    if instrument.listed_at is None:
        return None
    age_h = (case.context.now - instrument.listed_at).total_seconds() / 3600
    if age_h <= limit_h:
        return None
    return Breach(
        rule="metadata",
        sentence=f"What {instrument.venue} lists is {age_h:.0f} h old, limit {limit_h} h",
        value=f"{age_h:.0f} h",
        limit=f"{limit_h} h",
    )


def clock_skew(case: Case) -> Breach | None:
    """Refuse where our clock and the venue's differ too much for ages to mean anything."""
    shown = (case.context.shown or {}).get(case.proposal.instrument.venue)
    limit_ms = case.state.limits.clock_skew_ms_max
    if shown is None or shown.clock_skew_ms is None or abs(shown.clock_skew_ms) <= limit_ms:
        return None
    return Breach(
        rule="clock_skew",
        sentence=f"The clocks differ by {abs(shown.clock_skew_ms)} ms, limit {limit_ms}",
        value=f"{abs(shown.clock_skew_ms)} ms",
        limit=f"{limit_ms} ms",
    )
