"""Instances of any dataclass of the engine, every optional field filled, made from its types."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Union

from engine.exit_plan import ExitPlan
from engine.signals import SignalAction, Target, TradingSignal

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
DECIMAL = Decimal("1E-8")
_PLAN = ExitPlan(
    trail_pct=Decimal("1.50"), trail_from=Decimal(62000), break_even_after=1, close_at=AT
)


def filled(kind: Any, *, sparse: bool = False) -> Any:
    """Make a value of a type; `sparse` leaves out whatever has a default."""
    if kind is TradingSignal:
        return _signal(sparse=sparse)
    if kind is Target:
        return Target(price=Decimal("65000.10"), fraction=Decimal("0.50"))
    if kind is ExitPlan:
        return ExitPlan() if sparse else _PLAN
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return typing.cast(Any, kind)(
            **{
                field.name: filled(hints[field.name], sparse=sparse)
                for field in dataclasses.fields(kind)
                if not (sparse and _has_default(field))
            }
        )
    return _simple(kind, sparse=sparse)


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return (
        field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    )


def _signal(*, sparse: bool) -> TradingSignal:
    if sparse:
        return TradingSignal(symbol="BTC/USDT", action=SignalAction.BUY)
    return TradingSignal(
        symbol="BTC/USDT",
        action=SignalAction.BUY,
        risk_pct=Decimal("1.50"),
        price_limit=Decimal("61200.00"),
        stop_loss=Decimal(59000),
        targets=(Target(percent=Decimal(4), fraction=Decimal("0.5")),),
        plan=_PLAN,
        leverage=Decimal(3),
        confidence=0.8,
        strategy="breakout",
        venue="binance",
        signal_id="s1",
        created_at=AT,
        expires_at=AT,
    )


def _simple(kind: Any, *, sparse: bool) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, Union):
        return None if sparse else filled(arguments[0], sparse=sparse)
    if origin is tuple:
        return () if sparse else (filled(arguments[0]), filled(arguments[0]))
    if origin is Mapping:
        return {"k": filled(arguments[1])}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    samples: dict[Any, Any] = {
        str: 'täxt "quoted" \n 🚨',
        int: -1001234567890123,
        bool: True,
        float: 0.25,
        Decimal: DECIMAL,
        datetime: AT,
        date: AT.date(),
    }
    return samples[kind]
