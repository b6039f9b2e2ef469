import asyncio
import json
import sqlite3
import sys
from pathlib import Path

import aiohttp
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from bot.sandbox import (
    ActRefused,
    FaultKind,
    Group,
    NothingCame,
    Person,
    Sandbox,
    SandboxClient,
)
from tests.bot.sandbox.conftest import DESK, OWNER, PEOPLE, STRANGER, client, png

CONFIRM = InlineKeyboardMarkup([[InlineKeyboardButton("Confirm", callback_data="t:1")]])


async def test_the_http_client_has_the_same_verbs(sandbox: Sandbox, bot: Bot) -> None:
    async with SandboxClient(sandbox.url) as control:
        said = await control.say(OWNER, "/buy btc 250 usdt")
        (update,) = await bot.get_updates()
        assert update.message is not None
        assert update.message.message_id == said
        waiting = asyncio.create_task(control.wait_for_text("Buy?", after=said))
        sent = await bot.send_message(OWNER, "Buy?", reply_markup=CONFIRM)
        seen = await waiting
        assert seen == await sandbox.message(sent.message_id)
        query_id = await control.press(OWNER, seen.message_id, "Confirm")
        await bot.answer_callback_query(query_id, "Sent")
        assert (await control.wait_for_answer(query_id)).text == "Sent"
        await control.fail("sendMessage", FaultKind.FLOOD)
        await control.heal()
        await control.add_person(Person(id=8, name="New"))
        await control.add_group(Group(id=-8, title="Pair", member_ids=(8, OWNER)))
        await control.say(8, "hello", chat_id=-8)
        assert [one.text for one in await control.messages(-8)] == ["hello"]
        assert [c.method for c in await control.calls("answerCallbackQuery")] == [
            "answerCallbackQuery"
        ]


async def test_waiting_sees_an_edit(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(OWNER, "Buy?")
    waiting = asyncio.create_task(sandbox.wait_for_message(lambda one: "Sent" in one.text))
    await bot.edit_message_text("Sent", OWNER, sent.message_id)
    assert (await waiting).message_id == sent.message_id


async def test_waiting_in_vain_says_what_came_instead(sandbox: Sandbox, bot: Bot) -> None:
    await bot.send_message(OWNER, "Denied: 3 rules", reply_markup=CONFIRM)
    with pytest.raises(NothingCame, match=r"Denied: 3 rules\n\['Confirm'\]"):
        await sandbox.wait_for_text("Filled", timeout_s=0.01)
    query_id = await sandbox.press(OWNER, (await sandbox.messages())[0].message_id, "Confirm")
    with pytest.raises(NothingCame, match="was not answered"):
        await sandbox.wait_for_answer(query_id, timeout_s=0.01)


@pytest.mark.parametrize(
    ("verb", "body", "reason"),
    [
        ("fly", {}, "no verb"),
        ("say", {"user_id": 5, "text": "x"}, "no person 5"),
        ("say", {"user_id": OWNER, "text": "  "}, "empty"),
        ("say", {"user_id": OWNER, "text": "x" * 4097}, "4096"),
        ("say", {"user_id": OWNER}, "wrong arguments"),
        ("say", {"user_id": STRANGER, "text": "x", "chat_id": DESK}, "not in chat"),
        ("say", {"user_id": OWNER, "text": "x", "reply_to": 9}, "no message 9"),
        ("press", {"user_id": OWNER, "message_id": 9, "label": "x"}, "no message 9"),
        ("tap_key", {"user_id": OWNER, "label": "STOP"}, "no key"),
        ("chat", {"user_id": STRANGER, "chat_id": OWNER}, "not in chat"),
        ("fail", {"method": "x", "kind": "sabotage"}, "wrong arguments"),
        ("inject", {"update": {}}, "one more key"),
        ("add_group", {"id": 5, "title": "x", "member_ids": []}, "negative id"),
    ],
)
async def test_what_a_phone_could_not_do_is_refused_with_the_reason(
    sandbox: Sandbox, verb: str, body: dict[str, object], reason: str
) -> None:
    async with SandboxClient(sandbox.url) as control:
        with pytest.raises(ActRefused, match=reason):
            await control.perform(verb, body)


async def test_who_blocked_the_bot_must_unblock_it_to_write(sandbox: Sandbox) -> None:
    await sandbox.block(OWNER)
    with pytest.raises(ActRefused, match="unblock"):
        await sandbox.say(OWNER, "x")


FOREIGN = [
    ({"Host": "evil.example:80"}, "foreign Host"),
    ({"Origin": "http://evil.example"}, "foreign Origin"),
    ({"Origin": "null"}, "foreign Origin"),
    ({"Sec-Fetch-Site": "cross-site"}, "foreign Sec-Fetch-Site"),
]


@pytest.mark.parametrize(("headers", "reason"), FOREIGN)
@pytest.mark.parametrize("path", ["/sandbox/say", "/bot{token}/sendMessage"])
async def test_another_web_page_can_drive_nothing(
    sandbox: Sandbox, headers: dict[str, str], reason: str, path: str
) -> None:
    body = {"user_id": OWNER, "chat_id": OWNER, "text": "/flatten"}
    url = sandbox.url + path.format(token=sandbox.token)
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=body, headers=headers) as answer,
    ):
        assert answer.status == 403
        assert (await answer.json())["error"] == reason
    assert await sandbox.messages() == []


