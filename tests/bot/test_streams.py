"""Signals in from another machine and events out to it, over a real Redis and a paper account."""

import asyncio
import contextlib
import json
import logging
import re
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.assembly import Assembly, assembled
from bot.gauges import Gauges
from bot.metrics import Metrics
from bot.settings import SettingsError, load_settings
from engine import commands as c
from engine import events as e
from engine.errors import JournalLocked, JournalUnavailable
from engine.receipts import Receipt
from engine.signals import SignalAction, TradingSignal
from storage.chain import GENESIS
from storage.codec import linked
from storage.endings import ended
from storage.streams_consumer import DELIVERIES_MAX, IN_FLIGHT_MAX
from storage.streams_records import StreamNames
from tests.bot.streamed import (
    BUY,
    Remote,
    account,
    journaled,
    plan_of,
    remote_to,
    second_consumer,
)
from tests.storage.cached import until
from tests.storage.redis_server import RedisServer

WISH = TradingSignal(
    symbol="BTC/USDT", action=SignalAction.BUY, quantity=Decimal("0.001"), strategy="here"
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    built = RedisServer(folder=folder)
    built.start()
    yield built
    built.kill()


async def caught_up(remote: Remote, assembly: Assembly) -> None:
    """Wait until every signal is settled and every event is out, and the account knows it.

    Redis has an entry before its answer is back here, and the account may yet write one more.
    """
    await until(remote.is_settled)

    def is_out() -> bool:
        figures, events = assembly.streams.figures(), remote.events()
        return (
            figures.is_well is True
            and figures.events_behind == 0
            and figures.signals_pending == 0
            and bool(events)
            and last(events) == assembly.engine.state.seq
        )

    await until(is_out)


async def command_ids(assembly: Assembly) -> list[str]:
    """Name the commands by which signals were received, in the journal's order."""
    return [str(each.event.command_id) for each in await journaled(assembly, e.SignalReceived)]


def last(events: list[dict[str, str]]) -> int:
    return int(events[-1]["id"].partition("-")[0])


def sound(events: list[dict[str, str]]) -> None:
    """See that nothing is missing, doubled or out of order, by numbers and by the chain."""
    numbers = [int(each["seq"]) for each in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert [each["id"] for each in events] == [f"{number}-0" for number in numbers]
    link = GENESIS if numbers[0] == 1 else None
    for each in events:
        if link is not None:
            assert each["hash"] == linked(
                link,
                int(each["seq"]),
                each["at"],
                kind=each["kind"],
                version=int(each["version"]),
                payload=each["payload"].encode(),
            )
        link = each["hash"]


async def test_a_signal_comes_in_and_all_that_follows_goes_out_as_the_journal_has_it(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)

        remote.send(BUY, signal_id="first")
        await until(lambda: "FillBooked" in {each["kind"] for each in remote.events()})
        await caught_up(remote, assembly)

        # The stream first: an account that goes on may write between the two readings.
        out, stored = remote.events(), await journaled(assembly)
        assert [(each.seq, each.kind, each.hash) for each in stored[: len(out)]] == [
            (int(each["seq"]), each["kind"], each["hash"]) for each in out
        ]
        sound(out)
        (received,) = [each for each in out if each["kind"] == "SignalReceived"]
        payload = json.loads(received["payload"])
        assert payload["command_id"] == "signal:remote:first"
        assert payload["actor"] == {
            "kind": "strategy", "name": "remote", "user_id": None, "role": None, "chat_id": None,
            "with_code": False,
        }  # fmt: skip
        (order,) = [each for each in out if each["kind"] == "OrderSubmitted"]
        assert json.loads(order["payload"])["order"]["strategy"] == "remote"
        page = Gauges(Metrics(), assembly).render().decode()
        assert 'quarterdeck_stream_signals{outcome="consumed"} 1.0' in page
        assert "quarterdeck_streams_up 1.0" in page
        assert "quarterdeck_stream_events_behind 0.0" in page
        assert assembly.fault() is None


async def test_a_signal_sent_again_is_consumed_once_and_one_without_an_id_by_its_entry(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        for _ in range(3):
            remote.send(BUY, signal_id="twin")
        nameless = [remote.send(BUY) for _ in range(2)]
        await until(remote.is_settled)

        received = await command_ids(assembly)
        assert Counter(received) == Counter(
            ["signal:remote:twin", *(f"stream:{entry_id}" for entry_id in nameless)]
        )
        figures = assembly.streams.figures()
        assert (figures.signals_consumed, figures.signals_repeated) == (3, 2)


POISON: list[tuple[dict[str, str | bytes], str]] = [
    ({"version": "1", "signal": "{"}, "cannot be read"),
    ({"version": "2", "signal": "{}"}, "Version '2' is not known"),
    ({"signal": "{}"}, "the two fields version and signal"),
    ({"version": "1", "signal": "{}", "more": "1"}, "the two fields version and signal"),
    ({"version": "1", "signal": b"\xff\xfe\x00"}, "cannot be read"),
    ({"version": "1", "signal": "[" * 5000}, "cannot be read"),
    ({"version": "1", "signal": "x" * 100_000}, "has 100014 bytes"),
]
WRONG: list[tuple[dict[str, object], str]] = [
    ({"quantity": "NaN"}, "finite"),
    ({"quantity": "-1"}, "above zero"),
    ({"quantity": 1e300}, "at most 1e18"),
    ({"venue": "mtgox"}, "no venue mtgox"),
    ({"symbol": "NOPE/USDT"}, "No symbol NOPE/USDT"),
    ({"symbol": ""}, "symbol"),
    ({"action": "hodl"}, "action must be"),
    ({"strategy": "manual"}, "is not manual"),
    ({"strategy": "a:b"}, "no colon"),
    ({"stop_los": "1"}, "unknown field `stop_los`"),
    ({"stop_loss": "61000", "price_limit": "60000"}, "stop below the price"),
    ({"stop_loss": "900000"}, "stop below the price"),
    ({"stop_loss": "100", "targets": [{"price": "99"}]}, "stop below its targets"),
    ({"created_at": "2026-01-01T00:00:00"}, "time zone"),
    ({"created_at": "2999-01-01T00:00:00Z"}, "future"),
    ({"notional": "100"}, "one size"),
    ({"confidence": "NaN"}, "finite"),
    ({"signal_id": "x" * 200}, "1 to 128"),
]


async def test_poison_is_set_aside_with_its_reason_and_the_next_signal_goes_through(
    tmp_path: Path, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        expected = {remote.add(fields): words for fields, words in POISON}
        expected |= {remote.send(BUY, **changes): words for changes, words in WRONG}
        remote.send(BUY, signal_id="good")
        await until(remote.is_settled)

        aside = {each["id"]: each for each in remote.rejected()}
        assert aside.keys() == expected.keys()
        for entry_id, words in expected.items():
            assert words in aside[entry_id]["reason"], aside[entry_id]
            assert len(aside[entry_id]["entry"]) <= 2048
        (submitted,) = await journaled(assembly, e.OrderSubmitted)
        assert submitted.event.command_id == "signal:remote:good"
        # Redis has settled the last one before its answer is back here.
        await until(lambda: assembly.streams.figures().signals_rejected == len(expected))
        # A flood of poison is no flood of lines.
        assert len([one for one in caplog.messages if "set aside" in one]) == 1


async def test_an_entry_whose_own_id_lies_about_its_time_is_set_aside(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        signal = json.dumps(BUY)
        old = remote.add({"version": "1", "signal": signal}, "5-1")
        ahead = remote.add({"version": "1", "signal": signal}, "99999999999999-1")
        beyond = remote.add({"version": "1", "signal": signal}, "9999999999999999999-1")
        await until(remote.is_settled)

        assert {each["id"] for each in remote.rejected()} == {ahead, beyond}
        (denied,) = await journaled(assembly, e.OrderDenied)
        assert isinstance(denied.event, e.OrderDenied)
        assert denied.event.command_id == f"stream:{old}"
        assert {breach.rule for breach in denied.event.breaches} == {"signal_age"}


async def test_a_halted_engine_consumes_a_signal_and_denies_it_with_the_reason(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        engine = assembly.engine
        await engine.send(c.Halt(command_id="stop", actor=c.ENGINE, at=assembly.clock.now()))

        remote.send(BUY, signal_id="late")
        await caught_up(remote, assembly)

        (denied,) = [each for each in remote.events() if each["kind"] == "OrderDenied"]
        assert "trading_state" in denied["payload"]
        assert remote.rejected() == []
        assert await journaled(assembly, e.OrderSubmitted) == []


async def test_a_consumer_killed_between_journal_and_ack_leaves_a_signal_that_is_not_traded_twice(
    tmp_path: Path, server: RedisServer
) -> None:
    child = await create_subprocess_exec(
        sys.executable, "-m", "tests.bot.streamed", str(tmp_path), server.url,
        cwd=ROOT, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        await until((tmp_path / "journal_id").exists)
        names = (tmp_path / "journal_id").read_text
        await until(lambda: bool(names()))
        remote = Remote(client=server.client, names=StreamNames(journal_id=names()))
        entry_id = remote.send(BUY, signal_id="once")
        async with asyncio.timeout(30):
            await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == -9
    assert remote.pending() == 1

    age(remote, entry_id)
    async with account(tmp_path, server.url) as assembly:
        await caught_up(remote, assembly)

        assert len(await journaled(assembly, e.SignalReceived)) == 1
        assert len(await journaled(assembly, e.OrderSubmitted)) == 1
        figures = assembly.streams.figures()
        assert (figures.signals_consumed, figures.signals_repeated) == (0, 1)
        sound(remote.events())


def age(remote: Remote, entry_id: str, *, deliveries: int = 1) -> None:
    """Let an entry look as if a consumer that died had it for a minute."""
    remote.client.execute_command(
        "XCLAIM", remote.names.signals, "engine", "dead", 0, entry_id,
        "IDLE", 60_000, "RETRYCOUNT", deliveries,
    )  # fmt: skip


async def test_what_a_dead_consumer_holds_is_taken_over_and_given_up_after_too_many_deliveries(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url, on=("events",)) as assembly:
        remote = remote_to(server, assembly)
    remote.client.xgroup_create(remote.names.signals, "engine", id="0", mkstream=True)
    sent = {name: remote.send(BUY, signal_id=name) for name in ("fresh", "worn", "gone")}
    remote.client.xreadgroup("engine", "dead", {remote.names.signals: ">"})
    age(remote, sent["fresh"])
    age(remote, sent["worn"], deliveries=DELIVERIES_MAX)
    age(remote, sent["gone"])
    remote.client.xdel(remote.names.signals, sent["gone"])

    async with account(tmp_path, server.url) as assembly:
        await until(remote.is_settled)

        (received,) = await journaled(assembly, e.SignalReceived)
        assert received.event.command_id == "signal:remote:fresh"
        (aside,) = remote.rejected()
        assert aside["id"] == sent["worn"]
        assert "Delivered 6 times" in aside["reason"]


async def test_what_was_consumed_and_never_settled_is_no_poison(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        entry_id = remote.send(BUY, signal_id="worn")
        await until(remote.is_settled)
    remote.client.execute_command(
        "XCLAIM", remote.names.signals, "engine", "dead", 0, entry_id,
        "IDLE", 60_000, "RETRYCOUNT", 50, "FORCE",
    )  # fmt: skip
    assert remote.pending() == 1

    async with account(tmp_path, server.url) as assembly:
        await until(remote.is_settled)

        assert remote.rejected() == []
        assert assembly.streams.figures().signals_repeated == 1


async def test_two_consumers_share_the_work_and_each_signal_is_consumed_once(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url, on=("events",)) as assembly:
        remote = remote_to(server, assembly)
        pair = [second_consumer(assembly, server, name) for name in ("one", "two")]
        for number in range(120):
            remote.send(BUY, signal_id=str(number % 60))

        tasks = [asyncio.create_task(consumer.run()) for consumer in pair]
        try:
            await until(remote.is_settled)
        finally:
            # redis-py swallows a cancellation now and then, so one alone may end nothing.
            for task in tasks:
                await ended(task)
            for consumer in pair:
                await consumer.end()

        received = await command_ids(assembly)
        assert sorted(received) == sorted(f"signal:remote:{number}" for number in range(60))
        tallies = [consumer.tally for consumer in pair]
        assert sum(tally.consumed for tally in tallies) == 60
        assert sum(tally.repeated for tally in tallies) == 60


async def test_a_flush_in_the_middle_costs_no_event_and_no_later_signal(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        remote.send(BUY, signal_id="before")
        await caught_up(remote, assembly)

        remote.client.flushall()
        remote.send(BUY, signal_id="before")
        remote.send(BUY, signal_id="after")
        await caught_up(remote, assembly)

        sound(remote.events())
        assert remote.events()[0]["seq"] == "1"
        received = await command_ids(assembly)
        assert sorted(received) == ["signal:remote:after", "signal:remote:before"]


async def test_a_redis_that_is_killed_delays_no_trade_is_noted_once_and_gets_every_event_later(
    tmp_path: Path, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        await caught_up(remote, assembly)
        server.kill()

        assert (await assembly.engine.execute_signal(WISH, "binance")).success
        await until(lambda: both_noted(assembly))
        fault = assembly.fault()
        assert fault is not None
        assert "Redis" in fault.text
        assert (await assembly.engine.execute_signal(WISH, "binance")).success
        figures = assembly.streams.figures()
        assert figures.is_well is False
        assert figures.events_behind is not None
        assert figures.events_behind > 0

        server.start()
        await until(remote.has_group)
        remote.send(BUY, signal_id="after")
        await caught_up(remote, assembly)
        await until(lambda: assembly.streams.fault() is None)

        sound(remote.events())
        warned = [
            one.getMessage()
            for one in caplog.records
            if one.levelno >= logging.WARNING and one.name == "storage.streams"
        ]
        # One for each of the two streams.
        assert sorted(one.partition("; ")[2] for one in warned) == [
            "events wait in the journal, trading goes on",
            "signals wait in Redis, trading goes on",
        ]


def both_noted(assembly: Assembly) -> bool:
    """Tell whether each of the two streams has noted its outage."""
    parts = (assembly.streams._publisher, assembly.streams._consumer)
    return all(part is not None and part.link.trouble is not None for part in parts)


async def test_a_full_redis_gets_every_event_in_order_once_there_is_room(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url, on=("events",)) as assembly:
        remote = remote_to(server, assembly)
        await until(lambda: bool(remote.events()))
        remote.client.config_set("maxmemory", "1")
        assert (await assembly.engine.execute_signal(WISH, "binance")).success
        await until(lambda: assembly.streams.fault() is not None)
        assert last(remote.events()) < assembly.engine.state.seq

        remote.client.config_set("maxmemory", "0")
        await until(lambda: last(remote.events()) == assembly.engine.state.seq)

        sound(remote.events())


async def test_poison_in_a_full_redis_keeps_no_signal_waiting_and_is_set_aside_later(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url, on=("signals",)) as assembly:
        remote = remote_to(server, assembly)
        await until(remote.is_settled)
        pipeline = remote.client.pipeline(transaction=True)
        for fields in (
            {"version": "9", "signal": "{}"},
            {"version": "1", "signal": json.dumps(BUY)},
        ):
            pipeline.xadd(remote.names.signals, fields)
        pipeline.config_set("maxmemory", "1")
        pipeline.execute()

        await until(lambda: assembly.streams.figures().signals_consumed == 1)
        assert remote.pending() == 1
        remote.client.config_set("maxmemory", "0")
        (left,) = remote.client.xpending_range(remote.names.signals, "engine", "-", "+", 5)
        age(remote, left["message_id"].decode())
        await until(remote.is_settled)

        assert len(remote.rejected()) == 1


async def test_a_restart_goes_on_where_the_stream_ends_and_the_end_itself_goes_out(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        await caught_up(remote, assembly)
    async with account(tmp_path, server.url) as assembly:
        await caught_up(remote, assembly)

    out = remote.events()
    sound(out)
    assert [each["kind"] for each in out if each["kind"].startswith("Engine")] == [
        "EngineStarted", "EngineEnded", "EngineStarted", "EngineEnded",
    ]  # fmt: skip


@pytest.mark.parametrize("entry_id", ["3-0", "1700000000000-0", "7-3"])
async def test_a_stream_of_another_history_is_kept_aside_and_begun_anew(
    tmp_path: Path, server: RedisServer, entry_id: str
) -> None:
    async with account(tmp_path, server.url, on=("signals",)) as assembly:
        remote = remote_to(server, assembly)
    remote.client.xadd(remote.names.events, {"hash": "f" * 64}, id=entry_id)

    async with account(tmp_path, server.url) as assembly:
        await caught_up(remote, assembly)

    sound(remote.events())
    (kept,) = remote.client.keys(f"{remote.names.events}:aside:*")
    assert remote.client.xlen(kept) == 1
    assert 0 < remote.client.ttl(kept) <= 7 * 86_400


async def test_a_burst_is_taken_in_bounded_portions_and_in_order(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        most = 0

        def watch(_event: e.Event, _state: object, _received_s: float) -> None:
            nonlocal most
            most = max(most, remote.pending())

        assembly.engine.loop.subscribe(watch)
        for number in range(100):
            remote.send(BUY, signal_id=str(number))
        await until(remote.is_settled)

        received = await command_ids(assembly)
        assert received == [f"signal:remote:{number}" for number in range(100)]
        assert 0 < most <= IN_FLIGHT_MAX


async def test_the_strategy_of_the_documentation_trades_from_another_process(
    tmp_path: Path, server: RedisServer
) -> None:
    text = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in program.splitlines() if line.strip()]) <= 24
    (tmp_path / "strategy.py").write_text(program)

    async with account(tmp_path, server.url) as assembly:
        remote = remote_to(server, assembly)
        await caught_up(remote, assembly)
        child = await create_subprocess_exec(
            sys.executable, "-W", "error", "strategy.py", server.url, remote.names.journal_id,
            cwd=tmp_path, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            out, err = await child.communicate()

        assert (child.returncode, err.decode()) == (0, "")
        kinds = [line.split()[1] for line in out.decode().splitlines()]
        assert kinds[0] == "SignalReceived"
        assert kinds[-1] == "FillBooked"
        (order,) = assembly.engine.state.orders_finished.values()
        assert order.strategy == "reversion"


async def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    async def deaf() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await ended(task)

    assert task.cancelled()


async def test_signals_are_held_while_the_journal_is_away_and_nothing_is_taken_meanwhile(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url, on=("events",)) as assembly:
        remote = remote_to(server, assembly)
        consumer, away = second_consumer(assembly, server, "one"), [True]
        asked = 0

        async def submit(command: c.SubmitSignal) -> Receipt:
            nonlocal asked
            asked += 1
            if away[0]:
                raise JournalUnavailable("The disk is full.")
            return await assembly.engine.send(command)

        consumer._intake = replace(consumer._intake, submit=submit)
        task = asyncio.create_task(consumer.run())
        for number in range(IN_FLIGHT_MAX * 2):
            remote.send(BUY, signal_id=str(number))
        await until(lambda: asked >= 3)
        assert remote.pending() <= IN_FLIGHT_MAX
        assert await journaled(assembly, e.SignalReceived) == []

        away[0] = False
        await until(remote.is_settled)
        await ended(task)
        await consumer.end()

        assert len(await journaled(assembly, e.SignalReceived)) == IN_FLIGHT_MAX * 2
        assert remote.rejected() == []


ENVIRON = {"TELEGRAM_BOT_TOKEN": "1:a", "OPERATORS": "1:owner"}
REDIS = {**ENVIRON, "REDIS_URL": "redis://localhost"}


@pytest.mark.parametrize(
    ("environ", "streams"),
    [
        (REDIS, ()),
        (REDIS | {"STREAMS": "events, Signals"}, ("signals", "events")),
        (REDIS | {"STREAMS": "events"}, ("events",)),
        (ENVIRON | {"STREAMS": "events"}, ()),
    ],
)
def test_streams_are_off_unless_both_settings_are_there(
    environ: dict[str, str], streams: tuple[str, ...]
) -> None:
    settings = load_settings(environ, for_command="run")

    assert settings.streams == streams
    assert bool(settings.warnings) is ("REDIS_URL" not in environ)


def test_an_unknown_stream_is_refused_with_a_sentence() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(REDIS | {"STREAMS": "orders"}, for_command="run")

    assert refused.value.faults == ("STREAMS holds 'orders': give signals and events, or one.",)


async def test_an_account_that_is_refused_ends_its_streams_without_having_begun_them(
    tmp_path: Path, server: RedisServer
) -> None:
    async with account(tmp_path, server.url) as active:
        second = assembled(plan_of(tmp_path, server.url), active.market)
        with pytest.raises(JournalLocked):
            await second.start()
