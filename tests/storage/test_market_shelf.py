"""What lies on the shelf is whole or not there, and a shelf that is lost costs nothing but time."""

import asyncio
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.venues.live.market_store import Shelf
from storage.market_shelf import PREFIX, DiskShelf, RedisShelf
from tests.storage.redis_server import RedisServer

CONTENT = b"some markets\n" * 1000


@pytest.fixture(params=["disk", "redis"])
def shelf_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Shelf]:
    """Make a shelf in the same place, as a console that starts again does."""
    if request.param == "disk":
        return lambda: DiskShelf(tmp_path / "cache")
    server: RedisServer = request.getfixturevalue("redis_server")
    return lambda: RedisShelf(server.url)


async def test_what_is_written_is_there_for_the_next_start(shelf_of: Callable[[], Shelf]) -> None:
    assert await shelf_of().read("markets-a") is None
    await shelf_of().write("markets-a", b"old", keep_s=60)
    await shelf_of().write("markets-a", CONTENT, keep_s=60)
    await shelf_of().write("markets-b", b"", keep_s=60)

    assert await shelf_of().read("markets-a") == CONTENT
    assert await shelf_of().read("markets-b") == b""


@pytest.mark.parametrize(
    "damaged",
    [b"", b"no such thing", zlib.compress(CONTENT)[:-4]],
    ids=["empty", "foreign", "cut"],
)
async def test_a_damaged_file_is_as_none(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "markets-a").write_bytes(damaged)

    assert await DiskShelf(tmp_path).read("markets-a") is None


async def test_nobody_reads_a_half_written_file(tmp_path: Path) -> None:
    shelf = DiskShelf(tmp_path)
    await shelf.write("markets-a", CONTENT, keep_s=60)
    writes = [shelf.write("markets-a", CONTENT, keep_s=60) for _ in range(20)]
    reads = [shelf.read("markets-a") for _ in range(20)]

    *_, found = await asyncio.gather(*writes, asyncio.gather(*reads))

    assert found == [CONTENT] * 20
    assert os.listdir(tmp_path) == ["markets-a"], "no draft stays"  # noqa: PTH208 - it is a test


async def test_a_folder_that_cannot_be_written_is_put_up_with(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    shelf = DiskShelf(tmp_path / "cache")

    await shelf.write("markets-a", CONTENT, keep_s=60)

    assert await shelf.read("markets-a") is None


async def test_in_redis_it_goes_when_its_time_is_over(redis_server: RedisServer) -> None:
    await RedisShelf(redis_server.url).write("markets-a", CONTENT, keep_s=60)

    with redis_server.client as client:
        assert 0 < client.ttl(f"{PREFIX}markets-a") <= 60
        client.set(f"{PREFIX}markets-a", b"no such thing")
    assert await RedisShelf(redis_server.url).read("markets-a") is None


async def test_without_redis_there_is_nothing_on_the_shelf(redis_server: RedisServer) -> None:
    redis_server.kill()
    shelf = RedisShelf(redis_server.url)

    await shelf.write("markets-a", CONTENT, keep_s=60)

    assert await shelf.read("markets-a") is None
