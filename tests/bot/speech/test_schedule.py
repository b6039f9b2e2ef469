from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.clock import SystemClock
from bot.schedule import Schedule
from engine.commands import (
    SCHEDULE,
    Command,
    ReportDay,
    RollDay,
    SampleEquity,
    Sweep,
)
from engine.equity import Equity
from engine.errors import EngineStopped, QueueFull
from engine.state import State
from engine.tickets import Ticket
from tests.storage.samples import filled

NOON = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)


class HandClock:
    """Tell the time that a test sets."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class Bench:
    """A schedule whose commands are collected."""

    def __init__(self, state: State | None = None, report_at: time = time(0, 0, 10)) -> None:
        self.state = state or State()
        self.clock = HandClock()
        self.given: list[Command] = []
        self.boards = 0
        self.kept: list[str] = []
        self.fault: Exception | None = None
        self.schedule = Schedule(
            enqueue=self.enqueue,
            state=lambda: self.state,
            chain_head=lambda: "abc123",
            refresh_boards=self.refresh,
            history=self,
            clock=self.clock,
            report_at=report_at,
        )

    def enqueue(self, command: Command) -> None:
        if self.fault is not None:
            raise self.fault
        self.given.append(command)

    def refresh(self) -> None:
        self.boards += 1

    def sample(self) -> None:
        self.kept.append("samples")

    def prune(self) -> None:
        self.kept.append("pruned")


def measured(at: datetime) -> State:
    equity: Equity = replace(filled(Equity), at=at)
    return State(equity=equity)


def test_equity_is_sampled_under_the_name_of_its_minute() -> None:
    bench = Bench()

    bench.schedule.sample_equity()
    bench.clock.at += timedelta(seconds=20)
    bench.schedule.sample_equity()

    first, second = bench.given
    assert isinstance(first, SampleEquity)
    assert first.command_id == "schedule:sample_equity:2026-03-01T12:30:00+00:00"
    assert second.command_id == first.command_id
    assert first.actor == SCHEDULE
    assert first.at == NOON


def test_a_sweep_goes_out_only_where_something_can_expire() -> None:
    bench = Bench()
    bench.schedule.sweep()
    assert bench.given == []

    ticket: Ticket = filled(Ticket)
    bench.state = State(tickets={ticket.ticket_id: ticket})
    bench.schedule.sweep()

    (command,) = bench.given
    assert isinstance(command, Sweep)


def test_a_day_is_rolled_and_reported_once_under_its_own_name() -> None:
    bench = Bench()

    bench.schedule.roll_day()
    bench.schedule.report_day()

    roll, report = bench.given
    assert isinstance(roll, RollDay)
    assert roll.command_id == "schedule:roll_day:2026-03-01T00:00:00+00:00"
    assert isinstance(report, ReportDay)
    assert report.command_id == "schedule:report_day:2026-03-01T00:00:10+00:00"
    assert report.chain_head == "abc123"


@pytest.mark.parametrize(
    ("measured_at", "names"),
    [
        (NOON - timedelta(minutes=5), []),
        (datetime(2026, 3, 1, 0, 0, 5, tzinfo=UTC), ["report_day"]),
        (datetime(2026, 2, 28, 23, 59, tzinfo=UTC), ["roll_day", "report_day"]),
        (datetime(2026, 2, 20, 12, 0, tzinfo=UTC), ["roll_day", "report_day"]),
    ],
)
def test_what_was_missed_while_the_process_was_down_is_made_good(
    measured_at: datetime, names: list[str]
) -> None:
    bench = Bench(measured(measured_at))

    bench.schedule.catch_up()

    assert [command.command_id.split(":")[1] for command in bench.given] == names


def test_a_new_journal_has_nothing_to_make_good() -> None:
    bench = Bench()

    bench.schedule.catch_up()

    assert bench.given == []


def test_a_report_of_the_evening_is_not_made_good_before_its_hour() -> None:
    bench = Bench(measured(NOON - timedelta(hours=1)), report_at=time(20, 0))

    bench.schedule.catch_up()

    assert bench.given == []


@pytest.mark.parametrize("fault", [EngineStopped("stopped"), QueueFull("full")])
def test_a_command_that_is_not_taken_is_logged_and_counted(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    bench.fault = fault

    bench.schedule.sample_equity()
    bench.schedule.sample_equity()

    assert bench.schedule.missed == {"SampleEquity": 2}
    assert [record.message for record in caplog.records] == ["scheduled command not taken"] * 2


async def test_the_clock_runs_every_job_in_the_loop() -> None:
    bench = Bench()
    bench.schedule.start()
    try:
        assert bench.schedule.jobs() == (
            "keep_candles",
            "keep_samples",
            "refresh_boards",
            "report_day",
            "roll_day",
            "sample_equity",
            "sweep",
            "tidy_history",
        )
    finally:
        bench.schedule.stop()

    assert bench.schedule.jobs() == ()


def test_the_system_clock_tells_aware_utc_and_never_goes_back() -> None:
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


async def test_the_history_is_only_left_word() -> None:
    bench = Bench()
    bench.schedule.keep_samples()
    bench.schedule.tidy_history()
    assert (bench.kept, bench.given) == (["samples", "pruned"], [])
    bench.schedule.keep_candles()
    assert bench.boards == 1
