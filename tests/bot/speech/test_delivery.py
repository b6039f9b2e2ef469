import asyncio
from dataclasses import replace

import pytest
from telegram import Bot

from bot.buckets import Rate, Rates
from bot.clock import SystemClock
from bot.delivery import (
    ChatBlocked,
    Delivery,
    Patience,
    RefusedByTelegram,
    Undelivered,
)
from bot.markup import bare
from bot.sandbox.faults import FaultKind
from bot.sandbox.limits import Rates as TelegramsRates
from bot.sandbox.server import Sandbox
from bot.screens.layout import ButtonView, KeyView, Screen, Style
from engine.alerts import Lane
from tests.bot.speech.conftest import GROUP, HASTY, OWNER, SWIFT, TRADER

CARD = Screen(
    text="📝 <b>PAPER</b> ⏳ <b>Buy 0.0294 ETH?</b>\n<code>Cost   99.86 USDT\nFee     0.10</code>",
    rows=(
        (ButtonView(label="Confirm paper buy", callback="q1|c|t1", style=Style.BLUE),),
        (
            ButtonView(label="Close", callback="q1|x|t1", style=Style.RED),
            ButtonView(label="Copy id", copy_text="t1"),
        ),
    ),
)
# How long a busy machine may take for what is to happen at once.
PROMPT_S = 30
# A picture of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63"
    "f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


async def test_a_card_arrives_with_its_markup_and_its_coloured_buttons(
    delivery: Delivery, phones: Sandbox
) -> None:
    message_id = await delivery.send(OWNER, CARD, lane=Lane.TICKET)

    seen = await phones.message(message_id)
    assert seen.text == bare(CARD.text)
    assert {entity["type"] for entity in seen.entities} == {"bold", "code"}
    assert [[button["text"] for button in row] for row in seen.buttons] == [
        ["Confirm paper buy"],
        ["Close", "Copy id"],
    ]
    assert seen.buttons[0][0]["style"] == "primary"
    assert seen.buttons[1][0]["style"] == "danger"
    assert seen.buttons[1][1]["copy_text"] == {"text": "t1"}
    assert not seen.silent


async def test_a_reply_threads_under_its_card_even_when_that_is_gone(
    delivery: Delivery, phones: Sandbox
) -> None:
    first = await delivery.send(OWNER, CARD, lane=Lane.TICKET)

    second = await delivery.send(OWNER, CARD, reply_to=first, silent=True, lane=Lane.FILL)
    lost = await delivery.send(OWNER, CARD, reply_to=987654, lane=Lane.FILL)

    assert (await phones.message(second)).reply_to == first
    assert (await phones.message(second)).silent
    assert (await phones.message(lost)).reply_to is None


async def test_the_persistent_keyboard_goes_with_a_message(
    delivery: Delivery, phones: Sandbox
) -> None:
    stop = KeyView(text="⛔ STOP", style=Style.RED)
    screen = Screen(text="Ready", keyboard=((KeyView(text="Status"),), (stop,)))

    message_id = await delivery.send(OWNER, screen, lane=Lane.REPORT)

    keyboard = (await phones.message(message_id)).keyboard
    assert keyboard is not None
    assert keyboard["is_persistent"] is True
    assert [[key["text"] for key in row] for row in keyboard["keyboard"]] == [
        ["Status"],
        ["⛔ STOP"],
    ]


async def test_in_a_group_the_panel_is_set_unbroken(delivery: Delivery, phones: Sandbox) -> None:
    message_id = await delivery.send(GROUP, CARD, lane=Lane.TICKET)

    assert "pre" in {e["type"] for e in (await phones.message(message_id)).entities}


async def test_an_edit_changes_the_card_and_one_that_changes_nothing_is_fine(
    delivery: Delivery, phones: Sandbox
) -> None:
    message_id = await delivery.send(OWNER, CARD, lane=Lane.TICKET)
    confirmed = Screen(text="📝 <b>PAPER</b> ✅ <b>Confirmed</b>")

    assert await delivery.edit(OWNER, message_id, confirmed, lane=Lane.TICKET)
    assert await delivery.edit(OWNER, message_id, confirmed, lane=Lane.TICKET)

    seen = await phones.message(message_id)
    assert (seen.text, seen.buttons, seen.edits) == (bare(confirmed.text), [], 1)


async def test_an_edit_of_a_message_that_is_gone_says_so(delivery: Delivery) -> None:
    message_id = await delivery.send(OWNER, CARD, lane=Lane.TICKET)
    assert await delivery.delete(OWNER, message_id)

    assert not await delivery.edit(OWNER, message_id, CARD, lane=Lane.TICKET)
    assert not await delivery.delete(OWNER, message_id)


