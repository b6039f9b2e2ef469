"""How updates come in: stored before confirmed, STOP first, nothing stale run, nothing lost."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from telegram import Update

from bot.access import Person
from bot.incoming import incoming, is_stop_text, payload_of, update_from
from bot.lines import WAITING_MAX
from bot.sandbox import FaultKind, Sandbox, SeenMessage
from bot.secret import Secret
from bot.telegram_api import TelegramUnreachable, TokenRefused, check_token, telegram_bot
from engine.commands import Role
from engine.confirming import ConfirmMode, ConfirmPolicy
from engine.events import BacklogSetAside, OrderCancelRequested, StrangerNoted, TradingHalted
from engine.orders import OrderStatus
from storage import sqlite
from tests.bot.chat.world import (
    OWNER,
    PLAN,
    STRANGER,
    TRADER,
    VIEWER,
    ChatWorld,
    TestClock,
    console,
)


@pytest.mark.parametrize("text", ["/stop", "/STOP now", "/stop@bot", "⛔ STOP", "stop", "Stop!!"])
def test_stop_is_understood_as_command_key_or_word(text: str) -> None:
    assert is_stop_text(text)


@pytest.mark.parametrize("text", ["/stopp", "stop loss", "don't stop", "stop 5", "", "/start stop"])
def test_what_is_not_stop_is_not_taken_for_it(text: str) -> None:
    assert not is_stop_text(text)


def message_update(update_id: int, user_id: int, message_id: int, text: str) -> Update:
    """Make an update as Telegram would deliver it again."""
    made = {
        "update_id": update_id,
        "message": {
            "message_id": message_id,
            "date": int(datetime.now(UTC).timestamp()),
            "chat": {"id": user_id, "type": "private", "first_name": "Olivia"},
            "from": {"id": user_id, "is_bot": False, "first_name": "Olivia"},
            "text": text,
        },
    }
    return update_from(json.dumps(made).encode())


def tickets_shown(messages: list[SeenMessage]) -> int:
    return sum(one.has_button("Confirm") for one in messages)


async def test_a_stop_is_halted_and_journaled_under_the_messages_own_name(
    world: ChatWorld,
) -> None:
    asked = await world.sandbox.say(TRADER, "/stop")
    await world.sandbox.wait_for_text("HALTED", chat_id=TRADER)
    (halted,) = [one for one in await world.journaled() if isinstance(one, TradingHalted)]
    assert halted.command_id == f"tg:{TRADER}:{asked}"
    assert halted.actor.text == "trader 77"


async def test_stop_is_latched_before_anything_else_of_its_batch_is_handled(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with console(tmp_path, sandbox, listening=False) as world:
        # given a batch that buys first and stops last
        await sandbox.say(OWNER, "/buy btc 250 usdt")
        await sandbox.say(TRADER, "/stop")
        updates = (await world.poller.batch(None, wait=False)).updates
        engine = world.assembly.engine
        received = asyncio.Event()
        engine.loop.subscribe(lambda _event, _state, _at: received.set())
        # when it is received
        async with asyncio.TaskGroup() as group:
            running = group.create_task(world.intake.run())
            await asyncio.sleep(0)
            taking = group.create_task(world.intake.receive(updates))
            while not engine.loop.stop_latched:
                assert not received.is_set(), "something was decided before the stop was latched"
                await asyncio.sleep(0)
            await taking
            await world.sandbox.wait_for_text("HALTED", chat_id=TRADER)
            await world.sandbox.wait_for_text("Denied", chat_id=OWNER)
            running.cancel()
        # then the stop is the first thing in the journal after the start
        kinds = [type(event).__name__ for event in await world.journaled()]
        assert kinds.index("TradingHalted") < kinds.index("SignalReceived")


async def test_an_update_is_stored_before_telegram_may_forget_it(world: ChatWorld) -> None:
    await world.said(OWNER, "/status", part="ACTIVE")
    stored = await world.assembly.updates.last_id()
    assert stored is not None
    # Telegram forgets what the next getUpdates confirms, and that names only stored ids.
    offsets = [
        int(call.parameters["offset"])
        for call in await world.sandbox.calls("getUpdates")
        if "offset" in call.parameters
    ]
    assert all(offset <= stored + 1 for offset in offsets)


async def test_a_redelivered_update_is_handled_once(world: ChatWorld) -> None:
    asked = await world.sandbox.say(OWNER, "/buy btc 250 usdt")
    await world.sandbox.wait_for_message(lambda one: one.has_button("Confirm"), chat_id=OWNER)
    last = await world.assembly.updates.last_id()
    assert last is not None
    await world.intake.receive([message_update(last, OWNER, asked, "/buy btc 250 usdt")])
    await world.said(OWNER, "/status", part="ACTIVE")
    assert tickets_shown(await world.sandbox.messages(OWNER)) == 1
    assert len(world.assembly.engine.state.tickets) == 1


async def test_what_a_kill_left_unhandled_is_taken_up_at_the_next_start(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # given a process that stores a STOP and dies before it acts
    async with console(tmp_path, sandbox, listening=False) as world:
        await sandbox.say(OWNER, "/stop")
        updates = (await world.poller.batch(None, wait=False)).updates
        rows = [(one.update_id, world.clock.now(), payload_of(one)) for one in updates]
        await world.assembly.updates.store(rows)
        last = rows[-1][0]
        await world.poller.batch(last + 1, wait=False)
        assert world.assembly.engine.state.stop is None
    # when the next one starts
    async with console(tmp_path, sandbox) as world:
        await sandbox.wait_for_text("HALTED", chat_id=OWNER)
        # then it is halted, and the update is done with
        assert world.assembly.engine.state.stop is not None
        await world.said(OWNER, "/status", part="HALTED")


async def test_a_command_handled_but_not_marked_gives_its_first_outcome_again(
    world: ChatWorld,
) -> None:
    # given a command that was run, whose update was never marked as handled
    asked = await world.sandbox.say(OWNER, "/buy btc 250 usdt")
    card = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm"), chat_id=OWNER
    )
    update = incoming(message_update(1, OWNER, asked, "/buy btc 250 usdt"), world.clock.now())
    # when it is handled once more
    await world.desk.handle(update, Person(user_id=OWNER, role=Role.OWNER, chat_id=OWNER))
    # then the same ticket is shown again, and there is still only one
    again = await world.sandbox.wait_for_message(
        lambda one: one.has_button("Confirm") and one.message_id > card.message_id, chat_id=OWNER
    )
    assert again.callback_data("Confirm") == card.callback_data("Confirm")
    assert len(world.assembly.engine.state.tickets) == 1


async def test_an_old_command_that_was_run_is_answered_and_not_called_set_aside(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # given a STOP and a buy that were run, by a process that died before it marked them
    clock = TestClock()
    async with console(tmp_path, sandbox, clock=clock) as world:
        asked = await sandbox.say(OWNER, "/buy btc 250 usdt")
        await sandbox.wait_for_message(lambda one: one.has_button("Confirm"), chat_id=OWNER)
        await world.said(OWNER, "/status", part="ACTIVE")
        await world.handled()
    async with console(tmp_path, sandbox, clock=clock, listening=False) as world:
        update = message_update(900_000_001, OWNER, asked, "/buy btc 250 usdt")
        row = (update.update_id, clock.now(), payload_of(update))
        await world.assembly.updates.store([row])
    # when the next one starts eleven minutes later
    clock.ahead = timedelta(minutes=11)
    async with console(tmp_path, sandbox, clock=clock) as world:
        shown = await sandbox.wait_for_text("Expired", chat_id=OWNER, after=asked)
        # then the first outcome is told, and nothing is listed
        assert shown.reply_to == asked
        clock.ahead = timedelta()
        await world.said(OWNER, "/status", part="ACTIVE")
        assert not [one for one in await world.journaled() if isinstance(one, BacklogSetAside)]


async def test_old_commands_are_set_aside_and_told_but_a_stop_is_carried_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # given what was sent while the console was down for eleven minutes
    await sandbox.say(OWNER, "/buy btc 250 usdt sl 2%")
    await sandbox.say(OWNER, "/close btc")
    await sandbox.say(OWNER, "123456")
    await sandbox.say(OWNER, "/stop")
    clock = TestClock()
    clock.ahead = timedelta(minutes=11)
    # when it starts
    async with console(tmp_path, sandbox, clock=clock) as world:
        await sandbox.wait_for_text("HALTED", chat_id=OWNER)
        (aside,) = await world.event_of(BacklogSetAside)
        # then nothing but the stop was run, and each other one is listed, codes unread
        assert [item.partition(" ")[2] for item in aside.items] == [
            "/buy btc 250 usdt sl 2%",
            "/close btc",
            "a message",
        ]
        assert [item.partition(" ")[2] for item in aside.done] == ["STOP"]
        assert aside.chat_id == OWNER
        assert not world.assembly.engine.state.tickets


async def test_a_flood_of_commands_is_answered_politely_and_stop_passes_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with console(tmp_path, sandbox, listening=False) as world:
        for _ in range(WAITING_MAX + 15):
            await sandbox.say(OWNER, "/status")
        await sandbox.say(OWNER, "/stop")
        asked = {one.message_id for one in await sandbox.messages(OWNER)}
        running = asyncio.create_task(world.intake.run())
        await sandbox.wait_for_text("HALTED at", chat_id=OWNER)
        # then every single one has its answer in the end
        for message_id in sorted(asked):
            await world.answer_to(OWNER, message_id)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert world.assembly.engine.state.stop is not None
        busy = [one for one in await sandbox.messages(OWNER) if "Too much waits" in one.text]
        assert busy


@pytest.mark.parametrize("kind", [FaultKind.BAD_GATEWAY, FaultKind.DROP_BEFORE, FaultKind.INTERNAL])
async def test_polling_goes_on_after_every_fault_of_the_network(
    world: ChatWorld, kind: FaultKind
) -> None:
    await world.said(OWNER, "/status", part="ACTIVE")
    await world.sandbox.fail("getUpdates", kind, count=3)
    await world.said(OWNER, "/mode", part="PAPER")


async def test_another_poller_is_said_once_and_polling_comes_back(
    world: ChatWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="bot.poller"):
        await world.sandbox.fail(
            "getUpdates", FaultKind.REFUSE, code=409, count=3,
            description="Conflict: terminated by other getUpdates request",
        )  # fmt: skip
        await world.said(OWNER, "/status", part="ACTIVE")
    said = [one for one in caplog.records if "another process polls" in one.getMessage()]
    assert len(said) <= 1
    assert not world.poller.health.has_conflict


async def test_a_wrong_token_is_refused_without_being_shown(sandbox: Sandbox) -> None:
    wrong = "424242424:wrong-token-that-nobody-gave-out"
    bot = telegram_bot(Secret(wrong), sandbox.url)
    with pytest.raises(TokenRefused, match="Copy it again from @BotFather") as caught:
        await check_token(bot)
    assert "wrong-token" not in str(caught.value)
    assert caught.value.__cause__ is None
    await bot.shutdown()


async def test_an_address_where_nobody_answers_is_said_in_a_sentence(sandbox: Sandbox) -> None:
    await sandbox.stop()
    bot = telegram_bot(Secret(sandbox.token), sandbox.url)
    with pytest.raises(TelegramUnreachable, match="Check the network"):
        await check_token(bot)
    await bot.shutdown()


async def test_the_token_stands_in_no_log_line(
    world: ChatWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("httpx").setLevel(logging.NOTSET)
        telegram_bot(Secret(world.sandbox.token), world.sandbox.url)
        await world.sandbox.fail("getUpdates", FaultKind.BAD_GATEWAY, count=2)
        await world.said(OWNER, "/status", part="ACTIVE")
    assert all(world.sandbox.token not in record.getMessage() for record in caplog.records)


async def test_stop_is_answered_while_the_database_is_locked_and_journaled_once_it_is_free(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with console(tmp_path, sandbox) as world:
        await world.said(OWNER, "/status", part="ACTIVE")
        # given a database that another program holds
        holder = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        try:
            await world.said(OWNER, "/stop", part="HALTED, not yet journaled")
            assert world.assembly.engine.loop.stop_latched
        finally:
            holder.execute("ROLLBACK")
            holder.close()
        # when it is free again
        (halted,) = await world.event_of(TradingHalted)
        # then the stop stands in the journal, once
        assert halted.actor.user_id == OWNER
        await world.said(OWNER, "/status", part="HALTED")


@pytest.mark.parametrize("word", ["/stop", "/flatten"])
async def test_a_stop_that_died_unjournaled_is_carried_out_by_the_next_process(
    sandbox: Sandbox, tmp_path: Path, word: str
) -> None:
    async with console(tmp_path, sandbox) as world:
        await world.said(OWNER, "/status", part="ACTIVE")
        # given a journal that takes nothing, while updates are stored and marked as ever
        file = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        file.execute(
            "CREATE TRIGGER refused BEFORE INSERT ON journal BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
        await world.said(OWNER, word, part="HALTED, not yet journaled")
        # then the update stays unhandled
        await world.said(OWNER, "/mode", part="PAPER")
        await world.said(OWNER, "/mode", part="PAPER")
        assert [word in str(one.payload) for one in await world.assembly.updates.unhandled()][:1]
        # when the process ends
    file.execute("DROP TRIGGER refused")
    file.close()
    # then the next one stops
    async with console(tmp_path, sandbox) as world:
        (halted,) = await world.event_of(TradingHalted)
        assert halted.actor.user_id == OWNER


@asynccontextmanager
async def held(folder: Path) -> AsyncIterator[None]:
    """Let another program hold the database, so that nothing can be written."""
    holder = sqlite3.connect(folder / "journal.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


async def test_what_cannot_be_stored_is_refused_at_once_and_never_run_later(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 100)
    async with console(tmp_path, sandbox) as world:
        await world.said(OWNER, "/status", part="ACTIVE")
        await world.handled()
        # given a database that another program holds while an order arrives
        async with held(tmp_path):
            asked = await sandbox.say(OWNER, "/buy btc 250 usdt")
            await world.said(OWNER, "/positions", part="No positions")
            refused = await sandbox.wait_for_text("Nothing was sent", chat_id=OWNER, after=asked)
        # when it is free again, then what comes again is known, and what is new is run
        world.requote()
        await world.said(OWNER, "/mode", part="PAPER")
        await world.handled()
        assert "SignalReceived" not in {type(one).__name__ for one in await world.journaled()}
        wanted = await sandbox.say(OWNER, "/buy btc 250 usdt")
        await sandbox.wait_for_message(
            lambda one: one.has_button("Confirm") and one.message_id > wanted, chat_id=OWNER
        )
        seen = await sandbox.messages(OWNER)
        assert len([one for one in seen if one.text == refused.text]) == 1


async def test_what_was_refused_unstored_is_not_run_when_it_comes_again(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 100)
    async with console(tmp_path, sandbox) as world:
        await world.said(OWNER, "/status", part="ACTIVE")
        await world.handled()
        asked = await sandbox.say(VIEWER, "/help")
        order = message_update(900_000_003, OWNER, asked + 500, "/buy btc 250 usdt")
        # given an order that was refused while the database was held
        async with held(tmp_path):
            assert not await world.intake.receive([order])
            await sandbox.wait_for_text("Nothing was sent", chat_id=OWNER)
        # when Telegram delivers it again, and the database takes it
        world.requote()
        while not await world.intake.receive([order]):  # noqa: ASYNC110 - the lock may linger
            await asyncio.sleep(0.05)
        # then it is only marked
        await world.said(OWNER, "/mode", part="PAPER")
        await world.handled()
        kinds = {type(one).__name__ for one in await world.journaled()}
        assert not kinds & {"SignalReceived", "TicketOpened"}


async def test_telegram_keeps_an_unjournaled_stop_and_gives_what_was_sent_after_it(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 100)
    async with console(tmp_path, sandbox) as world:
        await world.said(OWNER, "/status", part="ACTIVE")
        await world.handled()
        known = await world.assembly.updates.last_id()
        assert known is not None
        # given a held database, strangers that fill an answer of Telegram, then a stop
        async with held(tmp_path):
            for _ in range(25):
                await sandbox.say(STRANGER, "let me in")
            await world.said(TRADER, "/stop", part="HALTED, not yet journaled")
            await world.said(OWNER, "/mode", part="PAPER")
            # then what precedes the stop is confirmed, and the stop is not
            async with asyncio.timeout(20):
                while (asked := await confirmed(sandbox)) < known + 26:  # noqa: ASYNC110 - a call
                    await asyncio.sleep(0.05)
            await world.said(OWNER, "/mode", part="PAPER")
            assert await confirmed(sandbox) == asked == known + 26
        # when it is free again, then the stop is journaled once, and the strangers are noted
        assert len(await world.event_of(TradingHalted)) == 1
        await world.event_of(StrangerNoted)
        await world.said(OWNER, "/status", part="HALTED")


async def test_a_stop_is_found_behind_old_commands_that_cannot_be_stored(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 100)
    clock = TestClock()
    async with console(tmp_path, sandbox, clock=clock) as world:
        await world.said(OWNER, "/status", part="ACTIVE")
        await world.handled()
        # given a held database, and more old commands than an answer of Telegram mostly holds
        clock.ahead = timedelta(minutes=2)
        async with held(tmp_path):
            for _ in range(30):
                await sandbox.say(OWNER, "/mode")
            await world.said(TRADER, "/stop", part="HALTED, not yet journaled")
            assert world.assembly.engine.loop.stop_latched
        # when it is free again, then each of them is accounted for
        await world.event_of(TradingHalted)
        (aside, *_) = await world.event_of(BacklogSetAside)
        assert aside.items[-1] == "and 11 more, not kept"
        await world.handled()


async def confirmed(sandbox: Sandbox) -> int:
    """Give the first update that Telegram must still keep."""
    calls = await sandbox.calls("getUpdates")
    return max(int(call.parameters.get("offset", 0)) for call in calls)


async def test_an_edited_message_runs_nothing_and_says_so(world: ChatWorld) -> None:
    asked = await world.sandbox.say(OWNER, "/status")
    await world.answer_to(OWNER, asked)
    edited = message_update(900_000_002, OWNER, asked, "/buy btc 250 usdt").to_dict()
    message = edited.pop("message")
    edited["edited_message"] = message | {"edit_date": message["date"]}
    await world.intake.receive([update_from(json.dumps(edited).encode())])
    await world.sandbox.wait_for_text("An edited message runs nothing", chat_id=OWNER)
    assert not world.assembly.engine.state.tickets


async def test_a_flood_limit_on_polling_is_waited_out(world: ChatWorld) -> None:
    await world.said(OWNER, "/status", part="ACTIVE")
    await world.sandbox.fail("getUpdates", FaultKind.FLOOD, count=1, retry_after_s=1)
    await world.said(OWNER, "/mode", part="PAPER")


async def test_a_tap_from_before_the_start_is_answered_listed_and_not_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # given a list whose buttons are pressed while the console is down for longer than a minute
    clock = TestClock()
    async with console(tmp_path, sandbox, clock=clock) as world:
        await world.said(VIEWER, "/positions", part="No positions")
        await world.handled()
        listed = await sandbox.wait_for_text("No positions", chat_id=VIEWER)
    clock.ahead = timedelta(minutes=2)
    query = await sandbox.press(
        VIEWER, listed.message_id, gone_ok=True, callback_data="q1|pc|pnothing|100|0"
    )
    # when it is back
    async with console(tmp_path, sandbox, clock=clock) as world:
        answer = await sandbox.wait_for_answer(query)
        (aside,) = await world.event_of(BacklogSetAside)
    # then the tap has its popup, and the line says what it was
    assert answer.text == "This tap came too late to be run. Nothing was done."
    assert [item.partition(" ")[2] for item in aside.items] == ["tap on close position"]


async def test_an_old_cancel_of_an_entry_is_carried_out_and_told_as_done(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    plan = replace(PLAN, confirm=ConfirmPolicy(mode=ConfirmMode.NEVER))
    clock = TestClock()
    async with console(tmp_path, sandbox, plan=plan, clock=clock) as world:
        await sandbox.say(OWNER, "/buy btc 0.004 @ 59000")
        await world.until(
            lambda state: any(o.status is OrderStatus.ACCEPTED for o in state.orders.values())
        )
    await sandbox.say(OWNER, "/cancel btc")
    clock.ahead = timedelta(minutes=4)
    async with console(tmp_path, sandbox, plan=plan, clock=clock) as world:
        (aside,) = await world.event_of(BacklogSetAside)
        (asked,) = await world.event_of(OrderCancelRequested)
    assert aside.done == ("cancel btc",)
    assert asked.actor.user_id == OWNER
    assert aside.items == ()
