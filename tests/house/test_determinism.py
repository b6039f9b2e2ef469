"""Nothing but what it is given decides what the core does, and each of these rules catches it."""

from collections.abc import Callable, Iterator

import pytest

from tests.house.determinism import DETERMINISM_RULES, chance, clocks, set_order, threads
from tests.house.sources import Source, house_sources

Rule = Callable[[Source], Iterator[str]]


@pytest.mark.parametrize("rule", DETERMINISM_RULES, ids=lambda rule: rule.__name__)
def test_the_same_seed_can_give_the_same_run(rule: Rule) -> None:
    faults = [fault for source in house_sources() for fault in rule(source)]

    assert not faults, f"{rule.__doc__}\n" + "\n".join(faults)


WALK = "def f(xs: set[str]) -> None:\n    "
CAUGHT: list[tuple[Rule, str, str]] = [
    (clocks, "engine/a.py", "import time\nnow = time.monotonic()"),
    (clocks, "bot/a.py", "from time import perf_counter"),
    (chance, "engine/a.py", "import random\ndice = random.Random()"),
    (chance, "bot/a.py", "import random\nx = random.random()"),
    (chance, "storage/a.py", "import secrets"),
    (chance, "engine/a.py", "import uuid"),
    (chance, "bot/a.py", "import os\nx = os.urandom(8)"),
    (threads, "engine/a.py", "import threading"),
    (threads, "engine/a.py", "import asyncio\nasync def f():\n    await asyncio.to_thread(g)"),
    (threads, "storage/a.py", "x = loop.run_in_executor(None, f)"),
    (set_order, "engine/a.py", f"{WALK}for x in xs: g(x)"),
    (set_order, "engine/a.py", f"{WALK}return list(xs)"),
    (set_order, "engine/a.py", f"{WALK}return [x for x in xs | {{1}}]"),
    (set_order, "storage/a.py", "def f(a, b):\n    for x in {*a, *b}: g(x)"),
    (set_order, "engine/a.py", "def f(a):\n    b = {x for x in a}\n    return (*b, 1)"),
    (set_order, "engine/a.py", "def f(a, b):\n    for x in a.keys() - b: g(x)"),
    (set_order, "engine/a.py", "def f(a):\n    return {x: 1 for x in set(a)}"),
]
PASSES: list[tuple[Rule, str, str]] = [
    (clocks, "bot/clock.py", "import time\nnow = time.monotonic()"),
    (clocks, "engine/a.py", "now = clock.monotonic()"),
    (chance, "engine/a.py", "import random\ndice = random.Random(seed)"),
    (chance, "engine/a.py", "wait_s = jitter.random()"),
    (threads, "storage/writer.py", "import threading"),
    (set_order, "engine/a.py", f"{WALK}for x in sorted(xs): g(x)"),
    (set_order, "engine/a.py", f"{WALK}return any(x for x in xs)"),
    (set_order, "engine/a.py", f"{WALK}return {{x for x in xs}}"),
    (set_order, "engine/a.py", "def f(a: dict[str, int]):\n    return list(a)"),
]


@pytest.mark.parametrize(("rule", "path", "text"), CAUGHT)
def test_a_rule_catches_what_it_is_there_for(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source.parse(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), PASSES)
def test_a_rule_lets_the_right_way_pass(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Source.parse(path, text)))
