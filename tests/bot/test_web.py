"""The HTTP side: alive while the process lives, ready only while active, metrics behind a token."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bot.secret import Secret
from bot.web import PortTaken, Readiness, Web

ACTIVE = Readiness(active=True, reason="active")
STANDBY = Readiness(active=False, reason="standby: another process holds the lease")
TIMEOUT = aiohttp.ClientTimeout(total=10)


def port_of(session: aiohttp.ClientSession) -> int:
    address = session._base_url
    assert address is not None
    assert address.port is not None
    return address.port


@asynccontextmanager
async def serving(
    readiness: Readiness = ACTIVE, token: Secret | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    web = Web(
        port=0,
        host="127.0.0.1",
        ready=lambda: readiness,
        metrics=lambda: b"quarterdeck_fills_total 7.0\n",
        metrics_token=token,
    )
    await web.start()
    try:
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{web.port}", timeout=TIMEOUT
        ) as session:
            yield session
    finally:
        await web.stop()


@pytest.mark.parametrize("readiness", [ACTIVE, STANDBY])
async def test_a_living_process_is_healthy_even_in_standby(readiness: Readiness) -> None:
    async with serving(readiness) as session, session.get("/healthz") as answer:
        assert answer.status == 200
        assert await answer.json() == {"alive": True}


async def test_only_the_active_process_is_ready() -> None:
    async with serving(ACTIVE) as session, session.get("/readyz") as answer:
        assert answer.status == 200
        assert await answer.json() == {"ready": True, "reason": "active"}


async def test_a_process_that_is_not_ready_says_why() -> None:
    async with serving(STANDBY) as session, session.get("/readyz") as answer:
        assert answer.status == 503
        assert await answer.json() == {"ready": False, "reason": STANDBY.reason}


async def test_metrics_are_not_there_without_a_token() -> None:
    async with serving() as session:
        async with session.get("/metrics") as answer:
            assert answer.status == 404
        async with session.get("/metrics", headers={"Authorization": "Bearer "}) as answer:
            assert answer.status == 404


async def test_metrics_are_shown_to_the_bearer_of_the_token() -> None:
    async with (
        serving(token=Secret("s3cret")) as session,
        session.get("/metrics", headers={"Authorization": "Bearer s3cret"}) as answer,
    ):
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        assert await answer.read() == b"quarterdeck_fills_total 7.0\n"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"],
)
async def test_metrics_are_refused_to_everybody_else(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}

    async with (
        serving(token=Secret("s3cret")) as session,
        session.get("/metrics", headers=headers) as answer,
    ):
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert b"fills" not in await answer.read()


async def test_a_token_beyond_ascii_is_compared_and_not_an_error() -> None:
    async with (
        serving(token=Secret("s3cret")) as session,
        session.get("/metrics", headers={"Authorization": "Bearer s3crét"}) as answer,
    ):
        assert answer.status == 401


async def test_bytes_that_are_no_text_are_refused_as_a_wrong_token() -> None:
    async with serving(token=Secret("s3cret")) as session:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(session))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")

        status_line = await asyncio.wait_for(reader.readline(), timeout=10)

        writer.close()
        await writer.wait_closed()
        assert status_line.startswith(b"HTTP/1.1 401")


async def test_a_taken_port_is_one_clear_sentence() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        web = Web(
            port=port,
            host="127.0.0.1",
            ready=lambda: ACTIVE,
            metrics=lambda: b"",
            metrics_token=None,
        )

        with pytest.raises(PortTaken, match=f"Port {port} is taken: set PORT to a free one, or "):
            await web.start()
        await web.stop()


async def test_a_stopped_server_gives_its_port_back() -> None:
    web = Web(
        port=0, host="127.0.0.1", ready=lambda: ACTIVE, metrics=lambda: b"", metrics_token=None
    )
    await web.start()
    first = web.port
    await web.stop()
    await web.stop()

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", first)) != 0
