"""Limits: the list of what can be changed, one limit's card, and a change that waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.views.scene import Scene
from engine.decide.factors import needs_code
from engine.decide.limits import needs_second
from engine.instruments import Instrument
from engine.limit_use import LimitUse, limit_uses
from engine.limits import GROUPS, Limit, LimitProposal, fault_in, value_of
from engine.quotes import Quote
from engine.risk_limits import RiskLimits
from engine.state import State

SAFER = (Decimal("0.75"), Decimal("0.5"))
SAFER_FLOOR = (Decimal("1.5"), Decimal(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitView:
    """Show a limit: its value, its ceiling, what is used of it where it can be used up.

    `safer` and `riskier` are values to offer; `coded` and `seconded` say what a riskier one takes
    of who looks. `waiting` is a change that waits.
    """

    scene: Scene
    limit: Limit
    value: Decimal
    ceiling: Decimal
    group: int
    used: LimitUse | None = None
    safer: tuple[Decimal, ...] = ()
    riskier: tuple[Decimal, ...] = ()
    coded: bool = False
    seconded: bool = False
    waiting: LimitProposal | None = None

    @property
    def at_ceiling(self) -> bool:
        """Tell whether nothing riskier is allowed."""
        return self.value == self.ceiling


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsView:
    """List the limits of one group."""

    scene: Scene
    number: int
    rows: tuple[LimitView, ...]


def limit_view(
    scene: Scene,
    limit: Limit,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> LimitView:
    """Show one limit as it is now."""
    uses = {use.field: use for use in limit_uses(state, quotes, instruments, scene.now)}
    return _view(scene, limit, state, uses)


def limits_view(
    scene: Scene,
    number: int,
    state: State,
    quotes: Mapping[str, Quote],
    instruments: Mapping[str, Instrument],
) -> LimitsView:
    """List a group of limits as they are now; a number that is none shows the last group."""
    number = min(max(number, 0), len(GROUPS) - 1)
    uses = {use.field: use for use in limit_uses(state, quotes, instruments, scene.now)}
    rows = tuple(_view(scene, limit, state, uses) for limit in GROUPS[number])
    return LimitsView(scene=scene, number=number, rows=rows)


def _view(scene: Scene, limit: Limit, state: State, uses: Mapping[str, LimitUse]) -> LimitView:
    value, ceiling = value_of(state.limits, limit), value_of(state.ceilings, limit)
    used = uses.get(limit.field)
    safer = SAFER_FLOOR if limit.is_floor else SAFER
    middle = (value + ceiling) / 2
    return LimitView(
        scene=scene,
        limit=limit,
        value=value,
        ceiling=ceiling,
        group=next(place for place, group in enumerate(GROUPS) if limit in group),
        # The pace of entries is measured against their part of it, not against the whole.
        used=used if used is not None and used.limit == value else None,
        safer=_offered(limit, state, [value * factor for factor in safer]),
        riskier=() if value == ceiling else _offered(limit, state, [middle, ceiling]),
        coded=needs_code(state, scene.user_id),
        seconded=needs_second(state, scene.user_id),
        waiting=state.limits_proposed.get(limit.name),
    )


def _offered(limit: Limit, state: State, values: list[Decimal]) -> tuple[Decimal, ...]:
    now = value_of(state.limits, limit)
    ceilings: RiskLimits = state.ceilings
    made = [_round(limit, each) if each != value_of(ceilings, limit) else each for each in values]
    return tuple(
        each
        for each in dict.fromkeys(made)
        if each != now and fault_in(limit, each, ceilings) is None
    )


def _round(limit: Limit, value: Decimal) -> Decimal:
    """Round to what a person would type."""
    if limit.is_whole or value >= 10:
        return value.quantize(Decimal(1))
    return value.quantize(Decimal("0.1" if value >= 1 else "0.01"))
