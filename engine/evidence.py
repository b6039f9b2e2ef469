"""Evidence: what the breakers measure, counted from events; bounded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from engine.copies import quick

OUTCOMES_TAIL = 50
SLIPPAGES_TAIL = 10
NAMES_TAIL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a venue said to an order, and when."""

    at: datetime
    rejected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What an order cost against its arrival mid, in percent; a gain is negative."""

    at: datetime
    cost_pct: Decimal


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Hold what was counted since a person last re-armed, each by the name of its scope.

    `losses` in a row by strategy, `failures` in a row and `outcomes` by venue, `slips` by
    instrument, `differ_since` by venue. `rearmed` says by breaker when a person re-armed it, and
    `forgiven` which orders were unknown then. `warnings` are the numbers of the events that warned
    of what is in danger still. `started_at` is when the process began.
    """

    losses: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    slips: Mapping[str, tuple[Slip, ...]] = field(default_factory=dict)
    differ_since: Mapping[str, datetime] = field(default_factory=dict)
    rearmed: Mapping[str, datetime] = field(default_factory=dict)
    forgiven: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)
    started_at: datetime | None = None
