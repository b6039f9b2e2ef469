"""The way to the Bot API over real sockets: what goes out, what comes back, what every fault is."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from telegram import Bot, InputFile
from telegram.error import NetworkError, RetryAfter, TimedOut

from bot.telegram_http import NEVER_SENT, TelegramHttp

TOKEN = "42:a-token-that-is-no-token"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(answer: Answer, *, connections: int = 2) -> AsyncIterator[Bot]:
    """Serve every method with one answer, and give a client that asks there."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with client(f"http://127.0.0.1:{port}", connections) as bot:
            yield bot
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(url: str, connections: int = 2) -> AsyncIterator[Bot]:
    made = [
        TelegramHttp(
            connections=connections,
            connect_s=0.3,
            read_s=0.3,
            certificates=ssl.create_default_context(),
        )
        for _ in range(2)
    ]
    bot = Bot(TOKEN, base_url=f"{url}/bot", request=made[0], get_updates_request=made[1])
    for each in made:
        await each.initialize()
    try:
        yield bot
    finally:
        for each in made:
            await each.shutdown()


async def done(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True, "result": True})


async def test_text_and_files_arrive_as_they_were_given() -> None:
    heard: dict[str, object] = {}

    async def hear(request: web.Request) -> web.Response:
        form = await request.post()
        for name, value in form.items():
            if isinstance(value, web.FileField):
                heard[name] = (value.filename, value.file.read())
            else:
                heard[name] = value
        return await done(request)

    async with served(hear) as bot:
        text = "Bought 0.1 ₿ & 2 % < 3 🟢\nnext"
        await bot.answer_callback_query("17", text)
        assert heard == {"callback_query_id": "17", "text": text}
        heard.clear()
        picture = InputFile(b"\x89PNG bytes", filename="equity.png", attach=False)
        await bot.set_chat_photo(7, picture)
        assert heard == {"chat_id": "7", "photo": ("equity.png", b"\x89PNG bytes")}


async def test_a_connection_is_kept_for_the_next_request() -> None:
    peers = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return await done(request)

    async with served(note) as bot:
        for _ in range(5):
            await bot.send_chat_action(7, "typing")
    assert len(peers) == 1


async def test_a_wish_for_silence_is_told_with_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # as the console sets it

    async def flood(_request: web.Request) -> web.Response:
        body = {"ok": False, "description": "slow down", "parameters": {"retry_after": 7}}
        return web.json_response(body, status=429)

    async with served(flood) as bot:
        with pytest.raises(RetryAfter, match="7"):
            await bot.send_chat_action(7, "typing")


async def test_an_answer_that_does_not_come_in_time_may_have_arrived() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return await done(request)

    async with served(hang) as bot:
        with pytest.raises(TimedOut) as raised:
            await bot.send_chat_action(7, "typing")
        assert not isinstance(raised.value.__cause__, NEVER_SENT)


async def test_an_answer_that_is_cut_off_may_have_arrived() -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return await done(request)

    async with served(cut) as bot:
        with pytest.raises(NetworkError) as raised:
            await bot.send_chat_action(7, "typing")
        assert not isinstance(raised.value.__cause__, NEVER_SENT)


async def test_what_found_nobody_was_never_sent() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with client(f"http://127.0.0.1:{port}") as bot:
        with pytest.raises(NetworkError) as raised:
            await bot.send_chat_action(7, "typing")
        assert isinstance(raised.value.__cause__, NEVER_SENT)


async def test_what_got_no_connection_of_the_pool_was_never_sent() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        arrived.set()
        await go_on.wait()
        return await done(request)

    async with served(hold, connections=1) as bot:
        first = asyncio.create_task(bot.send_chat_action(7, "typing", read_timeout=9))
        await arrived.wait()
        with pytest.raises(TimedOut) as raised:
            await bot.send_chat_action(7, "typing")
        assert isinstance(raised.value.__cause__, NEVER_SENT)
        go_on.set()
        assert await first


async def test_no_fault_repeats_the_token() -> None:
    async def cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return await done(request)

    async with served(cut) as bot:
        with pytest.raises(NetworkError) as raised:
            await bot.send_chat_action(7, "typing")
        fault: BaseException | None = raised.value
        while fault is not None:
            assert TOKEN not in f"{fault!s} {fault!r}"
            fault = fault.__cause__ or fault.__context__


async def test_a_closed_client_says_so() -> None:
    closed = TelegramHttp(
        connections=1, connect_s=0.3, read_s=0.3, certificates=ssl.create_default_context()
    )
    await closed.initialize()
    await closed.shutdown()
    with pytest.raises(RuntimeError, match="closed"):
        await closed.do_request("http://127.0.0.1:9/", "POST")
