import pytest
from telegram import (
    Bot,
    CopyTextButton,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
)
from telegram.constants import ChatAction, ReactionEmoji
from telegram.error import BadRequest, Forbidden

from bot.sandbox import Sandbox
from tests.bot.sandbox.conftest import DESK, OWNER, SILENT, WATCHED, png


async def test_get_me_names_the_bot(sandbox: Sandbox, bot: Bot) -> None:
    me = await bot.get_me()
    assert me.is_bot
    assert me.id == sandbox.identity.id
    assert me.username == "quarterdeck_sandbox_bot"


async def test_a_text_arrives_with_entities_counted_in_utf16(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "🚨 <b>LIVE</b>\n<code>a\nb</code>", parse_mode="HTML")

    assert sent.text == "🚨 LIVE\na\nb"
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [("bold", 3, 4), ("code", 8, 3)]
    (seen,) = await sandbox.messages(OWNER)
    assert seen.html == "🚨 <b>LIVE</b>\n<code>a\nb</code>"
    assert not seen.silent
    assert seen.from_bot


async def test_silence_protection_and_reply_are_kept(sandbox: Sandbox, bot: Bot) -> None:
    asked = await sandbox.say(OWNER, "/buy btc 250 usdt")
    sent = await bot.send_message(
        OWNER,
        "Buy?",
        disable_notification=True,
        protect_content=True,
        reply_parameters=ReplyParameters(asked, quote="250 usdt"),
    )

    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "/buy btc 250 usdt"
    assert sent.has_protected_content
    seen = await sandbox.message(sent.message_id)
    assert (seen.silent, seen.protected, seen.reply_to) == (True, True, asked)
    assert seen.quote == "250 usdt"


async def test_a_reply_to_nothing_is_refused_unless_it_may_stand_alone(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(OWNER, "x", reply_parameters=ReplyParameters(99999))
    alone = ReplyParameters(99999, allow_sending_without_reply=True)
    assert (await bot.send_message(OWNER, "x", reply_parameters=alone)).reply_to_message is None


async def test_inline_buttons_keep_style_data_copy_text_and_url(sandbox: Sandbox, bot: Bot) -> None:
    rows = [
        [InlineKeyboardButton("Confirm LIVE buy", callback_data="t:7K4M:ok", style="success")],
        [
            InlineKeyboardButton("Copy id", copy_text=CopyTextButton("O-7K4M")),
            InlineKeyboardButton("Site", url="https://example.org/x"),
        ],
    ]
    sent = await bot.send_message(OWNER, "Buy?", reply_markup=InlineKeyboardMarkup(rows))

    assert sent.reply_markup == InlineKeyboardMarkup(rows)
    seen = await sandbox.message(sent.message_id)
    assert seen.labels == ["Confirm LIVE buy", "Copy id", "Site"]
    assert seen.buttons[0][0]["style"] == "success"
    assert seen.callback_data("Confirm") == "t:7K4M:ok"


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        (InlineKeyboardButton("x", callback_data="ä" * 33), "Button_data_invalid"),
        (InlineKeyboardButton("x"), "Text buttons are unallowed in the inline keyboard"),
        (InlineKeyboardButton(" ", callback_data="x"), "Button text must be non-empty"),
        (InlineKeyboardButton("x", url="nowhere"), "Wrong HTTP URL"),
        (InlineKeyboardButton("x", callback_data="x", style="pink"), "Invalid button style"),
        (
            InlineKeyboardButton("x", copy_text=CopyTextButton("x" * 257)),
            "Button_copy_text_invalid",
        ),
    ],
)
async def test_a_bad_button_is_refused_and_nothing_is_sent(
    sandbox: Sandbox, bot: Bot, button: InlineKeyboardButton, reason: str
) -> None:
    with pytest.raises(BadRequest, match=f"(?i){reason}"):
        await bot.send_message(OWNER, "x", reply_markup=InlineKeyboardMarkup([[button]]))
    assert await sandbox.messages(OWNER) == []


