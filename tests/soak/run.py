"""One run: a voyage that is measured each few hours, with every warning an error."""

import asyncio
import gc
import logging
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import bot.pruning
from tests.simulation.session import EXPECTED_ERRORS, folder_for_runs
from tests.simulation.virtual_time import run
from tests.soak.measures import Sample, rss_mb, sample
from tests.soak.verdict import objections
from tests.soak.voyage import CRASH_HOURS, DAY_S, HOUR_S, RESTART_HOURS, Voyage

TRACEBACK_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Say how long: until so many wall minutes or virtual hours have passed, whichever is first.

    `kept_days` is how long the console keeps what was delivered; a short run takes less than the
    product's 30 days, or it would never see anything pruned.
    """

    seed: int = 1
    minutes: float = 60.0
    hours: float = float("inf")
    sample_hours: float = 24.0
    kept_days: float = 30.0
    restart_hours: float = RESTART_HOURS
    crash_hours: float = CRASH_HOURS


@dataclass(slots=True, kw_only=True)
class Log:
    """Keep what was measured and what went wrong."""

    base_mb: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    wall_s: float = 0.0
    days: float = 0.0
    wishes: int = 0
    restarts: int = 0
    crashes: int = 0

    def objections(self, kept_days: float) -> list[str]:
        """Give every reason why the run has failed."""
        if not self.samples:
            return self.faults or ["nothing was measured"]
        return [*self.faults, *objections(self.samples, self.base_mb, kept_days)]


def voyaged(plan: Plan) -> Log:
    """Make the voyage; what goes wrong ends it, and stands in the log."""
    log = Log()
    with folder_for_runs() as folder, _kept(plan.kept_days), _strictly(log.faults):
        try:
            run(_voyage(plan, log, Path(folder)))
        except (Exception, asyncio.CancelledError) as fault:  # task boundary: it is the result
            log.faults.append(_told(fault))
        gc.collect()
    return log


async def _voyage(plan: Plan, log: Log, folder: Path) -> None:
    begun_s = monotonic()
    voyage = Voyage(
        plan.seed, folder, restart_hours=plan.restart_hours, crash_hours=plan.crash_hours
    )
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: voyage.faults.append(
            context.get("exception") or RuntimeError(str(context))
        )
    )
    complaints = _Complaints(voyage.faults)
    logging.getLogger().addHandler(complaints)
    try:
        gc.collect()
        log.base_mb = rss_mb()
        await voyage.embark()
        # At sea until time is up; what was measured last counts for the rest.
        while log.wall_s < plan.minutes * 60 and log.days * 24 < plan.hours:
            await voyage.sail(plan.sample_hours * HOUR_S)
            assert voyage.process is not None, "nobody lives"
            log.wall_s, log.days = monotonic() - begun_s, voyage.now_s / DAY_S
            log.samples.append(sample(log.days, log.wall_s, voyage.outside, voyage.process))
            log.wishes, log.restarts = voyage.wishes, voyage.restarts
            log.crashes = voyage.crashes
        await voyage.land()
        voyage.check_faults()
        log.wall_s = monotonic() - begun_s
    finally:
        logging.getLogger().removeHandler(complaints)


@contextmanager
def _kept(days: float) -> Iterator[None]:
    """Let the console keep what was delivered for so long."""
    before = bot.pruning.KEPT
    bot.pruning.KEPT = timedelta(days=days)
    try:
        yield
    finally:
        bot.pruning.KEPT = before


@contextmanager
def _strictly(faults: list[str]) -> Iterator[None]:
    """Make faults of warnings, and of what is raised where nobody can catch it."""
    before = sys.unraisablehook

    def heard(unraisable: Any) -> None:
        faults.append(f"unraisable: {unraisable.exc_value!r} in {unraisable.object!r}")

    sys.unraisablehook = heard
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        sys.unraisablehook = before


class _Complaints(logging.Handler):
    """Make a fault of every error that the product logs with its traceback."""

    def __init__(self, faults: list[BaseException]) -> None:
        super().__init__(logging.ERROR)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        ours = record.name.startswith(("engine", "storage", "bot", "quarterdeck"))
        cause = record.exc_info[1] if record.exc_info else None
        if ours and cause is not None and not any(words in text for words in EXPECTED_ERRORS):
            fault = AssertionError(f"logged as an error: {text}")
            fault.__cause__ = cause
            self._faults.append(fault)


def _told(fault: BaseException) -> str:
    lines = "".join(traceback.format_exception(fault)).splitlines()
    return "\n".join(lines[-TRACEBACK_LINES:])
