"""The soak itself works: a few virtual hours pass, and what would fail a long run is noticed."""

from dataclasses import replace

import pytest

from tests.soak.__main__ import table
from tests.soak.measures import Sample
from tests.soak.run import Log, Plan, voyaged
from tests.soak.verdict import TASKS_MAX, objections

KEPT_DAYS = 1 / 24
PLAN = Plan(hours=1.5, sample_hours=0.25, kept_days=KEPT_DAYS, restart_hours=0.5, crash_hours=0.6)


@pytest.fixture(scope="module")
def log() -> Log:
    return voyaged(PLAN)


def test_a_few_hours_at_sea_keep_to_every_bound(log: Log) -> None:
    # given, when: a short voyage, with a restart and a crash in it
    # then it traded, came home, and nothing grew past its bound
    assert log.objections(KEPT_DAYS) == []
    assert log.restarts > 0
    assert log.crashes > 0
    assert log.wishes > 0
    assert log.samples[-1].rows["fills"] > 0
    assert len(table(log.samples)) == len(log.samples) + 1


def test_what_the_console_holds_is_found_wherever_it_lives(log: Log) -> None:
    # then the walk has come to the far corners: the sender, the poller's guests, the monitors
    corners = {"Lanes._rooms", "Outgoing._ended", "Strangers._known", "OrderMonitor._told"}
    assert corners <= log.samples[-1].held.keys()


def objected(log: Log, last: Sample) -> str:
    return "; ".join(objections([*log.samples[:-1], last], log.base_mb, KEPT_DAYS))


def test_a_leak_of_any_kind_fails_a_run(log: Log) -> None:
    last = log.samples[-1]
    # given one thing each that has grown, then the verdict names it
    assert "tasks on day" in objected(log, replace(last, tasks=TASKS_MAX + 1))
    assert "MB over" in objected(log, replace(last, rss_mb=last.rss_mb + 200))
    assert "inbox" in objected(log, replace(last, inbox=10_000))
    assert "Newcomer._kept holds" in objected(
        log, replace(last, held={**last.held, "Newcomer._kept": 601})
    )
    assert "State.sent holds" in objected(log, replace(last, held={"State.sent": 51}))
    assert "table notes" in objected(log, replace(last, rows={**last.rows, "notes": 5_000}))
    assert "no bound is known" in objected(log, replace(last, rows={**last.rows, "new": 5_000}))
    assert "table outbox keeps" in objected(log, replace(last, oldest_days={"outbox": 2.0}))
    assert "alerts wait" in objected(log, replace(last, outbox={"due": 201}))


def test_memory_that_grows_day_by_day_fails_a_run(log: Log) -> None:
    # given six weeks that add 3 MB each
    samples = [
        replace(log.samples[-1], day=day, rss_mb=100 + day * 3 / 7) for day in range(0, 42, 2)
    ]
    # then it is the slope that says so, long before the end would
    assert [text for text in objections(samples, 100.0, 30.0) if "memory grew" in text]
