"""The house rules hold in every file, and every rule catches what it is there for."""

from collections.abc import Callable, Iterator

import pytest

from tests.house.rules import (
    SOURCE_RULES,
    bounds,
    broad_excepts,
    clock_calls,
    domain_types,
    floats,
    late_imports,
    layering,
    length,
    naive_times,
    names,
    ports,
    prints,
    purity,
    silence,
)
from tests.house.sources import Source, house_sources

Rule = Callable[[Source], Iterator[str]]


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rule(rule: Rule) -> None:
    faults = [fault for source in house_sources() for fault in rule(source)]

    assert not faults, f"{rule.__doc__}\n" + "\n".join(faults)


def test_the_wall_clock_is_read_in_one_module_only() -> None:
    modules = {source.path: list(clock_calls(source)) for source in house_sources()}
    readers = {path: calls for path, calls in modules.items() if calls}

    assert len(readers) <= 1, "time is injected by the Clock port (DESIGN 6.6):\n" + "\n".join(
        call for calls in readers.values() for call in calls
    )


LONG_FUNCTION = "def f() -> None:\n" + "    g()\n" * 60
LONG_FILE = "x = 1\n" * 351
DATACLASS = "@dataclass(frozen=True, slots=True, kw_only=True)\nclass A: ..."
BROAD = "try:\n    f()\nexcept Exception:"
PORT = "class P(Protocol):\n" + "".join(f"    def m{n}(self) -> None: ...\n" for n in range(7))

CAUGHT: list[tuple[Rule, str, str]] = [
    (layering, "engine/a.py", "import storage"),
    (layering, "engine/a.py", "from bot.app import App"),
    (layering, "engine/venues/a.py", "from ... import bot"),
    (layering, "engine/a.py", "import msgspec"),
    (layering, "engine/a.py", "import ccxt.async_support as ccxt"),
    (layering, "storage/a.py", "def f():\n    from bot import app"),
    (layering, "storage/a.py", "import telegram"),
    (layering, "bot/a.py", "from sqlalchemy import select"),
    (layering, "bot/a.py", "import sqlmodel"),
    (layering, "bot/a.py", "import ccxt"),
    (layering, "bot/screens/a.py", "from telegram import Update"),
    (purity, "engine/orders.py", "import asyncio"),
    (purity, "engine/decide/entry.py", "from time import monotonic"),
    (purity, "engine/state.py", "import logging"),
    (purity, "engine/state.py", "import uuid\nx = uuid.uuid4()"),
    (purity, "engine/events.py", "import msgspec"),
    (purity, "engine/apply.py", "from engine.loop import ExecutionEngine"),
    (purity, "engine/apply.py", "from .loop import ExecutionEngine"),
    (purity, "engine/whatever_comes.py", "import asyncio"),
    (length, "bot/a.py", LONG_FILE),
    (length, "bot/a.py", LONG_FUNCTION),
    (floats, "engine/a.py", "x = 0.1"),
    (floats, "engine/a.py", "x = float(y)"),
    (floats, "storage/a.py", "price: float"),
    (floats, "storage/a.py", "def f(price: float | None) -> None: ..."),
    (floats, "storage/a.py", "def f() -> dict[str, float]: ..."),
    (floats, "engine/orders.py", "timeout_s = 0.5"),
    (naive_times, "bot/a.py", "x = datetime(2026, 1, 1)"),
    (naive_times, "bot/a.py", "x = datetime.datetime(2026, 1, 1)"),
    (naive_times, "bot/a.py", "x = datetime.now()"),
    (naive_times, "bot/a.py", "x = datetime.utcnow()"),
    (naive_times, "bot/a.py", "x = datetime.fromtimestamp(1)"),
    (clock_calls, "bot/a.py", "x = datetime.now(UTC)"),
    (clock_calls, "bot/a.py", "x = datetime.datetime.now(UTC)"),
    (clock_calls, "engine/a.py", "x = time.time()"),
    (clock_calls, "engine/a.py", "x = date.today()"),
    (broad_excepts, "bot/a.py", "try:\n    f()\nexcept:\n    g()"),
    (broad_excepts, "bot/a.py", "try:\n    f()\nexcept Exception:\n    g()"),
    (broad_excepts, "bot/a.py", "try:\n    f()\nexcept (ValueError, Exception):  # why\n    g()"),
    (broad_excepts, "bot/a.py", "try:\n    f()\nexcept Exception:  # task boundary:\n    g()"),
    (broad_excepts, "bot/a.py", "try:\n    f()\nexcept Exception as e:\n    raise A from e"),
    (broad_excepts, "bot/a.py", "with suppress(Exception):\n    g()"),
    (names, "bot/order_manager.py", ""),
    (names, "engine/utils/a.py", ""),
    (names, "bot/a.py", "class OrderHelper: ..."),
    (names, "bot/a.py", "class MarketData: ..."),
    (names, "bot/a.py", "class ExchangeClient: ..."),
    (prints, "engine/a.py", "print(1)"),
    (late_imports, "bot/a.py", "def f():\n    import os"),
    (late_imports, "bot/a.py", "async def f():\n    from os import path  # noqa: PLC0415"),
    (domain_types, "engine/orders.py", "@dataclass\nclass A: ..."),
    (domain_types, "engine/orders.py", "@dataclass(frozen=True, slots=True)\nclass A: ..."),
    (bounds, "bot/a.py", "q = asyncio.Queue()"),
    (bounds, "bot/a.py", "asyncio.create_task(f())"),
    (ports, "engine/ports.py", PORT),
    (silence, "bot/a.py", "if x:\n    f()\nelse:\n    pass"),
]


