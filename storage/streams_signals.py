"""Signals as they come in by a stream: read strictly, and refused with a plain reason.

What can be told from the entry alone is told here. Everything that depends on the market or the
account is the engine's to judge, as it is for any strategy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from engine.commands import Actor, ActorKind, SubmitSignal
from engine.errors import InvalidInput
from engine.exit_plan import ExitPlan
from engine.identities import instrument_key
from engine.instruments import Instrument, symbol_named
from engine.numbers import ONE
from engine.signals import SignalAction, Target, TradingSignal
from storage.streams_records import VERSION, InEntry, Refusal, Wish

SIGNAL_BYTES_MAX: Final = 8_192
AHEAD_S_MAX: Final = 5
PERSONS: Final = "manual"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _TargetForm(msgspec.Struct, forbid_unknown_fields=True):
    """A target as JSON holds it."""

    price: Decimal | None = None
    percent: Decimal | None = None
    fraction: Decimal = ONE


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    """A signal as JSON holds it; numbers are texts or JSON numbers, read digit by digit."""

    symbol: str
    action: str
    strategy: str
    signal_id: str | None = None
    venue: str | None = None
    quantity: Decimal | None = None
    notional: Decimal | None = None
    percent: Decimal | None = None
    risk_pct: Decimal | None = None
    price_limit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_pct: Decimal | None = None
    targets: tuple[_TargetForm, ...] = ()
    trail_pct: Decimal | None = None
    trail_distance: Decimal | None = None
    trail_from: Decimal | None = None
    trail_from_pct: Decimal | None = None
    break_even_after: int | None = None
    close_after_s: int | None = None
    close_at: datetime | None = None
    leverage: Decimal = ONE
    confidence: Decimal = ONE
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Say what can be traded here: the accounts, their instruments, the reporting currency."""

    accounts: tuple[str, ...]
    currency: str
    instruments: Callable[[], Mapping[str, Instrument]]


def judged(entry: InEntry, market: Market, now: datetime) -> Wish | Refusal:
    """Make a command of an entry, or say why it is none.

    The command's id comes from the source's own `signal_id`, and from the entry's id where there is
    none: so the journal knows a signal again however often it is delivered.
    """
    try:
        return _wish(entry, market, now)
    except InvalidInput as fault:
        return Refusal(entry=entry, reason=str(fault))


def _wish(entry: InEntry, market: Market, now: datetime) -> Wish:
    form = _form(entry)
    sent_at = _sent_at(entry.entry_id)
    created_at = form.created_at or sent_at
    _check_strategy(form.strategy)
    signal = TradingSignal(
        symbol=form.symbol,
        action=_action(form.action),
        quantity=form.quantity,
        notional=form.notional,
        percent=form.percent,
        risk_pct=form.risk_pct,
        price_limit=form.price_limit,
        stop_loss=form.stop_loss,
        stop_loss_pct=form.stop_loss_pct,
        targets=tuple(
            Target(price=each.price, percent=each.percent, fraction=each.fraction)
            for each in form.targets
        ),
        plan=ExitPlan(
            trail_pct=form.trail_pct,
            trail_distance=form.trail_distance,
            trail_from=form.trail_from,
            trail_from_pct=form.trail_from_pct,
            break_even_after=form.break_even_after,
            close_after_s=form.close_after_s,
            close_at=form.close_at,
        ),
        leverage=form.leverage,
        confidence=float(form.confidence),
        strategy=form.strategy,
        venue=form.venue,
        signal_id=form.signal_id,
        created_at=created_at,
        expires_at=form.expires_at,
    )
    # A time of the future would never be too old.
    if max(signal.created_at or sent_at, sent_at) > now + timedelta(seconds=AHEAD_S_MAX):
        raise InvalidInput("The signal comes from the future: compare the clocks.")
    _check_sides(signal)
    venue = signal.venue or market.accounts[0]
    if venue not in market.accounts:
        known = ", ".join(market.accounts)
        raise InvalidInput(f"There is no venue {venue[:40]} here; there is {known}.")
    own = signal.signal_id
    command = SubmitSignal(
        command_id=f"stream:{entry.entry_id}" if own is None else f"signal:{signal.strategy}:{own}",
        actor=Actor(kind=ActorKind.STRATEGY, name=signal.strategy),
        at=now,
        signal=signal,
        venue=venue,
    )
    return Wish(entry=entry, command=command, lane=_key_of(signal.symbol, venue, market))


def _form(entry: InEntry) -> _Form:
    fields = entry.fields
    size = sum(len(name) + len(value) for name, value in fields.items())
    if size > SIGNAL_BYTES_MAX:
        raise InvalidInput(f"The entry has {size} bytes; at most {SIGNAL_BYTES_MAX} are read.")
    version, payload = fields.get(b"version"), fields.get(b"signal")
    if version is None or payload is None or len(fields) > 2:
        raise InvalidInput("An entry has the two fields version and signal.")
    if version != str(VERSION).encode():
        shown = version[:20].decode(errors="replace")
        raise InvalidInput(f"Version {shown!r} is not known here; {VERSION} is.")
    try:
        return msgspec.json.decode(payload, type=_Form)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as fault:
        raise InvalidInput(f"The signal cannot be read: {str(fault)[:200]}.") from fault


def _sent_at(entry_id: str) -> datetime:
    """Give when Redis took an entry, which its id tells, in milliseconds."""
    try:
        return EPOCH + timedelta(milliseconds=int(entry_id.partition("-")[0]))
    except (OverflowError, ValueError) as fault:
        raise InvalidInput("The entry's id holds no time: let Redis choose it (*).") from fault


def _check_strategy(strategy: str) -> None:
    # The colon parts strategy and id in a command's id: without it two could share one.
    if ":" in strategy or strategy.strip().lower() == PERSONS:
        raise InvalidInput(f"A strategy's name has no colon, and is not {PERSONS}.")


def _action(text: str) -> SignalAction:
    try:
        return SignalAction(text.lower())
    except ValueError:
        raise InvalidInput(
            f"The action must be buy, sell, short or close, not {text[:40]!r}."
        ) from None


def _check_sides(signal: TradingSignal) -> None:
    """Refuse a stop that is wrong by the signal's own prices; the engine looks at the market's.

    Raises: InvalidInput.
    """
    stop, limit = signal.stop_loss, signal.price_limit
    if stop is None or signal.action not in (SignalAction.BUY, SignalAction.SHORT):
        return
    sign = 1 if signal.action is SignalAction.BUY else -1
    word, side = ("A buy", "below") if sign > 0 else ("A short", "above")
    if limit is not None and (limit - stop) * sign <= 0:
        raise InvalidInput(f"{word} has its stop {side} the price.")
    if any(t.price is not None and (t.price - stop) * sign <= 0 for t in signal.targets):
        raise InvalidInput(f"{word} has its stop {side} its targets.")


def _key_of(text: str, venue: str, market: Market) -> str:
    """Name the instrument that is meant.

    Where the venue has shown no instruments yet the text must do, and the engine judges.
    Raises: InvalidInput for a symbol that the venue does not have.
    """
    instruments = market.instruments()
    key = instrument_key(venue, text)
    if key in instruments:
        return key
    symbols = [each.symbol for each in instruments.values() if each.venue == venue]
    symbol = symbol_named(text, symbols, quote=market.currency)
    if symbol is None and symbols:
        raise InvalidInput(f"No symbol {text.upper()} at {venue}.")
    return instrument_key(venue, symbol or text.upper())