async def test_64_bytes_of_callback_data_pass(bot: Bot) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="ä" * 32)]])
    assert (await bot.send_message(OWNER, "x", reply_markup=markup)).reply_markup == markup


async def test_a_reply_keyboard_stays_until_it_is_removed(sandbox: Sandbox, bot: Bot) -> None:
    keys = [[KeyboardButton("Status")], [KeyboardButton("⛔ STOP", style="danger")]]
    markup = ReplyKeyboardMarkup(keys, is_persistent=True, resize_keyboard=True)
    await bot.send_message(OWNER, "Ready", reply_markup=markup)
    await bot.send_message(OWNER, "later")

    shown = await sandbox.perform("chat", {"user_id": OWNER, "chat_id": OWNER})
    assert shown["keyboard"]["is_persistent"] is True
    assert shown["keyboard"]["keyboard"][1][0] == {"text": "⛔ STOP", "style": "danger"}
    tapped = await sandbox.tap_key(OWNER, "STOP")
    assert (await sandbox.message(tapped)).text == "⛔ STOP"

    await bot.send_message(OWNER, "bye", reply_markup=ReplyKeyboardRemove())
    shown = await sandbox.perform("chat", {"user_id": OWNER, "chat_id": OWNER})
    assert shown["keyboard"] is None


async def test_force_reply_is_kept_with_its_message(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "Amount?", reply_markup=ForceReply(selective=True))
    assert (await sandbox.message(sent.message_id)).keyboard == {
        "force_reply": True,
        "selective": True,
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Message text is empty"),
        ("<b> \n </b>", "Message text is empty"),
        ("<b>x", 'can\'t find end tag corresponding to start tag "b"'),
        ("x" * 4097, "Message is too long"),
        ("🏟" * 2049, "Message is too long"),
    ],
)
async def test_a_text_telegram_would_not_take_is_refused(bot: Bot, text: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=f"(?i){reason}"):
        await bot.send_message(OWNER, text, parse_mode="HTML")


async def test_length_is_counted_after_parsing(bot: Bot) -> None:
    sent = await bot.send_message(OWNER, f"<b>{'&amp;' * 4096}</b>", parse_mode="HTML")
    assert sent.text == "&" * 4096


async def test_a_photo_can_be_sent_fetched_and_sent_again_by_id(sandbox: Sandbox, bot: Bot) -> None:
    picture = png(40, 30)
    sent = await bot.send_photo(OWNER, picture, caption="<b>17 Nov</b>", parse_mode="HTML")

    assert sent.caption == "17 Nov"
    assert (sent.photo[-1].width, sent.photo[-1].height) == (40, 30)
    fetched = await (await bot.get_file(sent.photo[-1].file_id)).download_as_bytearray()
    assert bytes(fetched) == picture
    again = await bot.send_photo(OWNER, sent.photo[-1].file_id)
    assert again.photo[-1].file_unique_id == sent.photo[-1].file_unique_id
    assert (await sandbox.message(again.message_id)).media is not None


async def test_a_document_keeps_its_name_and_bytes(bot: Bot) -> None:
    sent = await bot.send_document(OWNER, b'{"seq": 1}\n', filename="journal.jsonl")
    assert sent.document is not None
    assert sent.document.file_name == "journal.jsonl"
    fetched = await (await bot.get_file(sent.document.file_id)).download_as_bytearray()
    assert bytes(fetched) == b'{"seq": 1}\n'