@pytest.mark.parametrize(("rule", "path", "text"), CAUGHT)
def test_a_rule_catches_what_it_is_there_for(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source.parse(path, text)))


PASSED: list[tuple[Rule, str, str]] = [
    (layering, "bot/a.py", "import storage.journal\nimport engine\nimport telegram"),
    (layering, "storage/a.py", "from engine.events import Event\nimport sqlmodel"),
    (layering, "engine/venues/live.py", "import ccxt.async_support"),
    (layering, "engine/venues/live.py", "from ..ports import Venue\nfrom . import paper"),
    (purity, "engine/state.py", "from engine import orders\nfrom engine.orders import Order"),
    (purity, "engine/loop.py", "import asyncio"),
    (length, "bot/a.py", '"""Long because it is a table."""\n' + LONG_FILE),
    (length, "bot/a.py", LONG_FUNCTION.replace("    g()\n", '    """Long because."""\n', 1)),
    (floats, "engine/a.py", "confidence: float = 0.6"),
    (floats, "engine/loop.py", "timeout_s: float = 0.5"),
    (floats, "engine/loop.py", "await asyncio.sleep(0.5)"),
    (floats, "engine/a.py", "def f(quantity: Decimal | float | str) -> None: ..."),
    (floats, "engine/a.py", "ok = isinstance(x, float)"),
    (floats, "engine/quotes.py", "age = Decimal(str(max(0.0, gone.total_seconds())))"),
    (floats, "engine/ports.py", "def monotonic(self) -> float: ..."),
    (floats, "bot/a.py", "x = 0.1"),
    (naive_times, "bot/a.py", "x = datetime(2026, 1, 1, tzinfo=UTC)"),
    (naive_times, "bot/a.py", "x = datetime.fromtimestamp(1, UTC)"),
    (clock_calls, "bot/sandbox/a.py", "x = time.time()"),
    (clock_calls, "bot/a.py", "x = clock.now()"),
    (broad_excepts, "bot/a.py", "try:\n    f()\nexcept ValueError:\n    g()"),
    (broad_excepts, "bot/a.py", BROAD + "  # task boundary: why\n    g()"),
    (
        broad_excepts,
        "b/a.py",
        "try:\n    f()\nexcept Exception:\n    # task boundary: why\n    g()",
    ),
    (broad_excepts, "bot/a.py", BROAD + "\n    undo()\n    raise"),
    (names, "bot/a.py", "class TradingSignal: ...\nclass Metadata: ..."),
    (prints, "bot/__main__.py", "print(1)"),
    (late_imports, "bot/a.py", "def f():\n    import ccxt  # 0.8 s and 100 MB, only live"),
    (
        domain_types,
        "engine/orders.py",
        "@dataclass(frozen=True, slots=True, kw_only=True)\nclass A: ...",
    ),
    (bounds, "bot/a.py", "q = asyncio.Queue(maxsize=5)\ngroup.create_task(f())"),
    (ports, "engine/ports.py", PORT.replace("    def m6", "    @property\n    def m6")),
    (silence, "bot/a.py", "if x:\n    f()\nelse:\n    g()"),
]


@pytest.mark.parametrize(("rule", "path", "text"), PASSED)
def test_a_rule_lets_the_honest_pass(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source.parse(path, text)))
