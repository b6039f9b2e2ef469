from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, text

from engine import events as e
from engine.alerts import Alert, Audience, Lane
from engine.commands import AlertKind, AlertMode
from engine.errors import JournalCorrupt, JournalUnavailable
from engine.ports import Step
from engine.state import Chat, State
from storage.database import Database
from storage.journal import SqlJournal
from storage.outbox import Outbox, OutboxRow
from tests.storage.story import OWNER, START, Story

R = TypeVar("R")
CHATS = {
    "1": Chat(chat_id=1, user_id=1, is_group=False),
    "2": Chat(
        chat_id=2,
        user_id=2,
        is_group=False,
        modes={"fill": AlertMode.OFF, "report": AlertMode.SILENT, "stop": AlertMode.OFF},
    ),
    "-5": Chat(chat_id=-5, user_id=1, is_group=True),
}
NOW = START + timedelta(hours=1)
LATER = NOW + timedelta(minutes=5)


def alert(
    kind: AlertKind = AlertKind.FILL,
    lane: Lane = Lane.FILL,
    subject: str = "order:1",
    audience: Audience = Audience.ALL,
    chat_id: int | None = None,
) -> Alert:
    return Alert(
        seq=7,
        event="FillBooked",
        kind=kind,
        lane=lane,
        subject=subject,
        audience=audience,
        chat_id=chat_id,
    )


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


async def due(outbox: Outbox, limit: int = 100) -> list[OutboxRow]:
    return list(await outbox.due(limit, NOW))


async def added(outbox: Outbox, *alerts: Alert, chat: str = "1") -> list[int]:
    await outbox.add(alerts, {chat: CHATS[chat]}, START)
    return [row.row_id for row in await due(outbox)]


async def test_an_alert_for_all_reaches_every_chat_that_did_not_switch_it_off(
    outbox: Outbox,
) -> None:
    assert await outbox.add([alert()], CHATS, START) == 2
    assert [(row.chat_id, row.silent) for row in await due(outbox)] == [(1, False), (-5, False)]


async def test_a_silent_chat_gets_a_silent_row(outbox: Outbox) -> None:
    await outbox.add([alert(AlertKind.REPORT, Lane.REPORT)], CHATS, START)
    assert {row.chat_id: row.silent for row in await due(outbox)} == {1: False, 2: True, -5: False}


async def test_a_stop_cannot_be_switched_off(outbox: Outbox) -> None:
    await outbox.add([alert(AlertKind.STOP, Lane.STOP, "stop")], CHATS, START)
    assert {row.chat_id for row in await due(outbox)} == {1, 2, -5}


async def test_an_alert_for_owners_stays_out_of_groups_and_carries_its_audience(
    outbox: Outbox,
) -> None:
    stranger = alert(AlertKind.STRANGER, Lane.REPORT, "stranger:13:1", Audience.OWNERS)
    await outbox.add([stranger], CHATS, START)
    rows = await due(outbox)
    assert {row.chat_id for row in rows} == {1, 2}
    assert {row.audience for row in rows} == {Audience.OWNERS}


async def test_an_alert_for_one_chat_reaches_it_even_when_it_is_not_bound(outbox: Outbox) -> None:
    backlog = alert(AlertKind.BACKLOG, Lane.TICKET, "backlog:1", Audience.CHAT, 909)
    await outbox.add([backlog], CHATS, START)
    assert [row.chat_id for row in await due(outbox)] == [909]


async def test_urgent_lanes_come_first_then_the_oldest(outbox: Outbox) -> None:
    await added(
        outbox,
        alert(subject="order:1"),
        alert(AlertKind.TICKET, Lane.TICKET, "ticket:1"),
        alert(subject="order:2"),
        alert(AlertKind.STOP, Lane.STOP, "stop"),
    )
    assert [row.subject for row in await due(outbox)] == ["stop", "ticket:1", "order:1", "order:2"]
    assert [row.subject for row in await due(outbox, limit=2)] == ["stop", "ticket:1"]


