import asyncio

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    ReplyKeyboardMarkup,
)
from telegram.error import BadRequest

from bot.sandbox import ActRefused, Sandbox
from tests.bot.sandbox.conftest import DESK, OWNER, STRANGER, TRADER, WATCHED, png

CONFIRM = InlineKeyboardMarkup([[InlineKeyboardButton("Confirm", callback_data="t:1")]])
BACK = InlineKeyboardMarkup([[InlineKeyboardButton("Back", callback_data="b:1")]])


async def test_an_edit_changes_the_text_and_without_markup_takes_the_buttons(
    sandbox: Sandbox, bot: Bot
) -> None:
    sent = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
    edited = await bot.edit_message_text("<b>Sent</b>", OWNER, sent.message_id, parse_mode="HTML")

    assert not isinstance(edited, bool)
    assert edited.text == "Sent"
    assert edited.edit_date is not None
    seen = await sandbox.message(sent.message_id)
    assert (seen.html, seen.labels, seen.edits) == ("<b>Sent</b>", [], 1)


async def test_an_edit_that_changes_nothing_is_refused(bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "<b>Buy</b>?", parse_mode="HTML", reply_markup=CONFIRM)
    with pytest.raises(BadRequest, match="Message is not modified: specified new message content"):
        await bot.edit_message_text(
            "<b>Buy</b>?", OWNER, sent.message_id, parse_mode="HTML", reply_markup=CONFIRM
        )
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_reply_markup(OWNER, sent.message_id, reply_markup=CONFIRM)
    # the same words in other clothes are a change
    assert await bot.edit_message_text("Buy?", OWNER, sent.message_id, reply_markup=CONFIRM)


