"""The cache over TLS: the address decides whom it trusts."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from storage.cache_records import order_key
from storage.cache_redis import FAILURES_NOTED
from tests.storage.cached import ORDER, found, redis_cache, running, until
from tests.storage.redis_server import RedisServer
from tests.storage.test_postgres import certified

KEY = order_key("qd2345")


@asynccontextmanager
async def tls_to(socket: Path, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Speak TLS on a port of the loopback, and hand on what is said to a plain socket."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        except OSError:
            return
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pipe(reader, outer), pipe(inner, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_redis_behind_tls_is_used_when_the_address_trusts_it_and_is_away_otherwise(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    (tmp_path / "tls").mkdir()
    context, trusted = certified(tmp_path / "tls")
    async with tls_to(redis_server.socket, context) as port:
        address = f"rediss://127.0.0.1:{port}"
        async with running(redis_cache(f"{address}?ssl_ca_certs={trusted}")) as cache:
            cache.put(ORDER)
            # The task has connected: a lookup alone has 50 ms, which a handshake may well need.
            await until(lambda: cache._answered_s > 0)
            assert await found(cache, KEY) == ORDER
        async with running(redis_cache(address)) as stranger:
            await until(lambda: stranger._failures >= FAILURES_NOTED)
            assert stranger.trouble is not None
            assert await stranger.lookup(KEY) is None