async def test_a_pin_makes_no_sound(delivery: Delivery, phones: Sandbox) -> None:
    message_id = await delivery.send(OWNER, CARD, lane=Lane.REPORT)

    assert await delivery.pin(OWNER, message_id)
    assert not await delivery.pin(OWNER, 987654)

    assert [seen.message_id for seen in await phones.pinned(OWNER)] == [message_id]
    (call, _) = await phones.calls("pinChatMessage")
    assert call.parameters["disable_notification"] in (True, "true")


async def test_a_text_over_the_limit_arrives_whole_with_the_buttons_under_its_end(
    delivery: Delivery, phones: Sandbox
) -> None:
    lines = [f"line {number:04d} of a long list" for number in range(400)]
    text = "<b>Audit</b>\n<code>" + "\n".join(lines) + "</code>"

    last = await delivery.send(OWNER, Screen(text=text, rows=CARD.rows), lane=Lane.REPORT)

    seen = await phones.messages(OWNER)
    assert len(seen) > 1
    assert all(message.text.startswith("Audit\n") for message in seen)
    together = [line for message in seen for line in message.text.splitlines()[1:]]
    assert together == lines
    assert [message.message_id for message in seen if message.buttons] == [last]


async def test_markup_that_telegram_cannot_read_arrives_as_plain_text(
    delivery: Delivery, phones: Sandbox
) -> None:
    broken = Screen(text="<b>HALTED\nat 14:40 &amp; still", rows=CARD.rows)

    message_id = await delivery.send(OWNER, broken, lane=Lane.STOP)
    assert await delivery.edit(OWNER, message_id, Screen(text="<b>FLAT"), lane=Lane.STOP)

    assert (await phones.message(message_id)).text == "FLAT"
    assert len(await phones.calls("sendMessage")) == 2


async def test_what_telegram_refuses_as_wrong_is_not_tried_again(
    delivery: Delivery, phones: Sandbox
) -> None:
    bad = Screen(text="Hello", rows=((ButtonView(label="x", callback="y" * 65),),))

    with pytest.raises(RefusedByTelegram, match=r"(?i)button_data_invalid"):
        await delivery.send(OWNER, bad, lane=Lane.TICKET)

    assert len(await phones.calls("sendMessage")) == 1


async def test_a_person_who_blocked_the_bot_is_told_apart(
    delivery: Delivery, phones: Sandbox
) -> None:
    await phones.block(TRADER)

    with pytest.raises(ChatBlocked):
        await delivery.send(TRADER, CARD, lane=Lane.TICKET)
    with pytest.raises(ChatBlocked):
        await delivery.send(999_999, CARD, lane=Lane.TICKET)

    assert len(await phones.calls("sendMessage", after=0)) == 2


@pytest.mark.parametrize("kind", [FaultKind.INTERNAL, FaultKind.BAD_GATEWAY, FaultKind.DROP_BEFORE])
async def test_a_server_in_trouble_is_asked_again(
    delivery: Delivery, phones: Sandbox, kind: FaultKind
) -> None:
    await phones.fail("sendMessage", kind, count=2)

    message_id = await delivery.send(OWNER, CARD, lane=Lane.STOP)

    assert (await phones.message(message_id)).text.startswith("📝 PAPER")
    assert len(await phones.messages(OWNER)) == 1


async def test_what_is_sent_again_after_a_lost_answer_says_that_it_is_a_repeat(
    delivery: Delivery, phones: Sandbox
) -> None:
    await phones.fail("sendMessage", FaultKind.DROP_AFTER)

    await delivery.send(OWNER, CARD, lane=Lane.STOP)

    first, second = await phones.messages(OWNER)
    assert "repeat" not in first.text
    assert "repeat" in second.text


async def test_a_network_that_stays_down_is_reported_after_bounded_attempts(
    delivery: Delivery, phones: Sandbox
) -> None:
    await phones.network(up=False)

    with pytest.raises(Undelivered):
        await delivery.send(OWNER, CARD, lane=Lane.STOP)
    await phones.network(up=True)

    assert await delivery.send(OWNER, CARD, lane=Lane.STOP)


