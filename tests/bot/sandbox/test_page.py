"""The chat page in a real browser."""

import asyncio
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from telegram import (
    Bot,
    BotCommand,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyParameters,
)
from telegram.constants import ReactionEmoji

from bot.sandbox import Sandbox
from tests.bot.sandbox.browsing import Page
from tests.bot.sandbox.conftest import DESK, OWNER, PEOPLE, SILENT, TRADER, client, png

PANEL = (
    "💵 <b>LIVE</b> ⏳ <b>Buy 0.00407 BTC?</b>\n\n"
    "<code>Cost        249.26 USDT\n"
    "Stop     60,015.20    −5.49\n"
    "Target   63,689.60    +9.45</code>\n"
    "<blockquote>Risk <b>5.49 USDT</b></blockquote>\n"
    "Until <b>14:33:05</b> · <code>T-7K4M</code>"
)
CONFIRM = InlineKeyboardMarkup(
    [
        [InlineKeyboardButton("Confirm LIVE buy", callback_data="t:ok", style="success")],
        [
            InlineKeyboardButton("Edit size", callback_data="t:edit"),
            InlineKeyboardButton("Cancel", callback_data="t:no"),
        ],
    ]
)
KEYS = ReplyKeyboardMarkup(
    [[KeyboardButton("Status")], [KeyboardButton("⛔ STOP", style="danger")]], is_persistent=True
)

pytestmark = pytest.mark.browser


async def test_a_person_writes_presses_and_sees_the_edit_live(
    sandbox: Sandbox, bot: Bot, page: Page
) -> None:
    # given a phone and a bot that answers
    await page.open(OWNER)
    await page.write("/buy btc 250 usdt\n")
    (update,) = await bot.get_updates(timeout=10)
    assert update.message is not None
    assert update.message.text == "/buy btc 250 usdt"
    sent = await bot.send_message(OWNER, PANEL, parse_mode="HTML", reply_markup=CONFIRM)

    # when the button is tapped, it waits for the answer
    await page.tap(".row button.success", "Confirm LIVE buy")
    (update,) = await bot.get_updates(offset=update.update_id + 1, timeout=10)
    assert update.callback_query is not None
    assert await page.run("return document.querySelectorAll('[aria-busy=true]').length") == 1

    # then the answer and the edit show without a reload
    await update.callback_query.answer("On its way")
    await page.see("#toast", "On its way")
    await bot.edit_message_text("✅ <b>Confirmed</b>", OWNER, sent.message_id, parse_mode="HTML")
    await page.see(".bubble", "Confirmed")
    assert await page.texts(".buttons") == []
    assert "edited" in (await page.texts(".theirs .meta"))[-1]


