"""The schedule: what happens by the clock. Its jobs enqueue commands, and do nothing else."""

import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from engine.commands import (
    SCHEDULE,
    Command,
    ReportDay,
    RollDay,
    SampleEquity,
    Sweep,
)
from engine.errors import EngineStopped, QueueFull
from engine.ports import Clock
from engine.state import State

log = logging.getLogger(__name__)

BOARD_S: Final = 30
# The report wants the roll before it, and the roll is one command away.
REPORT_AT: Final = time(0, 0, 10)
# A laptop that slept over midnight still rolls the day when it wakes.
DAILY_GRACE_S: Final = 12 * 3600
MINUTELY_GRACE_S: Final = 50
SECONDLY_GRACE_S: Final = 5


class Keeper(Protocol):
    """What keeps the history; every method only leaves word, and returns at once."""

    def sample(self) -> None:
        """Take equity and quotes of now."""
        ...

    def refresh(self) -> None:
        """Let candles be brought up to now."""
        ...

    def prune(self) -> None:
        """Let what is too old be deleted."""
        ...


class Schedule:
    """Enqueue what is due, in UTC.

    `enqueue` hands a command to the engine and returns at once. When it raises EngineStopped or
    QueueFull, that is logged and counted in `missed`; the job's next time tries again.
    `chain_head` gives the hash of the journal's last event.
    """

    def __init__(
        self,
        *,
        enqueue: Callable[[Command], object],
        state: Callable[[], State],
        chain_head: Callable[[], str],
        refresh_boards: Callable[[], None],
        history: Keeper,
        clock: Clock,
        report_at: time = REPORT_AT,
    ) -> None:
        self._enqueue = enqueue
        self._state = state
        self._chain_head = chain_head
        self._refresh_boards = refresh_boards
        self._history = history
        self._clock = clock
        self._report_at = report_at
        self._scheduler: Any = None
        self.missed: Counter[str] = Counter()

    def start(self) -> None:
        """Make good what was missed while the process was down, then follow the clock."""
        self.catch_up()
        scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": SECONDLY_GRACE_S,
            },
        )
        midnight, report = time(), self._report_at
        for job, at in ((self.roll_day, midnight), (self.report_day, report)):
            scheduler.add_job(
                _in_loop(job),
                "cron",
                hour=at.hour,
                minute=at.minute,
                second=at.second,
                misfire_grace_time=DAILY_GRACE_S,
                id=job.__name__,
            )
        scheduler.add_job(
            _in_loop(self.sample_equity),
            "cron",
            second=0,
            misfire_grace_time=MINUTELY_GRACE_S,
            id="sample_equity",
        )
        for job, minute, second in (
            # Behind the minute's measurement of equity, and behind its last candle.
            (self.keep_samples, None, 5),
            (self.keep_candles, None, 15),
            (self.tidy_history, 7, 30),
        ):
            scheduler.add_job(
                _in_loop(job),
                "cron",
                minute=minute,
                second=second,
                misfire_grace_time=MINUTELY_GRACE_S,
                id=job.__name__,
            )
        every_s = ((self.sweep, 1), (self.refresh_boards, BOARD_S))
        for job, seconds in every_s:
            scheduler.add_job(_in_loop(job), "interval", seconds=seconds, id=job.__name__)
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Follow the clock no more."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)

    def jobs(self) -> tuple[str, ...]:
        """Name the jobs that the clock runs."""
        if self._scheduler is None:
            return ()
        return tuple(sorted(job.id for job in self._scheduler.get_jobs()))

    def catch_up(self) -> None:
        """Roll and report the day where their time passed since equity was last measured."""
        now = self._clock.now()
        equity = self._state().equity
        if equity is None:
            return
        if equity.at < _last(time(), now):
            self.roll_day()
        if equity.at < _last(self._report_at, now):
            self.report_day()

    def sample_equity(self) -> None:
        """Measure equity."""
        now = self._clock.now()
        minute = now.replace(second=0, microsecond=0)
        self._put(SampleEquity(command_id=_id("sample_equity", minute), actor=SCHEDULE, at=now))

    def sweep(self) -> None:
        """Expire tickets and cancel entries that waited too long, where there are any."""
        state = self._state()
        if state.tickets or state.entries():
            now = self._clock.now()
            self._put(Sweep(command_id=_id("sweep", now), actor=SCHEDULE, at=now))

    def roll_day(self) -> None:
        """Begin the trading day that holds now."""
        now = self._clock.now()
        midnight = _last(time(), now)
        self._put(RollDay(command_id=_id("roll_day", midnight), actor=SCHEDULE, at=now))

    def report_day(self) -> None:
        """Ask for the daily report, anchored by the journal's last hash."""
        now = self._clock.now()
        self._put(
            ReportDay(
                command_id=_id("report_day", _last(self._report_at, now)),
                actor=SCHEDULE,
                at=now,
                chain_head=self._chain_head(),
            )
        )

    def keep_samples(self) -> None:
        """Let equity and quotes of now be kept."""
        self._history.sample()

    def keep_candles(self) -> None:
        """Let candles be brought up to now."""
        self._history.refresh()

    def tidy_history(self) -> None:
        """Let what is too old be deleted."""
        self._history.prune()

    def refresh_boards(self) -> None:
        """Let every status board show the present minute."""
        self._refresh_boards()

    def _put(self, command: Command) -> None:
        try:
            self._enqueue(command)
        except (EngineStopped, QueueFull) as fault:
            name = type(command).__name__
            self.missed[name] += 1
            log.warning(
                "scheduled command not taken",
                extra={
                    "command": name,
                    "command_id": command.command_id,
                    "reason": type(fault).__name__,
                    "missed": self.missed[name],
                },
            )


def _in_loop(job: Callable[[], None]) -> Callable[[], Coroutine[Any, Any, None]]:
    """Make a coroutine function of a job: APScheduler runs anything else in a thread."""

    async def run() -> None:
        job()

    return run


def _last(moment: time, now: datetime) -> datetime:
    """Give the latest time at or before now that shows this time of day, in UTC."""
    today = datetime.combine(now.date(), moment, tzinfo=UTC)
    return today if today <= now else today - timedelta(days=1)


def _id(job: str, at: datetime) -> str:
    return f"schedule:{job}:{at.isoformat()}"
