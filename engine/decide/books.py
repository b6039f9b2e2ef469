"""Books decided: what a venue shows against State, and what a person takes over from it."""

from datetime import timedelta
from decimal import Decimal

from engine import events as e
from engine import reports as r
from engine.commands import ENGINE, Actor, Adopt
from engine.decide.answers import halt_account, reappear
from engine.decide.fees import reporting_rate
from engine.decide.turn import Turn
from engine.external import Differing, FlowReason
from engine.identities import digest, instrument_key
from engine.instruments import cash_currency
from engine.numbers import ZERO
from engine.portfolio import is_swap
from engine.reconcile import (
    CASH_TOLERANCE,
    HOLDING_MIN,
    Difference,
    OrdersThere,
    cash_gap,
    differences,
    flow_reason,
    holdings,
    orders_there,
    swaps_in,
)

FLOW_LOOKS_MIN = 3
FLOW_SETTLES = timedelta(seconds=30)


def compare(turn: Turn, report: r.VenueSnapshot) -> tuple[Difference, ...]:
    """Compare everything that a venue shows; give what differs."""
    there = compare_orders(turn, report)
    found = (*differences(turn.state, report, turn.context.instruments), *there.lingering)
    _differences(turn, report, found)
    _holdings(turn, report)
    _cash(turn, report)
    return found


def compare_orders(turn: Turn, report: r.VenueSnapshot | r.OrdersOpen) -> OrdersThere:
    """Take up again what was given up, and note external orders.

    The account is halted for those that bear our names.
    """
    there = orders_there(turn.state, report, turn.context.known)
    for order, seen in there.back:
        reappear(turn, order, seen.venue_order_id)
    external = tuple(there.external)
    if external != turn.state.external_orders.get(report.venue, ()):
        turn.add(e.ExternalOrdersSeen(at=turn.now, venue=report.venue, orders=external))
    new = tuple(name for name in there.impostors if name not in turn.state.impostors)
    if new:
        halt_account(turn, report.venue, new, "it is open there")
    return there


def _differences(turn: Turn, report: r.VenueSnapshot, found: tuple[Difference, ...]) -> None:
    state, venue = turn.state, report.venue
    keys = tuple(sorted({difference.key for difference in found}))
    amounts = tuple(each.differing for each in found if each.differing is not None)
    known = state.books_differ.get(venue)
    shown = {key: each for key, each in state.differing.items() if key.startswith(f"{venue}:")}
    if found and (keys != known or {each.key: each for each in amounts} != shown):
        lines = tuple(difference.line for difference in found)
        turn.add(e.BooksDiffer(at=turn.now, venue=venue, lines=lines, keys=keys, found=amounts))
    elif not found and known is not None:
        turn.add(e.BooksEqual(at=turn.now, venue=venue))


def _holdings(turn: Turn, report: r.VenueSnapshot) -> None:
    state, venue = turn.state, report.venue
    seen = holdings(state, report)
    known = {purse: q for purse, q in state.holdings.items() if purse.startswith(f"{venue}:")}
    if {instrument_key(venue, currency): left for currency, left in seen.items()} != known:
        turn.add(e.HoldingsSeen(at=turn.now, venue=venue, holdings=seen))


def _cash(turn: Turn, report: r.VenueSnapshot) -> None:
    """Take over the venue's cash: at once the first time, later once a difference has settled."""
    state, venue = turn.state, report.venue
    if not report.balances:
        return
    if is_uncounted(turn, venue):
        there = report.balances.get(state.currency, ZERO)
        gap = there - state.cash.get(instrument_key(venue, state.currency), ZERO)
        _flow(turn, report, state.currency, gap, FlowReason.OPENING)
    else:
        _compare_cash(turn, report, state.currency)
    for currency in state.cash_currencies:
        if currency == state.currency:
            continue
        if instrument_key(venue, currency) in state.cash:
            _compare_cash(turn, report, currency)
        elif report.balances.get(currency, ZERO) >= HOLDING_MIN:
            # The first count of a purse waits for a price, not for a difference to settle.
            first = cash_gap(turn.state, report, currency)
            if first is not None and first >= HOLDING_MIN:
                _flow(turn, report, currency, first, FlowReason.OPENING)


def _compare_cash(turn: Turn, report: r.VenueSnapshot, currency: str) -> None:
    """Doubt a difference at first; book it as a flow once it has settled."""
    gap = cash_gap(turn.state, report, currency)
    doubt = turn.state.cash_doubts.get(instrument_key(report.venue, currency))
    tolerance = _tolerance(turn, currency)
    if gap is None or (doubt is None and abs(gap) < tolerance):
        return
    if abs(gap) < tolerance:
        _doubt(turn, report, currency, ZERO)
    elif doubt is None or doubt.amount != gap or doubt.looks < FLOW_LOOKS_MIN:
        _doubt(turn, report, currency, gap)
    elif abs(turn.now - doubt.since) >= FLOW_SETTLES:
        _flow(turn, report, currency, gap, flow_reason(gap, report, currency))


