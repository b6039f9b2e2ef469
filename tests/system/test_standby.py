"""Two real processes on one account: killed, paused, cut off, ended; each wish is done once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.postgres_server import PostgresServer, started
from tests.storage.redis_server import RedisServer
from tests.system.pair import pair, pause, resume

pytestmark = [pytest.mark.system, pytest.mark.postgres]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    server = started()
    yield server
    server.remove()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder=folder)
    server.start()
    yield server
    server.kill()


async def test_a_standby_takes_over_from_one_that_was_killed_and_from_one_that_was_ended(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with pair(tmp_path, postgres) as both:
        # given one that trades and one that waits
        await both.buy()
        assert (await both.answer(both.two, "/healthz"))[0] == 200
        status, why = await both.answer(both.two, "/readyz")
        assert status == 503
        assert "standby: process" in why
        assert "quarterdeck_active 0.0" in (await both.answer(both.two, "/metrics"))[1]

        # when the first one dies without a word, and something is wished for meanwhile
        await both.one.kill()
        text, quantity = both.wish()
        await both.owner.say(text)
        await both.until_taken(2)

        # then the second one does it, and goes on
        await both.bought(quantity)
        await both.until_ready(both.two)
        assert "quarterdeck_active 1.0" in (await both.answer(both.two, "/metrics"))[1]
        await both.buy()
        await both.agreed()

        # when the dead one comes back it waits, and once the other is ended it takes over at once
        await both.begin(both.one)
        await both.buy()
        text, quantity = both.wish()
        assert await both.two.terminate() == 0
        await both.owner.say(text)
        await both.until_taken(3)
        await both.bought(quantity)
        await both.buy()
        await both.agreed()
        # and a shell reaches the one that is active by now, wherever it is run
        stopped = await both.two.shell("stop")
        assert (stopped.code, stopped.err) == (0, ""), stopped.out
        await both.owner.see("HALTED")
        assert await both.one.terminate() == 0
        for process in (both.one, both.two):
            for sign in ("level=error", "level=critical", "Traceback", "was destroyed"):
                assert sign not in process.log, process.log[-3000:]


async def test_one_that_was_paused_and_wakes_up_sends_nothing_and_ends(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with pair(tmp_path, postgres) as both:
        await both.buy()
        # when the active one is paused in the middle of something
        await both.owner.say(both.wish()[0])
        pause(both.one)
        await both.until_taken(2)
        await both.until_ready(both.two)
        stored = both.ask("SELECT max(seq) FROM journal")

        # and wakes up with a wish that came meanwhile
        resume(both.one)
        assert both.one.process is not None
        async with asyncio.timeout(20):
            code = await both.one.process.wait()

        # then it says why it ends, and has stored nothing
        assert code == 1
        assert "has taken over this account" in both.one.log
        assert stored <= both.ask("SELECT max(seq) FROM journal")
        assert len(await both.events("EngineStarted")) == 2
        assert await both.events("EngineEnded") == []
        # and the other one goes on, and what was under way is done once, or is asked about
        await both.owner.ask("/mode", "PAPER")
        await both.agreed(unanswered=1)


async def test_both_outlive_their_database_and_their_redis(
    tmp_path: Path, postgres: PostgresServer, redis: RedisServer
) -> None:
    async with pair(tmp_path, postgres, redis) as both:
        await both.buy()
        # when the database dies under both, and comes back
        await asyncio.to_thread(postgres.stop, "immediate")
        await both.owner.ask("/buy btc 250 usdt", "Nothing was sent")
        postgres.start()
        # then the one that was active still is
        await both.until_ready(both.one)
        await both.buy()
        assert both.token() == 1
        await both.agreed()
        # when Redis is gone nobody misses it
        redis.kill()
        await both.buy()
        await both.one.kill()
        await both.until_taken(2)
        await both.buy()
        redis.start()
        await both.buy()
        await both.agreed()
        # and one that waits ends when it is asked to
        await both.begin(both.one)
        assert await both.one.terminate() == 0
        assert both.token() == 2
        for process in (both.one, both.two):
            for sign in ("level=error", "level=critical", "Traceback", "ResourceWarning"):
                assert sign not in process.log, process.log[-3000:]