async def test_a_plain_form_cannot_drive_the_control_api(sandbox: Sandbox) -> None:
    body = json.dumps({"user_id": OWNER, "text": "/flatten"})
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{sandbox.url}/sandbox/say", data=body, headers={"Content-Type": "text/plain"}
        ) as answer,
    ):
        assert answer.status == 415
    assert await sandbox.messages() == []


async def test_the_page_comes_with_a_strict_policy_and_nothing_from_outside(
    sandbox: Sandbox,
) -> None:
    async with aiohttp.ClientSession() as session:
        for path in (
            "/",
            "/page/page.js",
            "/page/bubbles.js",
            "/page/state.js",
            "/page/page.css",
            "/page/icon.svg",
        ):
            async with session.get(sandbox.url + path) as answer:
                body = await answer.text()
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "https://" not in body
            assert sandbox.token not in body
        for path in ("/page/../site.py", "/page/%2e%2e%2fsite.py", "/page/site.py"):
            async with session.get(sandbox.url + path) as answer:
                assert answer.status == 404


async def test_an_uploaded_page_is_a_download_and_never_shown(sandbox: Sandbox, bot: Bot) -> None:
    await bot.send_document(OWNER, b"<script>alert(1)</script>", filename="x.html")
    await bot.send_photo(OWNER, png(4, 4))
    document, photo = [one.media for one in await sandbox.messages(OWNER)]
    assert document is not None
    assert photo is not None
    async with aiohttp.ClientSession() as session:
        async with session.get(sandbox.url + document["url"]) as answer:
            assert answer.content_type == "application/octet-stream"
            assert answer.headers["Content-Disposition"] == "attachment"
        async with session.get(sandbox.url + photo["url"]) as answer:
            assert answer.content_type == "image/png"


async def test_news_are_pushed_as_they_happen(sandbox: Sandbox, bot: Bot) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sandbox.url}/sandbox/events") as stream,
    ):
        await bot.send_message(OWNER, "<b>x</b>", parse_mode="HTML")
        line = b""
        while not line.startswith(b"data: "):
            line = await stream.content.readline()
    news = json.loads(line[6:])
    assert news["kind"] == "message"
    assert news["message"]["html"] == "<b>x</b>"


async def test_chats_outlive_the_process(tmp_path: Path) -> None:
    async with Sandbox(people=PEOPLE, folder=tmp_path) as first, client(first) as bot:
        board = await bot.send_message(OWNER, "<b>ACTIVE</b>", parse_mode="HTML",
                                       reply_markup=CONFIRM)  # fmt: skip
        await bot.pin_chat_message(OWNER, board.message_id)
        photo = await bot.send_photo(OWNER, png(4, 4))
        seen_id = (await bot.get_updates())[-1].update_id
        await bot.get_updates(offset=seen_id + 1)
        said = await first.say(OWNER, "not fetched yet")
        before = await first.messages(OWNER)

    async with Sandbox(people=PEOPLE, folder=tmp_path) as second, client(second) as bot:
        after = await second.messages(OWNER)
        assert [(m.html, m.labels, m.pinned, m.media) for m in after] == [
            (m.html, m.labels, m.pinned, m.media) for m in before
        ]
        fetched = await (await bot.get_file(photo.photo[-1].file_id)).download_as_bytearray()
        assert bytes(fetched) == png(4, 4)
        (update,) = await bot.get_updates()
        assert update.message is not None
        assert update.message.message_id == said
        assert update.update_id == seen_id + 1
        await bot.edit_message_text("HALTED", OWNER, board.message_id)
        assert (await bot.send_message(OWNER, "new")).message_id > said
        await second.say(OWNER, "x")
        assert (await bot.get_updates())[-1].update_id == seen_id + 2


async def test_a_taken_port_is_an_os_error(sandbox: Sandbox) -> None:
    other = Sandbox(port=sandbox.port)
    with pytest.raises(OSError, match="address already in use"):
        await other.start()
    await other.stop()


async def test_it_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.sandbox", "--folder", str(tmp_path),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        async with SandboxClient(url) as control:
            await control.say(OWNER, "/start")
            assert [one.text for one in await control.messages(OWNER)] == ["/start"]
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def test_two_sandboxes_never_share_a_folder(tmp_path: Path) -> None:
    async with Sandbox(folder=tmp_path):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await Sandbox(folder=tmp_path).start()


async def test_a_damaged_folder_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    damaged = tmp_path / "sandbox.sqlite3"
    damaged.write_bytes(b"no database at all" * 99)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        await Sandbox(folder=tmp_path).start()
    assert damaged.read_bytes() == b"no database at all" * 99


async def test_it_imports_nothing_else_of_quarterdeck_and_no_client_of_telegram() -> None:
    listing = "import sys, bot.sandbox; print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", listing, stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    output, _ = await process.communicate()
    modules = set(output.decode().split())
    assert not {one for one in modules if one.split(".")[0] in {"engine", "storage", "telegram"}}
    assert {one for one in modules if one.startswith("bot.")} == {
        one for one in modules if one.startswith("bot.sandbox")
    }