def _tolerance(turn: Turn, currency: str) -> Decimal:
    """Give what roundings may add up to: a cent of the reporting currency, or what buys one."""
    rate = reporting_rate(turn, currency)
    return CASH_TOLERANCE / rate if rate > ZERO else CASH_TOLERANCE


def is_uncounted(turn: Turn, venue: str) -> bool:
    """Tell whether a live account's cash has never been read from its venue."""
    journal = turn.state.journal
    return journal is not None and journal.mode == "live" and venue not in turn.state.counted


def _doubt(turn: Turn, report: r.VenueSnapshot, currency: str, amount: Decimal) -> None:
    turn.add(e.CashDoubted(at=turn.now, venue=report.venue, currency=currency, amount=amount))


def _flow(
    turn: Turn, report: r.VenueSnapshot, currency: str, amount: Decimal, reason: FlowReason
) -> None:
    """Book what came or went, at its worth now; without a price of the currency it waits."""
    rate = turn.context.rate(currency, turn.state, venue=report.venue)
    if rate is None:
        return
    swaps = swaps_in(report, currency) if reason is FlowReason.FUNDING else []
    key = instrument_key(report.venue, swaps[0].symbol) if len(swaps) == 1 else ""
    turn.add(
        e.CashFlowed(
            at=turn.now,
            venue=report.venue,
            currency=currency,
            amount=amount,
            cash=turn.state.cash.get(instrument_key(report.venue, currency), ZERO) + amount,
            reason=reason,
            rate=rate.value,
            key=key,
        )
    )


def adopt(turn: Turn, command: Adopt) -> None:
    """Take what a person was shown into the position: a difference first, a holding otherwise."""
    key, actor = command.key, command.actor
    if turn.state.orders_on(key):
        sentence = "An order on this symbol is under way; try again when it has ended."
        turn.refuse(actor, "adopt", "order_open", sentence)
    elif key in turn.state.differing:
        _adopt_difference(turn, command)
    else:
        _adopt_holding(turn, command)


def _adopt_difference(turn: Turn, command: Adopt) -> None:
    differing = turn.state.differing[command.key]
    if differing.there != command.quantity:
        turn.refuse(command.actor, "adopt", "changed", "The venue shows something else by now.")
    elif not take_over(turn, differing, command.actor):
        turn.refuse(command.actor, "adopt", "no_price", "There is no price for this symbol yet.")


def take_over(turn: Turn, differing: Differing, actor: Actor = ENGINE) -> bool:
    """Take the venue's quantity; False while there is no price for it.

    What that changes is neither gain nor loss: it is a flow.
    """
    key = differing.key
    held = turn.state.positions.get(key)
    change = differing.there - (held.quantity if held is not None else ZERO)
    quote = turn.context.quotes.get(key)
    mark = quote.mark if quote is not None else None
    price = differing.entry_price or mark or (held.entry_price if held is not None else None)
    if price is None:
        return False
    worth = mark if mark is not None else price
    symbol = key.partition(":")[2]
    flow = change * (worth - price if is_swap(symbol) else worth)
    flow *= reporting_rate(turn, cash_currency(symbol))
    _take(turn, key, actor, change, price=price, flow=flow)
    return True


def _adopt_holding(turn: Turn, command: Adopt) -> None:
    venue, _, symbol = command.key.partition(":")
    base = symbol.partition("/")[0]
    holding = turn.state.holdings.get(instrument_key(venue, base))
    instrument = turn.context.instruments.get(command.key)
    quote = turn.context.fresh(command.key, turn.state)
    if holding is None or is_swap(symbol) or instrument is None:
        turn.refuse(command.actor, "adopt", "no_holding", f"There is no {base} to adopt there.")
    elif holding != command.quantity:
        turn.refuse(command.actor, "adopt", "changed", "The venue shows something else by now.")
    elif quote is None:
        turn.refuse(command.actor, "adopt", "no_price", "There is no fresh price for it now.")
    elif instrument.is_dust(holding, quote.bid):
        turn.refuse(command.actor, "adopt", "dust", "That is too little to be sold.")
    else:
        worth = holding * quote.mark * reporting_rate(turn, cash_currency(symbol))
        _take(
            turn, command.key, command.actor, holding, price=quote.mark, flow=worth, is_holding=True
        )


def _take(
    turn: Turn,
    key: str,
    actor: Actor,
    quantity: Decimal,
    *,
    price: Decimal,
    flow: Decimal,
    is_holding: bool = False,
) -> None:
    held = turn.state.positions.get(key)
    asked = turn.command_id or f"found:{turn.state.seq}"
    name = digest(turn.journal_id, asked, key, length=15)
    turn.add(
        e.PositionAdopted(
            at=turn.now,
            command_id=turn.command_id,
            key=key,
            position_id=held.position_id if held is not None else f"p{name}",
            quantity=quantity,
            price=price,
            flow=flow,
            is_holding=is_holding,
            actor=actor,
        )
    )