async def test_the_buttons_alone_can_change(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
    await bot.edit_message_reply_markup(OWNER, sent.message_id, reply_markup=BACK)
    seen = await sandbox.message(sent.message_id)
    assert (seen.text, seen.labels) == ("Buy?", ["Back"])


async def test_captions_and_pictures_can_change(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_photo(OWNER, png(10, 10), caption="1m")
    await bot.edit_message_caption(OWNER, sent.message_id, caption="5m")
    assert (await sandbox.message(sent.message_id)).text == "5m"
    await bot.edit_message_media(InputMediaPhoto(png(20, 10), "15m"), OWNER, sent.message_id)
    seen = await sandbox.message(sent.message_id)
    assert seen.text == "15m"
    assert seen.media is not None
    assert seen.media["width"] == 20


async def test_text_and_picture_are_not_mistaken_for_each_other(bot: Bot) -> None:
    text = await bot.send_message(OWNER, "x")
    photo = await bot.send_photo(OWNER, png(10, 10))
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("y", OWNER, photo.message_id)
    with pytest.raises(BadRequest, match="There is no caption in the message to edit"):
        await bot.edit_message_caption(OWNER, text.message_id, caption="y")
    with pytest.raises(BadRequest, match="There is no media in the message to edit"):
        await bot.edit_message_media(InputMediaPhoto(png(9, 9)), OWNER, text.message_id)


async def test_what_is_gone_or_anothers_cannot_be_edited(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "x")
    assert await bot.delete_message(OWNER, sent.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("y", OWNER, sent.message_id)
    said = await sandbox.say(OWNER, "mine")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("y", OWNER, said)
    keys = ReplyKeyboardMarkup([["Status"]])
    with_keys = await bot.send_message(OWNER, "x", reply_markup=keys)
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("y", OWNER, with_keys.message_id)


async def test_a_code_can_be_deleted_from_a_private_chat_but_not_from_a_group(
    sandbox: Sandbox, bot: Bot
) -> None:
    code = await sandbox.say(OWNER, "123456")
    assert await bot.delete_message(OWNER, code)
    assert await sandbox.messages(OWNER) == []
    assert (await sandbox.message(code)).deleted
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(OWNER, code)
    watched = await sandbox.say(OWNER, "123456", chat_id=WATCHED)
    with pytest.raises(BadRequest, match="Message can't be deleted for everyone"):
        await bot.delete_message(WATCHED, watched)
    assert await bot.delete_message(DESK, await sandbox.say(OWNER, "123456", chat_id=DESK))


async def test_a_press_is_answered_once_and_only_in_time(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
    query_id = await sandbox.press(OWNER, sent.message_id, "Conf")
    (update,) = await bot.get_updates()
    query = update.callback_query
    assert query is not None
    assert (query.id, query.data, query.from_user.id) == (query_id, "t:1", OWNER)
    assert query.message is not None
    assert query.message.message_id == sent.message_id

    assert await query.answer("Already used", show_alert=True)
    answer = await sandbox.wait_for_answer(query_id)
    assert (answer.text, answer.show_alert) == ("Already used", True)
    with pytest.raises(BadRequest, match="Query is too old and response timeout expired"):
        await query.answer()

    await sandbox.set_query_age(0)
    stale = await sandbox.press(OWNER, sent.message_id, "Confirm")
    await asyncio.sleep(0.001)
    with pytest.raises(BadRequest, match="or query id is invalid"):
        await bot.answer_callback_query(stale)
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("12345")


async def test_old_and_forged_presses_need_to_be_asked_for(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
    await bot.edit_message_text("Sent", OWNER, sent.message_id)
    with pytest.raises(ActRefused, match="no such button"):
        await sandbox.press(OWNER, sent.message_id, "Confirm")

    await sandbox.press(OWNER, sent.message_id, "Confirm", gone_ok=True)
    await sandbox.press(OWNER, sent.message_id, callback_data="forged:9", gone_ok=True)
    await bot.delete_message(OWNER, sent.message_id)
    await sandbox.press(OWNER, sent.message_id, "Confirm", gone_ok=True)
    updates = await bot.get_updates()
    queries = [one.callback_query for one in updates if one.callback_query]
    assert [one.data for one in queries] == ["t:1", "forged:9", "t:1"]
    assert [one.message.is_accessible for one in queries if one.message] == [True, True, False]


async def test_a_button_is_found_by_its_place(sandbox: Sandbox, bot: Bot) -> None:
    rows = [[InlineKeyboardButton(f"{r}{c}", callback_data=f"{r}:{c}") for c in (0, 1)]
            for r in (0, 1)]  # fmt: skip
    sent = await bot.send_message(OWNER, "x", reply_markup=InlineKeyboardMarkup(rows))
    await sandbox.press(OWNER, sent.message_id, row=1, column=1)
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "1:1"


async def test_only_who_sees_a_message_can_press_it(sandbox: Sandbox, bot: Bot) -> None:
    private = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
    shared = await bot.send_message(DESK, "Buy?", reply_markup=CONFIRM)
    with pytest.raises(ActRefused, match="not in chat"):
        await sandbox.press(STRANGER, private.message_id, "Confirm")
    await sandbox.press(TRADER, shared.message_id, "Confirm")
    (update,) = await bot.get_updates()
    assert update.effective_user is not None
    assert update.effective_user.id == TRADER
    assert update.effective_chat is not None
    assert update.effective_chat.id == DESK


async def test_the_narrowest_menu_is_shown(sandbox: Sandbox, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("help", "Help")])
    await bot.set_my_commands([BotCommand("stop", "Stop")], scope=BotCommandScopeChat(OWNER))

    async def menu(user_id: int) -> list[str]:
        shown = await sandbox.perform("chat", {"user_id": user_id, "chat_id": user_id})
        return [one["command"] for one in shown["commands"]]

    assert await menu(OWNER) == ["stop"]
    assert await menu(TRADER) == ["help"]
    assert [c.command for c in await bot.get_my_commands(BotCommandScopeChat(OWNER))] == ["stop"]
    await bot.delete_my_commands(BotCommandScopeChat(OWNER))
    assert await menu(OWNER) == ["help"]
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([BotCommand("Not-a-command", "x")])