async def test_an_album_is_one_group_of_messages(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_media_group(
        OWNER,
        [InputMediaPhoto(png(20, 10), caption="<i>a</i>", parse_mode="HTML"),
         InputMediaPhoto(png(10, 20, 7))],
    )  # fmt: skip
    assert len({one.media_group_id for one in sent}) == 1
    assert [one.caption for one in sent] == ["a", None]
    assert len(await sandbox.messages(OWNER)) == 2
    with pytest.raises(BadRequest, match="can't be mixed"):
        await bot.send_media_group(
            OWNER, [InputMediaPhoto(png(2, 2)), InputMediaDocument(b"x", filename="x.txt")]
        )


async def test_bad_files_are_refused(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await bot.send_photo(OWNER, b"no picture at all")
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_document(OWNER, b"", filename="empty.txt")
    with pytest.raises(BadRequest, match="Wrong file identifier/http url specified"):
        await bot.send_photo(OWNER, "AgACAgIAAxkBAAIB")
    with pytest.raises(BadRequest, match="Invalid file_id"):
        await bot.get_file("AgACAgIAAxkBAAIB")
    with pytest.raises(BadRequest, match="Photo_invalid_dimensions"):
        await bot.send_photo(OWNER, png(900, 3))


async def test_a_caption_has_1024_characters_at_most(bot: Bot) -> None:
    await bot.send_photo(OWNER, png(5, 5), caption="x" * 1024)
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(OWNER, png(5, 5), caption="x" * 1025)


async def test_who_never_wrote_cannot_be_written_to(sandbox: Sandbox, bot: Bot) -> None:
    for chat_id in (SILENT, 12345, -999):
        with pytest.raises(BadRequest, match="Chat not found"):
            await bot.send_message(chat_id, "x")
    await sandbox.say(SILENT, "/start")
    assert (await bot.send_message(SILENT, "x")).chat_id == SILENT


async def test_who_blocked_the_bot_gets_nothing(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.block(OWNER)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(OWNER, "x")
    (update,) = await bot.get_updates()
    assert update.my_chat_member is not None
    assert update.my_chat_member.new_chat_member.status == "kicked"
    await sandbox.unblock(OWNER)
    assert (await bot.send_message(OWNER, "x")).text == "x"


async def test_pins_are_kept_told_and_taken_away(sandbox: Sandbox, bot: Bot) -> None:
    board = await bot.send_message(OWNER, "ACTIVE\nEquity")
    assert await bot.pin_chat_message(OWNER, board.message_id, disable_notification=True)

    assert [one.message_id for one in await sandbox.pinned(OWNER)] == [board.message_id]
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.pinned_message is not None
    chat = await bot.get_chat(OWNER)
    assert chat.pinned_message is not None
    assert chat.pinned_message.message_id == board.message_id
    assert await bot.unpin_chat_message(OWNER)
    assert await sandbox.pinned(OWNER) == []
    with pytest.raises(BadRequest, match="Message to unpin not found"):
        await bot.unpin_chat_message(OWNER)
    with pytest.raises(BadRequest, match="Message to pin not found"):
        await bot.pin_chat_message(OWNER, 99999)


async def test_a_bot_without_rights_cannot_pin_in_a_group(bot: Bot) -> None:
    sent = await bot.send_message(WATCHED, "x")
    with pytest.raises(BadRequest, match="Not enough rights to manage pinned messages"):
        await bot.pin_chat_message(WATCHED, sent.message_id)


async def test_reactions_and_chat_actions(sandbox: Sandbox, bot: Bot) -> None:
    said = await sandbox.say(OWNER, "/stop", chat_id=DESK)
    assert await bot.set_message_reaction(DESK, said, ReactionEmoji.EYES)
    assert (await sandbox.message(said)).reaction == "👀"
    with pytest.raises(BadRequest, match="Reaction_invalid"):
        await bot.set_message_reaction(DESK, said, "🧨")
    assert await bot.send_chat_action(DESK, ChatAction.TYPING)
    with pytest.raises(BadRequest, match="action"):
        await bot.send_chat_action(DESK, "singing")


async def test_get_chat_tells_group_from_person(bot: Bot) -> None:
    assert (await bot.get_chat(DESK)).title == "Desk"
    assert (await bot.get_chat(OWNER)).first_name == "Olivia"
