"""Stops: a person's halt, a latched breaker, a scope held back, and a flatten under way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from engine.risk_limits import TradingState
from engine.scopes import EVERYWHERE, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Say since when, by whom and why a person stopped trading."""

    since: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A latched circuit breaker; value and limit in the unit of its kind."""

    breaker_id: str
    kind: str
    value: Decimal
    limit: Decimal
    action: TradingState
    sentence: str
    since: datetime
    acknowledged: bool = False
    scope: Scope = EVERYWHERE

    @property
    def incident(self) -> str:
        """Name what it watches: its kind, and where."""
        return incident_of(self.kind, self.scope)


def incident_of(kind: str, scope: Scope) -> str:
    """Name a breaker of a kind in a scope; that of everything by its kind alone."""
    return f"{kind}@{scope.key}" if scope.key else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A trading state that a person set for a scope."""

    scope: Scope
    trading: TradingState
    since: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Say what holds entries back, by which rule, and why in a sentence."""

    trading: TradingState
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenRun:
    """A flatten; under way until `ended_at` is set. `verified` venues showed themselves flat.

    `intent` is the command that began it, and the intent of every exit it sends.
    `quantities` are the signed sizes, in the order of `keys`, when it began. `with_external` takes
    away what nobody here sent, too; `external_asked` of these are being cancelled in this attempt.
    `looked` says when a venue showed itself flat for the first time of two; `hurried_at` is when a
    person last asked for another try at once.
    """

    since: datetime
    by: str
    intent: str
    keys: tuple[str, ...]
    quantities: tuple[Decimal, ...] = ()
    ended_at: datetime | None = None
    attempt: int = 0
    asked: bool = False
    verified: tuple[str, ...] = ()
    still_open: tuple[str, ...] = ()
    acknowledged: bool = False
    last_alert_at: datetime | None = None
    with_external: bool = False
    external_asked: tuple[str, ...] = ()
    looked: Mapping[str, datetime] = field(default_factory=dict)
    hurried_at: datetime | None = None
