"""The real process with a strategy on another machine: traded, killed, stopped, told."""

from pathlib import Path

import pytest

from storage.streams_records import StreamNames
from tests.bot.streamed import BUY, Remote
from tests.storage.redis_server import RedisServer
from tests.system.console import until
from tests.system.house import house

pytestmark = pytest.mark.system
BOTH = "signals,events"


@pytest.fixture
def server(tmp_path: Path) -> RedisServer:
    folder = tmp_path / "redis"
    folder.mkdir()
    return RedisServer(folder=folder)


def remote_to(server: RedisServer) -> Remote:
    """Find the one journal that this Redis knows of."""
    with server.client as client:
        (name,) = [name.decode() for name in client.keys("quarterdeck:1:*:events")]
    return Remote(client=server.client, names=StreamNames(journal_id=name.split(":")[2]))


async def test_a_remote_signal_trades_once_across_a_kill_and_a_stop_denies_the_next(
    tmp_path: Path, server: RedisServer
) -> None:
    server.start()
    try:
        async with house(tmp_path, CONFIRM="never", REDIS_URL=server.url, STREAMS=BOTH) as at:
            await at.bind(at.owner)
            await until(lambda: bool(server.client.keys("quarterdeck:1:*:events")), "no stream")
            remote = remote_to(server)
            remote.send(BUY, signal_id="one")
            await at.owner.see("Bought")

            await at.console.kill()
            remote.send(BUY, signal_id="one")
            await at.console.start(at.sandbox)
            await until(remote.is_settled, "the signal was never settled")
            submitted = await at.console.events("OrderSubmitted")
            assert len(submitted) == 1

            await at.owner.tap("STOP")
            await at.owner.see("HALTED")
            remote.send(BUY, signal_id="two")
            await until(remote.is_settled, "the signal was never settled")
            (denied,) = await at.console.events("OrderDenied")
            assert denied["command_id"] == "signal:remote:two"

            assert await at.console.terminate() == 0
            stored = await at.console.events()
            assert [(each["seq"], each["hash"]) for each in stored] == [
                (int(each["seq"]), each["hash"]) for each in remote.events()
            ]
            await at.console.verified()
            for sign in ("level=error", "level=critical", "Warning", "Traceback", "destroyed"):
                assert sign not in at.console.log, at.console.log[-3000:]
    finally:
        server.kill()