async def test_a_row_says_everything_the_sender_needs(outbox: Outbox) -> None:
    await added(outbox, alert())
    (row,) = await due(outbox)
    assert row == OutboxRow(
        row_id=row.row_id,
        seq=7,
        chat_id=1,
        kind=AlertKind.FILL,
        lane=Lane.FILL,
        subject="order:1",
        event="FillBooked",
        audience=Audience.ALL,
        silent=False,
        at=START,
        attempts=0,
        repeat=False,
    )


async def test_what_is_being_sent_is_not_handed_out_again(outbox: Outbox) -> None:
    ids = await added(outbox, alert())
    await outbox.sending(ids)
    assert await due(outbox) == []
    await outbox.sent(ids[0], NOW)
    assert await outbox.recover() == 0
    assert await due(outbox) == []


async def test_a_crash_while_sending_hands_the_row_out_as_a_repeat(
    url: str, database: Database, outbox: Outbox
) -> None:
    flying, waiting = await added(outbox, alert(), alert(subject="order:2"))
    await outbox.sending([flying])
    await database.close()
    restarted = Database(url)
    await restarted.open()
    again = Outbox(restarted)
    assert await again.recover() == 1
    assert [(row.row_id, row.repeat) for row in await again.due(10, NOW)] == [
        (flying, True),
        (waiting, False),
    ]
    assert again.changed.is_set()
    await restarted.close()


async def test_a_repeat_stays_a_repeat_when_it_must_wait(outbox: Outbox) -> None:
    (row_id,) = await added(outbox, alert())
    await outbox.sending([row_id])
    await outbox.recover()
    await outbox.sending([row_id])
    await outbox.retry(row_id, NOW, "retry after 3 s")
    (row,) = await due(outbox)
    assert row.repeat
    assert row.attempts == 2


async def test_a_row_to_retry_waits_for_its_time(outbox: Outbox) -> None:
    (row_id,) = await added(outbox, alert())
    await outbox.sending([row_id])
    await outbox.retry(row_id, LATER, "429")
    assert await due(outbox) == []
    (row,) = await outbox.due(10, LATER)
    assert row.attempts == 1
    assert not row.repeat


async def test_alerts_of_one_subject_keep_their_order(outbox: Outbox) -> None:
    first, second, other = await added(outbox, alert(), alert(), alert(subject="order:2"))
    await outbox.sending([first])
    assert [row.row_id for row in await due(outbox)] == [other]
    await outbox.retry(first, LATER, "429")
    assert [row.row_id for row in await due(outbox)] == [other]
    assert [row.row_id for row in await outbox.due(10, LATER)] == [first, second, other]
    await outbox.dropped(first, "blocked")
    assert [row.row_id for row in await due(outbox)] == [second, other]


async def test_another_chat_is_not_held_up(outbox: Outbox) -> None:
    await outbox.add([alert()], {"1": CHATS["1"]}, START)
    (held,) = await due(outbox)
    await outbox.add([alert()], {"-5": CHATS["-5"]}, START)
    await outbox.retry(held.row_id, LATER, "429")
    assert [row.chat_id for row in await due(outbox)] == [-5]


async def test_a_dropped_row_is_gone_for_good(outbox: Outbox) -> None:
    (row_id,) = await added(outbox, alert())
    await outbox.dropped(row_id, "the chat blocked the bot")
    await outbox.retry(row_id, NOW, "too late")
    await outbox.sending([row_id])
    assert await outbox.recover() == 0
    assert await due(outbox) == []


async def test_a_reason_is_cut_to_what_the_table_holds(database: Database, outbox: Outbox) -> None:
    (row_id,) = await added(outbox, alert())
    await outbox.retry(row_id, NOW, "x" * 10_000)
    length = await database.read(
        lambda c: c.execute(text("SELECT length(reason) FROM outbox")).scalar()
    )
    assert length == 400