async def test_a_hanging_call_is_given_up_and_tried_again(
    bot: Bot, delivery: Delivery, phones: Sandbox
) -> None:
    message_id = await delivery.send(OWNER, CARD, lane=Lane.STOP)
    impatient = Delivery(
        bot=bot, clock=SystemClock(), rates=SWIFT, patience=replace(HASTY, call_s=1.0)
    )
    await phones.fail("editMessageText", FaultKind.HANG, hang_s=30)

    assert await impatient.edit(OWNER, message_id, Screen(text="FLAT"), lane=Lane.STOP)

    assert (await phones.message(message_id)).text == "FLAT"


async def test_a_429_pauses_its_chat_alone_and_nothing_is_lost(bot: Bot, phones: Sandbox) -> None:
    flooded = asyncio.Event()
    delivery = Delivery(
        bot=bot,
        clock=SystemClock(),
        rates=SWIFT,
        patience=HASTY,
        count_flood=flooded.set,
    )
    await phones.fail("sendMessage", FaultKind.FLOOD, retry_after_s=1, chat_id=OWNER)
    held = asyncio.create_task(delivery.send(OWNER, CARD, lane=Lane.STOP))
    async with asyncio.timeout(PROMPT_S):
        await flooded.wait()

    await delivery.send(TRADER, CARD, lane=Lane.REPORT)
    assert not held.done()
    assert delivery.paused_s(OWNER) > 0
    assert delivery.paused_s(TRADER) == 0
    await held

    assert len(await phones.messages(OWNER)) == 1


async def test_a_chat_that_floods_for_ever_is_given_up_after_bounded_pauses(
    bot: Bot, phones: Sandbox
) -> None:
    patience = Patience(floods_max=1, flood_s_max=1.5)
    delivery = Delivery(bot=bot, clock=SystemClock(), rates=SWIFT, patience=patience)
    await phones.fail("sendMessage", FaultKind.FLOOD, retry_after_s=600, chat_id=OWNER)

    with pytest.raises(Undelivered):
        await delivery.send(OWNER, CARD, lane=Lane.FILL)
    with pytest.raises(Undelivered):
        await delivery.send(OWNER, CARD, lane=Lane.FILL)

    assert len(await phones.calls("sendMessage")) == 1


async def test_our_own_limits_keep_a_burst_below_telegrams(bot: Bot, phones: Sandbox) -> None:
    rates = Rates(
        overall=Rate(size=30, window_s=0.3),
        chat=Rate(size=3, window_s=0.3),
        group=Rate(size=20, window_s=0.6),
    )
    await phones.limit(
        TelegramsRates(overall_per_s=100, chat_per_s=10, chat_burst=3, group_per_min=2000)
    )
    delivery = Delivery(bot=bot, clock=SystemClock(), rates=rates, patience=HASTY)

    sent = [delivery.send(chat, CARD, lane=Lane.FILL) for chat in (OWNER, GROUP) * 6]
    await asyncio.gather(*sent)

    assert len(await phones.messages(OWNER)) == 6
    assert len(await phones.messages(GROUP)) == 6
    assert len(await phones.calls("sendMessage")) == 12


async def test_a_tap_is_answered_while_every_message_waits(bot: Bot, phones: Sandbox) -> None:
    delivery = Delivery(bot=bot, clock=SystemClock(), patience=HASTY)
    message_id = await delivery.send(OWNER, CARD, lane=Lane.TICKET)
    crowd = [asyncio.create_task(delivery.send(OWNER, CARD, lane=Lane.REPORT)) for _ in range(20)]
    query_id = await phones.press(OWNER, message_id, "Confirm")

    await delivery.answer(query_id, "x" * 300, show_alert=True)

    answer = await phones.wait_for_answer(query_id)
    assert answer.show_alert
    assert answer.text == "x" * 199 + "…"
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)


async def test_a_stale_tap_and_a_dead_network_do_not_disturb_who_answers(
    delivery: Delivery, phones: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    await delivery.answer("no-such-query")
    await phones.network(up=False)
    await delivery.answer("no-such-query")

    assert [record.message for record in caplog.records].count("tap not answered") == 2


async def test_a_picture_carries_its_card_and_what_is_too_long_follows(
    delivery: Delivery, phones: Sandbox
) -> None:
    lines = [f"line {number:04d}" for number in range(200)]
    screen = Screen(text="<b>17 Nov</b>\n" + "\n".join(lines), rows=CARD.rows)

    await delivery.send_photo(OWNER, PNG, screen, silent=True, lane=Lane.REPORT)

    first, *rest = await phones.messages(OWNER)
    assert first.media is not None
    assert first.silent
    assert rest[-1].buttons
    together = [line for seen in (first, *rest) for line in seen.text.splitlines()[1:]]
    assert together == lines