async def test_a_panel_keeps_its_27_columns_on_360_pixels(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    await bot.send_message(OWNER, PANEL, parse_mode="HTML", reply_markup=CONFIRM)
    await page.see(".panel", "Target")

    assert await page.run("return innerWidth") == 360
    tops = "[...document.querySelector('.panel').getClientRects()].map(r => Math.round(r.top))"
    assert await page.run(f"return new Set({tops}).size") == 3
    assert await page.run(
        "const p = document.querySelector('.panel').getBoundingClientRect();"
        "const b = document.querySelector('.bubble').getBoundingClientRect();"
        "return p.left >= b.left && p.right <= b.right"
    )
    assert await page.run(
        "return document.documentElement.scrollWidth === 360"
        " && document.querySelector('#scroll').scrollWidth <= 360"
    )
    assert (await page.texts(".panel"))[0].split("\n")[1] == "Stop     60,015.20    −5.49"


async def test_an_alert_is_a_window_with_one_button(sandbox: Sandbox, bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    sent = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
    query = await sandbox.press(OWNER, sent.message_id, "Confirm")
    await bot.answer_callback_query(query, "Already used. This tap did nothing.", show_alert=True)
    await page.see("#alert[open] p", "Already used")
    await page.tap("#alert button", "OK")
    assert await page.run("return document.querySelector('#alert').open") is False


async def test_the_pinned_bar_shows_the_first_line_as_it_is_now(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    board = await bot.send_message(OWNER, "ACTIVE at 14:32\nEquity 10,000")
    await bot.pin_chat_message(OWNER, board.message_id)
    await page.see("#pinned-line", "ACTIVE at 14:32")
    await bot.edit_message_text("HALTED at 14:40\nEquity 9,990", OWNER, board.message_id)
    await page.see("#pinned-line", "HALTED at 14:40")
    assert await page.texts("#pinned-line") == ["HALTED at 14:40"]
    await bot.delete_message(OWNER, board.message_id)
    await page.gone("#pinned")


async def test_the_keyboard_sends_its_text_and_the_menu_its_command(
    sandbox: Sandbox, bot: Bot, page: Page
) -> None:
    await page.open(OWNER)
    await bot.set_my_commands([BotCommand("status", "The board"), BotCommand("stop", "Halt")])
    await bot.send_message(OWNER, "Ready", reply_markup=KEYS)
    await page.tap("#keys button.danger", "STOP")
    await sandbox.wait_for_message(lambda one: one.text == "⛔ STOP")
    await page.see("#menu-key", "/")
    await page.write("/st")
    assert [one.split()[0] for one in await page.texts("#menu button")] == ["/status", "/stop"]
    await page.tap("#menu button", "/stop")
    await sandbox.wait_for_message(lambda one: one.text == "/stop")


async def test_a_new_chat_is_begun_by_one_tap(sandbox: Sandbox, bot: Bot, page: Page) -> None:
    await page.open(SILENT)
    await page.tap("#start", "Start")
    (update,) = await bot.get_updates(timeout=10)
    assert update.message is not None
    assert update.message.text == "/start"
    await page.gone("#start")
    await bot.send_message(SILENT, "Ready")
    await page.see(".bubble", "Ready")


async def test_silent_messages_do_not_ring(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    await bot.send_message(OWNER, "quiet", disable_notification=True)
    await page.see(".bubble", "quiet")
    assert await page.run("return document.querySelectorAll('.rings').length") == 0
    await bot.send_message(OWNER, "loud")
    await page.see(".rings .bubble", "loud")


async def test_no_text_becomes_markup(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    hostile = "<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>"
    link = InlineKeyboardMarkup([[InlineKeyboardButton(hostile, callback_data="x")]])
    await bot.send_message(OWNER, hostile, reply_markup=link)
    await page.see(".bubble", hostile)
    await page.see(".row button", hostile)
    count = "document.querySelectorAll('#messages img, #messages script').length"
    assert await page.run(f"return {count}") == 0
    assert await page.run("return document.title") == "Quarterdeck · Olivia"


async def test_a_tap_on_code_and_on_a_copy_button_copies(bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    copy = InlineKeyboardButton("Copy id", copy_text=CopyTextButton("O-7K4M-whole"))
    await bot.send_message(
        OWNER,
        "As <code>O-7K4M</code>",
        parse_mode="HTML",
        reply_markup=InlineKeyboardMarkup([[copy]]),
    )
    await page.run(
        "window.copied = []; Object.defineProperty(navigator, 'clipboard',"
        "{value: {writeText: async (text) => { window.copied.push(text); }}})"
    )
    await page.tap(".code", "O-7K4M")
    await page.see("#toast", "Copied")
    await page.tap(".row button", "Copy id")
    assert await page.run("return window.copied") == ["O-7K4M", "O-7K4M-whole"]


async def test_pictures_files_replies_and_reactions_are_shown(
    sandbox: Sandbox, bot: Bot, page: Page
) -> None:
    asked = await sandbox.say(OWNER, "/chart btc")
    await page.open(OWNER)
    await bot.send_photo(
        OWNER, png(64, 32), caption="BTC 1m", reply_parameters=ReplyParameters(asked)
    )
    await bot.send_document(OWNER, b"{}", filename="journal.jsonl")
    await bot.set_message_reaction(OWNER, asked, ReactionEmoji.EYES)
    await page.see(".answered", "/chart btc")
    await page.see(".file", "journal.jsonl")
    await page.see(".reaction", "👀")
    await page.run("document.querySelector('.photo img').loading = 'eager'")
    await page.see(".photo ~ .body", "BTC 1m")
    loaded = "return document.querySelector('.photo img').decode().then(() => true)"
    assert await page.run(loaded) is True
    await page.tap(".photo")
    assert await page.run("return document.querySelector('#picture').open") is True


async def test_who_blocks_the_bot_can_only_unblock_it(
    sandbox: Sandbox, bot: Bot, page: Page
) -> None:
    await page.open(OWNER)
    await page.tap("#block", "Block")
    await page.tap("#unblock", "Unblock the bot")
    await page.see("#block", "Block")
    updates = await bot.get_updates()
    states = [one.my_chat_member.new_chat_member.status for one in updates if one.my_chat_member]
    assert states == ["kicked", "member"]


async def test_a_tapped_command_is_sent(sandbox: Sandbox, bot: Bot, page: Page) -> None:
    await page.open(OWNER)
    await bot.send_message(OWNER, "Still HALTED. An owner may /resume.")
    await page.tap(".command", "/resume")
    await sandbox.wait_for_message(lambda one: one.text == "/resume" and not one.from_bot)


async def test_deleted_messages_go_and_old_ones_are_found_by_the_pinned_bar(
    bot: Bot, page: Page
) -> None:
    board = await bot.send_message(OWNER, "ACTIVE\nEquity")
    await bot.pin_chat_message(OWNER, board.message_id)
    for number in range(30):
        await bot.send_message(OWNER, f"card {number}")
    last = await bot.send_message(OWNER, "the last card")
    await page.open(OWNER)
    await page.see(".bubble", "the last card")
    await page.tap("#pinned", "ACTIVE")
    await page.see("#down", "")
    await bot.delete_message(OWNER, last.message_id)
    await page.gone(f"[data-id='{last.message_id}']")


async def test_each_person_sees_their_own_chats(sandbox: Sandbox, bot: Bot, page: Page) -> None:
    await bot.send_message(OWNER, "for the owner")
    await bot.send_message(DESK, "for the desk")
    await page.open(TRADER)
    assert await page.texts(".theirs .body") == []
    await page.run(
        "const s = document.querySelector('#chat'); s.value = '-100';"
        "s.dispatchEvent(new Event('change'))"
    )
    await page.see(".bubble", "for the desk")
    await page.write("seen\n")
    seen = await sandbox.wait_for_message(lambda one: one.text == "seen")
    assert (seen.chat_id, seen.sender_id) == (DESK, TRADER)


async def test_the_page_finds_back_after_a_restart(browser: Chrome, tmp_path: Path) -> None:
    async with Sandbox(people=PEOPLE, folder=tmp_path) as first, client(first) as bot:
        page = Page(browser, first.url)
        await page.open(OWNER)
        await bot.send_message(OWNER, "before")
        await page.see(".bubble", "before")
    await page.see("#status.lost", "connecting")
    async with Sandbox(people=PEOPLE, folder=tmp_path, port=first.port) as second:
        async with client(second) as bot:
            await page.see("#status", "bot")
            await bot.send_message(OWNER, "after")
            await page.see(".bubble", "after")
        assert [one.split("\n")[0] for one in await page.texts(".theirs .body")] == [
            "before",
            "after",
        ]
        await asyncio.to_thread(browser.get, "about:blank")
