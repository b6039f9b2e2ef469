"""The engine: decides and trades; knows no Telegram, no SQL, no Redis."""

from engine.execution import ExecutionEngine, ExecutionResult
from engine.orders import Order, OrderSide, OrderStatus
from engine.positions import Fill, Position
from engine.runtime import EngineSettings, ExecutionMode
from engine.signals import SignalAction, Target, TradingSignal
from engine.tickets import Ticket

__all__ = [
    "EngineSettings",
    "ExecutionEngine",
    "ExecutionMode",
    "ExecutionResult",
    "Fill",
    "Order",
    "OrderSide",
    "OrderStatus",
    "Position",
    "SignalAction",
    "Target",
    "Ticket",
    "TradingSignal",
]
