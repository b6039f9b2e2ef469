"""Strategies: any value of any type of the engine, made from its annotations, and what trades."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Union

from hypothesis import settings
from hypothesis import strategies as st

from engine.commands import ClosePosition, SetProtection
from engine.exit_plan import ExitPlan
from engine.signals import SignalAction, Target, TradingSignal

AT = datetime(2026, 11, 17, 14, 32, 5, tzinfo=UTC)

TEXTS = st.text(max_size=12)
NAMES = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
# What `engine.numbers.positive` lets in: up to 18 digits on each side of the point.
POSITIVES = st.one_of(
    st.decimals("1e-8", "1e6", places=8),
    st.decimals("1e-18", "1e18", allow_nan=False, allow_infinity=False),
)
SHARES = st.decimals("0.0001", "1", places=4)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def _target(price: Decimal | None, percent: Decimal, fraction: Decimal) -> Target:
    return Target(price=price, percent=None if price is not None else percent, fraction=fraction)


TARGETS = st.builds(_target, st.none() | POSITIVES, POSITIVES, SHARES)


@st.composite
def signals(draw: st.DrawFn) -> TradingSignal:
    """Make any wish that the edge lets in."""
    size = draw(st.sampled_from(("quantity", "notional", "percent", "risk_pct", None)))
    fields: dict[str, Any] = {}
    if size in ("quantity", "notional"):
        fields[size] = draw(POSITIVES)
    elif size is not None:
        fields[size] = draw(st.decimals("0.01", "100", places=2))
    if size == "risk_pct" or draw(st.booleans()):
        fields["stop_loss"] = draw(POSITIVES)
    elif draw(st.booleans()):
        fields["stop_loss_pct"] = draw(st.decimals("0.01", "99.99", places=2))
    count = draw(st.integers(0, 6))
    fraction = Decimal(1) / 8
    for name, choices in _REST_OF_SIGNAL.items():
        if draw(st.booleans()):
            fields[name] = draw(choices)
    return TradingSignal(
        symbol=draw(NAMES),
        action=draw(st.sampled_from(SignalAction)),
        targets=tuple(dataclasses.replace(draw(TARGETS), fraction=fraction) for _ in range(count)),
        **fields,
    )


_REST_OF_SIGNAL: dict[str, st.SearchStrategy[Any]] = {
    "price_limit": POSITIVES,
    "leverage": st.decimals("1", "125", places=2),
    "confidence": st.floats(0, 1, allow_subnormal=False).filter(lambda one: one == 0 or one > 1e-9),
    "strategy": NAMES,
    "venue": NAMES,
    "signal_id": NAMES,
    "created_at": TIMES,
    "expires_at": TIMES,
}

_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    Decimal: DECIMALS,
    datetime: TIMES,
    date: st.dates(date(1970, 1, 2), date(2200, 1, 1)),
    types.NoneType: st.none(),
    TradingSignal: signals(),
    Target: TARGETS,
}
# Constructors that check one of their numbers: it is drawn from what they let in.
_CHECKED = {(ClosePosition, "fraction"): POSITIVES, (SetProtection, "stop"): st.none() | POSITIVES}


_MADE: dict[Any, st.SearchStrategy[Any]] = {}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Make any value of a type, from its annotations alone: a new field is covered by itself."""
    if kind not in _MADE:
        _MADE[kind] = _values(kind)
    return _MADE[kind]


def _values(kind: Any) -> st.SearchStrategy[Any]:
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, Union):
        return st.one_of(*(values(each) for each in arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(each) for each in arguments))
    if origin is Mapping:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if kind is ExitPlan:
        return _plans()
    assert dataclasses.is_dataclass(kind), f"no strategy for {kind}"
    return st.deferred(lambda: _built(kind))


def _plans() -> st.SearchStrategy[ExitPlan]:
    percent = st.decimals(min_value="0.1", max_value="99", places=2)
    return st.builds(
        ExitPlan,
        trail_pct=percent,
        trail_from_pct=st.none() | percent,
        break_even_after=st.none() | st.integers(1, 6),
        close_after_s=st.none() | st.integers(60, 86400),
    )


def _built(kind: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    fields = {
        each.name: _CHECKED.get((kind, each.name)) or values(hints[each.name])
        for each in dataclasses.fields(kind)
    }
    return st.builds(kind, **fields)


@st.composite
def sparse(draw: st.DrawFn, kind: Any) -> Any:
    """Make a value of a type that has a default for everything; at most three fields differ."""
    hints = typing.get_type_hints(kind)
    names = draw(st.lists(st.sampled_from(sorted(hints)), max_size=3, unique=True))
    return kind(**{name: draw(values(hints[name])) for name in names})


def examples(share: Fraction) -> settings:
    """Give a share of the profile's examples: for a property that has a sibling for each kind."""
    return settings(max_examples=max(5, int(settings().max_examples * share)))