async def test_the_depth_counts_what_is_not_ended_by_lane(outbox: Outbox) -> None:
    ids = await added(outbox, alert(), alert(subject="b"), alert(AlertKind.STOP, Lane.STOP, "s"))
    await outbox.sending(ids[:1])
    assert await outbox.depth() == {Lane.STOP: 1, Lane.TICKET: 0, Lane.FILL: 2, Lane.REPORT: 0}
    await outbox.sent(ids[0], NOW)
    assert (await outbox.depth())[Lane.STOP] == 0


async def test_ended_rows_are_pruned_and_waiting_ones_never(outbox: Outbox) -> None:
    first, *_ = await added(outbox, alert(), alert(subject="b"))
    await outbox.sent(first, NOW)
    assert await outbox.prune(NOW) == 0
    assert await outbox.prune(LATER) == 1
    assert len(await due(outbox)) == 1


async def test_rows_are_written_with_their_event_and_not_without_it(database: Database) -> None:
    journal = SqlJournal(database)
    await journal.open()
    story = Story()
    opening = story.step()
    await journal.append([opening], State(), story.state)
    before = story.state
    halted = e.TradingHalted(at=story.at, command_id="h1", actor=OWNER, reason="STOP")
    step = story.tell(halted)
    await journal.append([step], before, story.state)
    (row,) = await due(journal.outbox)
    assert (row.subject, row.seq, row.event) == ("stop", story.state.seq, "TradingHalted")
    later = Story(seed=5, state=story.state)
    again = later.tell(e.TradingHalted(at=later.at, command_id="h1", actor=OWNER, reason="STOP"))
    with pytest.raises(AssertionError):
        await journal.append([again], story.state, later.state)
    assert len(await due(journal.outbox)) == 1


class OneWrite(Database):
    """A database whose process is killed right after its next commit."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.commits_left: int | None = None

    async def write(self, function: Callable[[Connection], R]) -> R:
        if self.commits_left == 0:
            raise JournalUnavailable("the process is dead")
        if self.commits_left is not None:
            self.commits_left -= 1
        return await super().write(function)


async def test_a_kill_right_after_an_event_s_commit_loses_none_of_its_alerts(url: str) -> None:
    # given a journal whose process will die after one more commit
    database = OneWrite(url)
    journal = SqlJournal(database)
    await journal.open()
    story = Story()
    await journal.append([story.step()], State(), story.state)
    before = story.state
    halted = e.TradingHalted(at=story.at, command_id="h1", actor=OWNER, reason="STOP")
    database.commits_left = 1
    # when an event that must be told is stored
    with suppress(JournalUnavailable):
        await journal.append([story.tell(halted)], before, story.state)
    await journal.close()
    # then the next process finds its alert beside it
    again = SqlJournal(Database(url))
    assert (await again.open()).stop is not None
    assert [row.subject for row in await due(again.outbox)] == ["stop"]
    await again.close()


async def test_an_alert_without_its_event_is_a_bug_of_ours(database: Database) -> None:
    journal = SqlJournal(database)
    await journal.open()
    story = Story()
    opening = story.step()
    broken = Step(events=opening.events, alerts=(alert(audience=Audience.CHAT, chat_id=None),))
    with pytest.raises((AssertionError, KeyError)):
        await journal.append([broken], State(), story.state)


async def test_a_row_of_an_unknown_kind_is_named(database: Database, outbox: Outbox) -> None:
    (row_id,) = await added(outbox, alert())
    await database.write(lambda c: c.execute(text("UPDATE outbox SET kind='gossip'")).rowcount)
    with pytest.raises(JournalCorrupt, match=f"Table outbox, row {row_id}: 'gossip'"):
        await due(outbox)


async def test_a_clock_set_back_holds_no_alert_up(outbox: Outbox) -> None:
    # given an alert to be tried again in a moment, and a newer one of its subject
    first, second = [*await added(outbox, alert()), *(await added(outbox, alert()))[1:]]
    await outbox.retry(first, NOW + timedelta(seconds=30), "busy")
    assert await due(outbox) == []
    # when the clock is set back by hours
    before = await outbox.due(100, NOW - timedelta(hours=3))
    # then both are due at once, in order
    assert [row.row_id for row in before] == [first, second]
