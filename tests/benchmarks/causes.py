"""Causes: where the time of a row that misses went, measured beside it and not guessed."""

import gc
import os
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType

from tests.benchmarks.rows import MS, figures_of

SAMPLE_EVERY_S = 0.001
SHARES_SHOWN = 6
# A frame belongs to the first of these whose words stand in its file's path; what is ours is named
# by its module.
OURS = ("engine", "storage", "bot")
OWNERS = (
    ("SQLAlchemy", ("sqlalchemy",)),
    ("ccxt and its HTTP", ("ccxt", "aiohttp", "yarl")),
    ("telegram and its HTTP", ("telegram", "httpx", "httpcore", "anyio")),
    ("asyncio", ("asyncio",)),
)
ROOT = Path(__file__).parents[2]
COMMIT = "do_commit"
WAITING = frozenset({("selectors.py", "select"), ("threading.py", "wait")})
QUEUES = frozenset({"_worker", "get", "_run_jobs", "_do_waitpid", "_wait_for_tstate_lock"})
# Else the sampler would be let in only where others wait, and would see nothing but that.
SWITCH_S = 0.0002


@dataclass(slots=True, kw_only=True)
class Around:
    """What happened around a measurement: collections of garbage, lost turns, processor time."""

    wall_s: float = 0.0
    busy_s: float = 0.0
    collecting_s: float = 0.0
    preempted: int = 0
    _begun_s: float = 0.0

    def sentences(self) -> list[str]:
        """Say what is worth saying of it."""
        found = [f"the benchmark was taken off its core {self.preempted:,} times"]
        if self.busy_s > 0:
            share = 100 * self.collecting_s / self.busy_s
            found.append(f"{share:.0f} % of its processor time was garbage collection")
        return found


@contextmanager
def watched() -> Iterator[Around]:
    """Measure what surrounds a measurement; it costs two clock reads a collection."""
    around = Around()
    begun = time.perf_counter()
    busy, preempted = time.process_time(), _preemptions()

    def collecting(phase: str, _details: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            around._begun_s = now
        else:
            around.collecting_s += now - around._begun_s

    gc.callbacks.append(collecting)
    try:
        yield around
    finally:
        gc.callbacks.remove(collecting)
        around.wall_s = time.perf_counter() - begun
        around.busy_s = time.process_time() - busy
        around.preempted = _preemptions() - preempted


def own_time(work: Callable[[], object], n: int) -> str:
    """Run work again, and say what it takes in processor time: what others took is not in it."""
    spent: list[float] = []
    for _ in range(n):
        begun = time.thread_time()
        work()
        spent.append((time.thread_time() - begun) * MS)
    figures = figures_of("processor time", spent)
    return f"in processor time median {figures.median:.3f} ms, p99 {figures.p99:.3f} ms"


def _preemptions() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def preemptions_of(process_id: int) -> int:
    """Count how often another process was taken off its core; 0 where nobody can tell."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = [each for each in status.splitlines() if each.startswith("nonvoluntary")]
    return int(lines[0].split()[1]) if lines else 0


def busy_s_of(process_id: int) -> float:
    """Give the processor time of another process, in seconds; 0 where nobody can tell."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Shares:
    """Count, a thousand times a second, what each thread is doing; waiting counts for nothing."""

    counted: Counter[str] = field(default_factory=Counter)

    def sentence(self) -> str:
        """Name the largest shares."""
        total = sum(self.counted.values())
        if not total:
            return ""
        shown = self.counted.most_common(SHARES_SHOWN)
        return "sampled: " + ", ".join(f"{owner} {100 * n / total:.0f} %" for owner, n in shown)


@contextmanager
def sampled() -> Iterator[Shares]:
    """Sample the stacks of all threads; only for a repetition, since it slows what it watches."""
    shares, ended = Shares(), threading.Event()

    def sample() -> None:
        me = threading.get_ident()
        while not ended.wait(SAMPLE_EVERY_S):
            for thread, frame in sys._current_frames().items():
                owner = None if thread == me else _owner(frame)
                if owner is not None:
                    shares.counted[owner] += 1

    sampler = threading.Thread(target=sample, name="sampler", daemon=True)
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    sampler.start()
    try:
        yield shares
    finally:
        sys.setswitchinterval(usual_s)
        ended.set()
        sampler.join()


def _owner(frame: FrameType) -> str | None:
    """Name whom a stack works for; None while it waits."""
    innermost = frame.f_code
    file = os.path.basename(innermost.co_filename)  # noqa: PTH119 - a thousand times a second
    if (file, innermost.co_name) in WAITING or innermost.co_name in QUEUES:
        return None
    each: FrameType | None = frame
    while each is not None:
        code = each.f_code
        if code.co_name == COMMIT:
            return "commit (fdatasync in it)"
        owner = _owner_of(code.co_filename)
        if owner is not None:
            return owner
        each = each.f_back
    return "other"


@cache
def _owner_of(file: str) -> str | None:
    path = Path(file)
    if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in OURS:
        return ".".join(path.relative_to(ROOT).with_suffix("").parts[:2])
    for owner, words in OWNERS:
        if any(word in file for word in words):
            return owner
    return None
