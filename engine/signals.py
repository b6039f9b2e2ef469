"""Signals: a wish to trade, from a person, a strategy, a webhook or a stream."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from engine.copies import checked_copy, quick
from engine.errors import InvalidInput
from engine.exit_plan import NO_PLAN, ExitPlan
from engine.numbers import HUNDRED, ONE, ZERO, decimal_of, positive

SYMBOL_LENGTH_MAX = 40
STRATEGY_LENGTH_MAX = 40
ID_LENGTH_MAX = 128
TARGETS_MAX = 6


class SignalAction(StrEnum):
    """What is wished for: SELL reduces a long, only SHORT opens a short, CLOSE ends either."""

    BUY = "buy"
    SELL = "sell"
    SHORT = "short"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Ask to take a profit on a share of the position, at a price or a percentage from the mid.

    Exactly one of `price` and `percent` is set; `fraction` is in (0, 1].
    """

    price: Decimal | None = None
    percent: Decimal | None = None
    fraction: Decimal = ONE

    def __post_init__(self) -> None:
        """Refuse what no target can be. Raises: InvalidInput."""
        if (self.price is None) == (self.percent is None):
            raise InvalidInput("A target needs a price or a percentage, one of the two.")
        if self.price is not None:
            object.__setattr__(self, "price", positive(self.price, "The target"))
        if self.percent is not None:
            object.__setattr__(self, "percent", positive(self.percent, "The target's percentage"))
        object.__setattr__(self, "fraction", positive(self.fraction, "The target's share"))
        if self.fraction > ONE:
            raise InvalidInput("A target's share must be at most 1.")


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class TradingSignal:
    """Wish for a trade; numbers may be Decimal, int, float or text, read through `str`.

    At most one of `quantity` (base currency), `notional` (quote currency), `percent` (of the
    position on SELL and CLOSE, of equity otherwise) and `risk_pct` (of equity lost at the stop)
    sizes it. A stop is a price or a percentage from the mid. `confidence` is in [0, 1].

    Raises: InvalidInput when a number is NaN, infinite, zero or negative, when two sizes or two
    stops are given, when a time is naive, or when a text is empty or over-long.
    """

    symbol: str
    action: SignalAction
    quantity: Decimal | None = None
    notional: Decimal | None = None
    percent: Decimal | None = None
    risk_pct: Decimal | None = None
    price_limit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_pct: Decimal | None = None
    targets: tuple[Target, ...] = ()
    plan: ExitPlan = NO_PLAN
    leverage: Decimal = ONE
    confidence: float = 1.0
    strategy: str = "manual"
    venue: str | None = None
    signal_id: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        """Convert the numbers and refuse what cannot be traded."""
        symbol = self.symbol.strip() if isinstance(self.symbol, str) else ""
        if not 1 <= len(symbol) <= SYMBOL_LENGTH_MAX or not symbol.isprintable():
            raise InvalidInput("The symbol must be a name such as BTC/USDT.")
        object.__setattr__(self, "symbol", symbol)
        object.__setattr__(self, "action", _action(self.action))
        for field, name in _NUMBERS.items():
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, positive(value, name))
        object.__setattr__(self, "targets", _targets(self.targets))
        self._check_sizes()
        self._check_plan()
        confidence = decimal_of(self.confidence, "Confidence")
        if not ZERO <= confidence <= ONE:
            raise InvalidInput(f"Confidence must be between 0 and 1, not {self.confidence!r}.")
        # A stored signal comes back with a float; 1 and 1.0 would make two hashes of one State.
        object.__setattr__(self, "confidence", float(confidence))
        _check_text(self.strategy, "A strategy's name", STRATEGY_LENGTH_MAX)
        for text, name in ((self.venue, "A venue's name"), (self.signal_id, "A signal's id")):
            if text is not None:
                _check_text(text, name, ID_LENGTH_MAX)
        for field in ("created_at", "expires_at"):
            object.__setattr__(self, field, _time(getattr(self, field)))

    def identified(self, signal_id: str, created_at: datetime) -> "TradingSignal":
        """Give the signal with the id and the time that it lacks; what is there stays.

        Raises: InvalidInput for an id or a time that no signal can have.
        """
        _check_text(signal_id, "A signal's id", ID_LENGTH_MAX)
        return checked_copy(
            self,
            signal_id=self.signal_id or signal_id,
            created_at=self.created_at or _time(created_at),
        )

    def _check_sizes(self) -> None:
        sizes = (self.quantity, self.notional, self.percent, self.risk_pct)
        if sum(size is not None for size in sizes) > 1:
            raise InvalidInput("Give one size: a quantity, an amount, a percentage or a risk.")
        if self.stop_loss is not None and self.stop_loss_pct is not None:
            raise InvalidInput("Give the stop once: as a price or as a percentage.")
        for share, name in ((self.percent, "The percentage"), (self.risk_pct, "The risk")):
            if share is not None and share > HUNDRED:
                raise InvalidInput(f"{name} must be at most 100%, not {share}%.")
        if self.stop_loss_pct is not None and self.stop_loss_pct >= HUNDRED:
            raise InvalidInput(f"The stop must be less than 100% away, not {self.stop_loss_pct}%.")
        if self.risk_pct is not None and self.stop_loss is None and self.stop_loss_pct is None:
            raise InvalidInput("Sizing by risk needs a stop, for example risk 1% sl 2%.")
        if len(self.targets) > TARGETS_MAX:
            raise InvalidInput(f"At most {TARGETS_MAX} targets, not {len(self.targets)}.")
        if self.targets and sum((target.fraction for target in self.targets), ZERO) > ONE:
            raise InvalidInput("The targets' shares add up to more than the position.")
        if self.leverage < ONE:
            raise InvalidInput(f"Leverage must be at least 1x, not {self.leverage}x.")

    def _check_plan(self) -> None:
        if not isinstance(self.plan, ExitPlan):
            raise InvalidInput("The plan must be an ExitPlan(...).")
        if self.plan == NO_PLAN:
            return
        if self.action in (SignalAction.SELL, SignalAction.CLOSE):
            raise InvalidInput("A sell reduces what is held, so it takes no trail and no time.")
        after = self.plan.break_even_after
        if after is not None and after > len(self.targets):
            raise InvalidInput(f"Break-even after {after} needs as many targets.")


_NUMBERS = {
    "quantity": "The quantity",
    "notional": "The amount",
    "percent": "The percentage",
    "risk_pct": "The risk",
    "price_limit": "The limit price",
    "stop_loss": "The stop",
    "stop_loss_pct": "The stop's percentage",
    "leverage": "Leverage",
}


def _targets(value: object) -> tuple[Target, ...]:
    if not isinstance(value, tuple | list) or not all(isinstance(each, Target) for each in value):
        raise InvalidInput("Targets must be a list of Target(price=...) or Target(percent=...).")
    return tuple(value)


def _check_text(value: object, name: str, length_max: int) -> None:
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= length_max
        or not value.isprintable()
        or not value.strip()
    ):
        raise InvalidInput(f"{name} has 1 to {length_max} printable characters.")


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidInput("A time needs its time zone, for example 2026-01-31T12:00:00Z.")
    return value.astimezone(UTC)


def _action(value: object) -> SignalAction:
    if isinstance(value, SignalAction):
        return value
    try:
        return SignalAction(str(value).lower())
    except ValueError:
        raise InvalidInput(
            f"The action must be buy, sell, short or close, not {value!r}."
        ) from None
