"""Trying: a plugin of pytest that collects the tests once and forks a child for each mutant.

The child wakes its mutant and runs the tests that call the mutated function until one fails: first
those that killed its neighbours, then the quickest. So a mutant costs a fork and a few tests, and
no start of pytest.
"""

import gc
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from mutmut.state import state

from tests.mutation.results import MARK, OUTCOMES, WORK

SWITCH = "MUTANT_UNDER_TEST"
PATIENCE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """Name a process with its mutant, its tests, and the pipe that tells which one failed."""

    pid: int
    name: str
    items: tuple[pytest.Item, ...]
    told: int


class Trial:
    """Run the mutants of `work.json`, and append what became of each to `outcomes.txt`."""

    def __init__(self, names: Sequence[str], jobs: int) -> None:
        """Take the mutants to try, and how many at once."""
        self._names = names
        self._jobs = jobs
        self._failed = False
        self._items: defaultdict[str, list[pytest.Item]] = defaultdict(list)
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, and how long the test takes."""
        self._failed = self._failed or report.failed
        self._seconds[report.nodeid] += report.duration

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test once with no mutant awake, then every mutant."""
        os.environ[SWITCH] = "stats"
        for item in session.items:
            self._run(item)
            if self._failed:
                raise pytest.UsageError(f"{item.nodeid} fails without a mutant")
            for function in state()._stats:  # where mutmut keeps what was called
                self._items[function].append(item)
            state()._stats.clear()
        for items in self._items.values():
            items.sort(key=lambda item: self._seconds[item.nodeid])
        # A child that collects garbage would copy all that it shares with us.
        gc.collect()
        gc.disable()
        gc.freeze()
        with Path(OUTCOMES).open("a", encoding="utf-8") as outcomes:
            for number, (name, end) in enumerate(self._ends(), start=1):
                outcomes.write(f"{name} {end}\n")
                outcomes.flush()
                if sys.__stderr__ is not None and number % 50 == 0:
                    sys.__stderr__.write(f"{number} of {len(self._names)} mutants\n")
                    sys.__stderr__.flush()
        return True

    def _run(self, item: pytest.Item) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    def _ends(self) -> Iterator[tuple[str, str]]:
        """Give each mutant with its end, in the order in which they end."""
        running: dict[int, Child] = {}
        for name in self._names:
            items = self._items.get(name.partition(MARK)[0], [])
            if not items:
                yield name, "no tests"
                continue
            if len(running) == self._jobs:
                yield self._waited(running)
            child = self._forked(name, tuple(items))
            running[child.pid] = child
        while running:
            yield self._waited(running)

    def _forked(self, name: str, items: tuple[pytest.Item, ...]) -> Child:
        told, telling = os.pipe()
        pid = os.fork()
        if pid != 0:
            os.close(telling)
            return Child(pid=pid, name=name, items=items, told=told)
        # The child: it must end here whatever happens, or it would go on as a second parent.
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(PATIENCE_S)
            items[0].config.pluginmanager.unregister(name="terminalreporter")
            os.environ[SWITCH] = name
            for place, item in enumerate(items):
                self._run(item)
                if self._failed:
                    os.write(telling, str(place).encode())
                    os._exit(1)
            os._exit(0)
        finally:
            os._exit(1)

    def _waited(self, running: dict[int, Child]) -> tuple[str, str]:
        pid, status = os.wait()
        child = running.pop(pid)
        place = os.read(child.told, 20)
        os.close(child.told)
        if place:
            killer = child.items[int(place)]
            others = self._items[child.name.partition(MARK)[0]]
            others.remove(killer)
            others.insert(0, killer)
        if os.WIFSIGNALED(status):
            late = os.WTERMSIG(status) == signal.SIGALRM
            return child.name, "out of time" if late else "killed"
        return child.name, "survived" if os.WEXITSTATUS(status) == 0 else "killed"


def pytest_configure(config: pytest.Config) -> None:
    """Take the work that was left for this process."""
    work = json.loads(Path(WORK).read_text(encoding="utf-8"))
    config.pluginmanager.register(Trial(work["names"], work["jobs"]), "mutation-trial")
