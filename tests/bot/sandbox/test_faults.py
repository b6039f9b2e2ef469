import asyncio
from datetime import timedelta

import pytest
from telegram import Bot
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut

from bot.sandbox import ActRefused, FaultKind, Rates, Sandbox
from bot.sandbox.limits import Limits
from bot.sandbox.refusals import Refusal
from tests.bot.sandbox.conftest import DESK, OWNER, TRADER


async def texts(sandbox: Sandbox) -> list[str]:
    return [one.text for one in await sandbox.messages()]


async def test_a_flood_names_the_seconds_and_passes_by(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.fail("sendMessage", FaultKind.FLOOD, count=2, retry_after_s=7)
    for _ in range(2):
        with pytest.raises(RetryAfter) as flood:
            await bot.send_message(OWNER, "x")
        assert flood.value.retry_after == timedelta(seconds=7)
    assert (await bot.send_message(OWNER, "x")).text == "x"


async def test_a_fault_can_mean_one_chat_only(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.fail("sendMessage", FaultKind.FLOOD, chat_id=TRADER)
    assert (await bot.send_message(OWNER, "x")).text == "x"
    with pytest.raises(RetryAfter):
        await bot.send_message(TRADER, "x")


@pytest.mark.parametrize(
    ("kind", "error", "executed"),
    [
        (FaultKind.INTERNAL, NetworkError, False),
        (FaultKind.BAD_GATEWAY, NetworkError, False),
        (FaultKind.DROP_BEFORE, NetworkError, False),
        (FaultKind.DROP_AFTER, NetworkError, True),
        (FaultKind.GARBAGE, TelegramError, True),
    ],
)
async def test_a_broken_answer_says_nothing_about_the_execution(
    sandbox: Sandbox, bot: Bot, kind: FaultKind, error: type[TelegramError], executed: bool
) -> None:
    await sandbox.fail("sendMessage", kind)
    with pytest.raises(error):
        await bot.send_message(OWNER, "x")
    assert await texts(sandbox) == (["x"] if executed else [])
    assert (await bot.send_message(OWNER, "y")).text == "y"


async def test_a_hanging_call_is_executed_after_its_caller_gave_up(
    sandbox: Sandbox, bot: Bot
) -> None:
    await sandbox.fail("sendMessage", FaultKind.HANG, hang_s=0.3)
    with pytest.raises(TimedOut):
        await bot.send_message(OWNER, "x", read_timeout=0.05)
    assert await texts(sandbox) == []
    assert (await sandbox.wait_for_text("x")).chat_id == OWNER


async def test_any_refusal_can_be_planned(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.fail(
        "sendMessage", FaultKind.REFUSE, code=403, description="Forbidden: user is deactivated"
    )
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(OWNER, "x")


async def test_a_star_means_every_method_but_polling(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.fail("*", FaultKind.INTERNAL)
    assert await bot.get_updates() == ()
    with pytest.raises(NetworkError):
        await bot.get_me()


async def test_without_network_nothing_gets_through_and_polls_break(
    sandbox: Sandbox, bot: Bot
) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=30))
    await sandbox.wait_for_call("getUpdates")
    await sandbox.network(up=False)
    with pytest.raises(NetworkError):
        await waiting
    with pytest.raises(NetworkError):
        await bot.send_message(OWNER, "x")
    await sandbox.say(OWNER, "/stop")

    await sandbox.network(up=True)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "/stop"
    assert "x" not in await texts(sandbox)


async def test_healing_forgets_what_was_planned(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.fail("sendMessage", FaultKind.DROP_BEFORE, count=9)
    await sandbox.network(up=False)
    await sandbox.heal()
    assert (await bot.send_message(OWNER, "x")).text == "x"


async def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ActRefused):
        await sandbox.fail("sendMessage", FaultKind.FLOOD, count=0)


async def test_calls_are_listed_in_order_with_their_ends(sandbox: Sandbox, bot: Bot) -> None:
    known = (await sandbox.calls())[-1].number
    await sandbox.fail("sendMessage", FaultKind.DROP_AFTER)
    with pytest.raises(NetworkError):
        await bot.send_message(OWNER, "x")
    with pytest.raises(BadRequest):
        await bot.send_message(1, "y")
    await bot.send_message(OWNER, "z")

    calls = await sandbox.calls("sendMessage", after=known)
    assert [(c.parameters["text"], c.code, c.fault) for c in calls] == [
        ("x", None, "drop_after"),
        ("y", 400, None),
        ("z", 200, None),
    ]
    assert [c.arrived_s for c in calls] == sorted(c.arrived_s for c in calls)
    assert all(c.answered_s is not None and c.answered_s >= c.arrived_s for c in calls)


async def test_rate_limits_are_enforced_when_they_are_on(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.limit(Rates(chat_burst=2))
    await bot.send_message(OWNER, "1")
    await bot.send_message(OWNER, "2")
    with pytest.raises(RetryAfter):
        await bot.send_message(OWNER, "3")
    assert (await bot.send_message(TRADER, "1")).text == "1"
    await sandbox.limit(None)
    assert (await bot.send_message(OWNER, "3")).text == "3"


def refused_after(limits: Limits, chat_id: int, now_s: float) -> int:
    """Give the seconds to wait, 0 where the message passes."""
    try:
        limits.check(chat_id, now_s)
    except Refusal as refusal:
        return int((refusal.parameters or {})["retry_after"])
    return 0


def test_a_chat_takes_a_burst_and_then_one_a_second() -> None:
    limits = Limits(Rates(chat_burst=3))
    assert [refused_after(limits, OWNER, 0.0) for _ in range(4)] == [0, 0, 0, 1]
    assert refused_after(limits, OWNER, 0.9) == 1
    assert refused_after(limits, OWNER, 1.0) == 0
    assert refused_after(limits, OWNER, 1.5) == 1


def test_a_group_takes_twenty_a_minute() -> None:
    limits = Limits(Rates(chat_burst=100))
    assert [refused_after(limits, DESK, 0.0) for _ in range(20)] == [0] * 20
    assert refused_after(limits, DESK, 0.0) == 3
    assert refused_after(limits, DESK, 3.0) == 0


def test_all_chats_together_take_thirty_a_second() -> None:
    limits = Limits(Rates())
    assert [refused_after(limits, chat, 0.0) for chat in range(1, 32)] == [0] * 30 + [1]
    assert refused_after(limits, 31, 0.04) == 0
