import asyncio

import aiohttp
import pytest
from aiohttp import web
from telegram import Bot
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError

from bot.sandbox import Sandbox
from tests.bot.sandbox.conftest import OWNER, TRADER, client


async def test_updates_come_again_until_a_higher_offset_confirms_them(
    sandbox: Sandbox, bot: Bot
) -> None:
    for text in ("/buy", "/sell", "/stop"):
        await sandbox.say(OWNER, text)
    first = await bot.get_updates(limit=2)
    assert [one.message.text for one in first if one.message] == ["/buy", "/sell"]
    assert [one.update_id for one in await bot.get_updates()][:2] == [u.update_id for u in first]

    rest = await bot.get_updates(offset=first[1].update_id + 1)
    assert [one.message.text for one in rest if one.message] == ["/stop"]
    assert rest[0].update_id == first[1].update_id + 1
    # what was confirmed is gone for ever, whatever the offset
    again = await bot.get_updates(offset=first[0].update_id)
    assert [one.update_id for one in again] == [rest[0].update_id]


async def test_a_negative_offset_keeps_the_last_ones_only(sandbox: Sandbox, bot: Bot) -> None:
    for text in ("1", "2", "3"):
        await sandbox.say(OWNER, text)
    assert [u.message.text for u in await bot.get_updates(offset=-1) if u.message] == ["3"]
    assert len(await bot.get_updates()) == 1


async def test_a_waiting_poll_gets_the_update_as_it_arrives(sandbox: Sandbox, bot: Bot) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=20))
    await sandbox.wait_for_call("getUpdates")
    await sandbox.say(OWNER, "/stop")
    (update,) = await waiting
    assert update.message is not None
    assert update.message.text == "/stop"


async def test_a_poll_without_news_ends_empty(bot: Bot) -> None:
    assert await bot.get_updates(timeout=0) == ()


async def test_the_older_of_two_pollers_is_told_of_the_conflict(sandbox: Sandbox, bot: Bot) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=20))
    await sandbox.wait_for_call("getUpdates")
    newer = asyncio.create_task(bot.get_updates(timeout=20))
    with pytest.raises(Conflict, match="terminated by other getUpdates request; make sure that"):
        await older
    await sandbox.say(OWNER, "x")
    assert len(await newer) == 1


async def test_only_allowed_kinds_come(sandbox: Sandbox, bot: Bot) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    await sandbox.say(OWNER, "not wanted")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=["message", "callback_query"])
    await sandbox.say(OWNER, "wanted")
    assert len(await bot.get_updates()) == 1


async def test_an_update_can_be_delivered_twice(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.say(OWNER, "/stop")
    (update,) = await bot.get_updates()
    await bot.get_updates(offset=update.update_id + 1)
    assert await sandbox.inject(update.to_dict()) == update.update_id
    (repeated,) = await bot.get_updates(offset=update.update_id)
    assert repeated == update


async def test_any_update_can_be_injected(sandbox: Sandbox, bot: Bot) -> None:
    chat = {"id": OWNER, "type": "private", "first_name": "Olivia"}
    post = {"message_id": 5, "date": 1, "chat": chat, "dice": {"emoji": "🎲", "value": 6}}
    update_id = await sandbox.inject({"message": post})
    (update,) = await bot.get_updates()
    assert update.update_id == update_id
    assert update.message is not None
    assert update.message.dice is not None


async def test_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidToken):
        async with client(sandbox, "424242424:not-the-token-of-this-sandbox"):
            pass
    async with aiohttp.ClientSession() as session:
        for token, code, words in (
            ("424242424:not-the-token-of-this-sandbox", 401, "Unauthorized"),
            ("nonsense", 404, "Not Found"),
        ):
            async with session.get(f"{sandbox.url}/bot{token}/getMe") as answer:
                body = await answer.json()
            assert (answer.status, body["error_code"], body["description"]) == (code, code, words)


async def test_an_unknown_method_is_not_found(sandbox: Sandbox) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.url}/bot{sandbox.token}/sendTelepathy") as answer,
    ):
        assert answer.status == 404
        assert (await answer.json())["description"] == "Not Found: method not found"


async def test_json_form_and_query_are_the_same(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/bot{sandbox.token}/sendMessage"
    body = {"chat_id": OWNER, "text": "<b>x</b>", "parse_mode": "HTML"}
    query = {key: str(given) for key, given in body.items()}
    async with aiohttp.ClientSession() as session:
        for answering in (
            session.post(url, json=body),
            session.post(url, data=body),
            session.get(url, params=query),
        ):
            async with answering as answer:
                assert (await answer.json())["ok"] is True
        async with session.post(url, data="{", headers={"Content-Type": "application/json"}) as bad:
            assert bad.status == 400
    assert [one.html for one in await sandbox.messages(OWNER)] == ["<b>x</b>"] * 3


async def test_a_webhook_gets_each_update_until_it_takes_it(sandbox: Sandbox, bot: Bot) -> None:
    taken: list[tuple[str | None, str]] = []
    answers = [500, 200, 200]
    done = asyncio.Event()

    async def hook(request: web.Request) -> web.Response:
        body = await request.json()
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token")
        taken.append((secret, body["message"]["text"]))
        if len(answers) == 1:
            done.set()
        return web.Response(status=answers.pop(0))

    app = web.Application()
    app.router.add_post("/telegram", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        assert await bot.set_webhook(f"http://127.0.0.1:{port}/telegram", secret_token="s3cret")
        with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
            await bot.get_updates()
        await sandbox.say(OWNER, "first")
        await sandbox.say(TRADER, "second")
        async with asyncio.timeout(10):
            await done.wait()
        assert taken == [("s3cret", "first"), ("s3cret", "first"), ("s3cret", "second")]
        info = await bot.get_webhook_info()
        assert info.url.endswith("/telegram")
        assert info.last_error_message is not None
        assert "500" in info.last_error_message
    finally:
        await runner.cleanup()


async def test_what_a_webhook_did_not_take_waits_for_a_poll(
    sandbox: Sandbox, bot: Bot, unused_tcp_port: int
) -> None:
    await bot.set_webhook(f"http://127.0.0.1:{unused_tcp_port}/telegram")
    await sandbox.say(OWNER, "/stop")
    assert await bot.delete_webhook()
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "/stop"


async def test_a_webhook_elsewhere_is_refused(bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Bad webhook"):
        await bot.set_webhook("https://example.org/hook")


async def test_a_backlog_can_be_dropped(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.say(OWNER, "old")
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_stopping_cuts_a_waiting_poll(sandbox: Sandbox, bot: Bot) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=30))
    await sandbox.wait_for_call("getUpdates")
    await sandbox.stop()
    with pytest.raises(TelegramError) as cut:
        await waiting
    assert not isinstance(cut.value, Conflict)
