"""`quarterdeck doctor`: what it finds, how to mend it, and what it never prints."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.cli.arguments import DoctorArguments
from bot.cli.check_network import _fit_for_streams
from bot.cli.doctor import examine
from bot.cli.findings import Verdict
from bot.sandbox import Sandbox
from bot.settings import SettingsError
from bot.side_door import SideDoor, door_path
from tests.bot.cli.account import account, names, running, traded, url_of
from tests.exchange.binance import LocalBinance
from tests.storage.redis_server import RedisServer

GIVEN = DoctorArguments(env_file=Path(".env"))
SECRETS = ("swordfish-swordfish", "a-metrics-token-nobody-knows")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No `.env` of the checkout, and python-telegram-bot warns unless this is chosen.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running_sandbox:
        yield running_sandbox


@pytest.fixture
async def binance() -> AsyncIterator[LocalBinance]:
    async with LocalBinance() as venue:
        yield venue


@pytest.fixture
def settings(sandbox: Sandbox, binance: LocalBinance, tmp_path: Path) -> dict[str, str]:
    return {
        "TELEGRAM_BOT_TOKEN": sandbox.token,
        "TELEGRAM_API_URL": sandbox.url,
        "OPERATORS": "4242:owner,77:trader",
        "DATABASE_URL": url_of(tmp_path),
        "BINANCE_API_URL": binance.url,
        "PORT": "0",
        "METRICS_TOKEN": SECRETS[1],
    }


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder=folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def told(environ: dict[str, str]) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = await examine(GIVEN, environ, lines.append)
    return code, lines


def of(lines: list[str], subject: str) -> list[str]:
    return [line for line in lines if line[6:].startswith(f"{subject}: ")]


async def test_where_all_is_well_every_line_is_ok_but_the_local_venues_clock(
    settings: dict[str, str], tmp_path: Path
) -> None:
    code, lines = await told(settings)
    # The local venue stands still in time; that alone is wrong.
    assert [line for line in lines if line.startswith("fail")] == of(lines, "clock binance")
    assert code == 1
    assert of(lines, "telegram")[0].startswith("ok    telegram: The bot is @")
    assert "BTC/USDT is 61000.1 to 61000.2" in "\n".join(of(lines, "venue binance"))
    assert of(lines, "database")[0].startswith("ok    database: There is no journal yet")
    assert of(lines, "redis")[0].startswith("ok    redis: Not used")
    assert names(tmp_path) == []


async def test_a_clock_that_is_off_says_by_how_much(settings: dict[str, str]) -> None:
    _, lines = await told(settings)
    (line,) = of(lines, "clock binance")
    assert "ms ahead of the venue's" in line or "ms behind the venue's" in line
    assert "timedatectl" in line


async def test_a_refused_token_is_found_and_not_printed(settings: dict[str, str]) -> None:
    token = "1234:wrong-token-wrong-token"
    code, lines = await told(settings | {"TELEGRAM_BOT_TOKEN": token})
    assert code == 1
    (line,) = of(lines, "telegram")
    assert line.startswith("fail")
    assert "@BotFather" in line
    assert token not in "\n".join(lines)


async def test_a_telegram_that_does_not_answer_is_found(
    settings: dict[str, str], closed_port: int
) -> None:
    address = f"http://127.0.0.1:{closed_port}"
    code, lines = await told(settings | {"TELEGRAM_API_URL": address})
    assert code == 1
    (line,) = of(lines, "telegram")
    assert line.startswith("fail")
    assert "does not answer" in line


async def test_a_venue_that_does_not_answer_is_found(
    settings: dict[str, str], closed_port: int
) -> None:
    address = f"http://127.0.0.1:{closed_port}"
    code, lines = await told(settings | {"BINANCE_API_URL": address})
    assert code == 1
    (line,) = of(lines, "venue binance")
    assert line.startswith("fail")
    assert "take binance out of VENUES" in line


async def test_a_taken_port_is_found(settings: dict[str, str], taken_port: int) -> None:
    code, lines = await told(settings | {"PORT": str(taken_port)})
    assert code == 1
    (line,) = of(lines, "port")
    assert line.startswith(f"fail  port: {taken_port} is taken: set PORT to a free one")


async def test_a_redis_that_does_not_answer_is_found_without_its_password(
    settings: dict[str, str], closed_port: int
) -> None:
    address = f"redis://:{SECRETS[0]}@127.0.0.1:{closed_port}/0"
    code, lines = await told(settings | {"REDIS_URL": address})
    assert code == 1
    (line,) = of(lines, "redis")
    assert line.startswith("fail")
    assert not any(secret in "\n".join(lines) for secret in SECRETS)


async def test_a_redis_that_works_says_how_quick_it_is_and_keeps_nothing(
    settings: dict[str, str], redis_server: RedisServer
) -> None:
    _, lines = await told(settings | {"REDIS_URL": redis_server.url})
    (line,) = of(lines, "redis")
    assert re.fullmatch(
        r"ok    redis: It takes values in and gives them out, in [0-9.]+ ms\.", line
    )
    with redis_server.client as client:
        assert all(0 < int(client.ttl(name)) <= 10 for name in client.keys("*"))


async def test_a_redis_that_is_full_is_found(
    settings: dict[str, str], redis_server: RedisServer
) -> None:
    with redis_server.client as client:
        client.config_set("maxmemory", "1")
    code, lines = await told(settings | {"REDIS_URL": redis_server.url})
    assert code == 1
    (line,) = of(lines, "redis")
    assert line == (
        "fail  redis: Redis is full (maxmemory) and takes nothing in: check REDIS_URL, or leave it "
        "out; run works without it."
    )


async def test_a_redis_is_asked_whether_streams_can_run_over_it(
    settings: dict[str, str], redis_server: RedisServer
) -> None:
    streams = settings | {"REDIS_URL": redis_server.url, "STREAMS": "signals,events"}
    _, lines = await told(streams)
    assert re.match(
        r"ok    redis: Streams can run over it \(Redis [0-9.]+\)\.", of(lines, "redis")[1]
    )
    with redis_server.client as client:
        client.config_set("maxmemory", "100mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
    _, lines = await told(streams)
    assert of(lines, "redis")[1] == (
        "warn  redis: When it is full it throws streams away (maxmemory-policy allkeys-lru): set "
        "noeviction or a volatile policy."
    )


@pytest.mark.parametrize(
    ("version", "fits"), [("6.0.20", False), ("5.0.7", False), ("6.2.0", True), ("10.1.2", True)]
)
def test_streams_need_a_redis_of_6_2(version: str, fits: bool) -> None:
    (found,) = _fit_for_streams({"redis_version": version})
    assert (found.verdict is Verdict.OK) is fits


async def test_a_redis_that_is_too_far_away_is_found(settings: dict[str, str]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(4096):
            await asyncio.sleep(0.08)
            writer.write(b"+OK\r\n" * asked.count(b"*"))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        _, lines = await told(settings | {"REDIS_URL": f"redis://127.0.0.1:{port}"})
    (line,) = of(lines, "redis")
    assert re.fullmatch(
        r"warn  redis: It answers in [0-9.]+ ms, and run gives it up after 50 ms: use one that is "
        r"nearer\.",
        line,
    )


async def test_a_redis_with_another_password_is_found_and_neither_is_printed(
    settings: dict[str, str], redis_server: RedisServer
) -> None:
    with redis_server.client as client:
        client.config_set("requirepass", SECRETS[0])
    code, lines = await told(
        settings | {"REDIS_URL": f"unix://:{SECRETS[0]}x@{redis_server.socket}"}
    )
    assert code == 1
    (line,) = of(lines, "redis")
    assert line.startswith("fail  redis: Redis does not accept the password in REDIS_URL: check")
    assert SECRETS[0] not in "\n".join(lines)


async def test_a_postgres_that_does_not_answer_is_found_without_its_password(
    settings: dict[str, str], closed_port: int
) -> None:
    address = f"postgresql://trader:{SECRETS[0]}@127.0.0.1:{closed_port}/journal"
    code, lines = await told(settings | {"DATABASE_URL": address})
    assert code == 1
    assert of(lines, "database")[0].startswith("fail")
    assert not any(secret in "\n".join(lines) for secret in SECRETS)


async def test_a_folder_that_is_not_there_is_found(
    settings: dict[str, str], tmp_path: Path
) -> None:
    code, lines = await told(settings | {"DATABASE_URL": url_of(tmp_path / "nowhere")})
    assert code == 1
    assert "is not there: make it, or change DATABASE_URL." in of(lines, "database")[0]


@pytest.fixture
def damaged(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").write_bytes(b"this is no database at all" * 100)


@pytest.fixture
def empty(tmp_path: Path) -> None:
    (tmp_path / "quarterdeck.db").touch()


@pytest.mark.usefixtures("empty")
async def test_an_empty_database_is_as_good_as_none(settings: dict[str, str]) -> None:
    _, lines = await told(settings)
    assert of(lines, "database")[0].startswith("ok    database: ")
    assert "holds no journal yet" in of(lines, "database")[0]


@pytest.mark.usefixtures("damaged")
async def test_a_damaged_database_is_found(settings: dict[str, str]) -> None:
    code, lines = await told(settings)
    assert code == 1
    assert "is damaged or is no database" in of(lines, "database")[0]


async def test_a_demos_journal_is_not_taken_for_one_of_run(
    settings: dict[str, str], tmp_path: Path
) -> None:
    await traded(url_of(tmp_path))
    code, lines = await told(settings)
    assert code == 1
    assert "prices are simulated" in of(lines, "database")[0]


async def test_a_journal_of_other_accounts_is_found(
    settings: dict[str, str], tmp_path: Path
) -> None:
    other = account(url_of(tmp_path), venue="kraken")
    await other.start()
    await other.stop()
    _, lines = await told(settings)
    assert any("belongs to kraken, not to binance" in line for line in of(lines, "database"))


async def test_a_console_that_runs_is_asked_how_it_stands(
    settings: dict[str, str], tmp_path: Path
) -> None:
    url = url_of(tmp_path)
    async with running(url) as assembly:
        door = SideDoor(door_path(url), assembly.engine, assembly.clock)
        await door.start()
        _, lines = await told(settings)
        assert of(lines, "process")[0].startswith("ok    process: A console works")
        assert "Trading is ACTIVE." in of(lines, "process")[0]
        await door.stop()
        # And one that holds the journal and does not answer is told apart.
        _, lines = await told(settings)
        assert of(lines, "process")[0].startswith("warn  process: A process holds")
    _, lines = await told(settings)
    assert of(lines, "process") == ["ok    process: No process works on this journal."]


async def test_settings_that_are_wrong_are_all_told(settings: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        await told(settings | {"OPERATORS": "me", "VENUES": "moon"})
    assert len(caught.value.faults) == 2


async def test_live_mode_is_told_without_a_key(settings: dict[str, str]) -> None:
    keys = {"BINANCE_API_KEY": SECRETS[0], "BINANCE_API_SECRET": SECRETS[0]}
    _, lines = await told(settings | keys | {"EXECUTION_MODE": "live"})
    assert "live mode on binance" in of(lines, "configuration")[0]
    assert not any(secret in "\n".join(lines) for secret in SECRETS)


async def test_settings_that_are_set_and_not_read_are_warned_of(settings: dict[str, str]) -> None:
    _, lines = await told(settings | {"KRAKEN_API_KEY": SECRETS[0]})
    assert any(
        line.startswith("warn") and "KRAKEN_API_KEY" in line for line in of(lines, "configuration")
    )
