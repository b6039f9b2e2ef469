"""What only a server can do to a journal: be lost in a commit, hang, refuse, or be a copy."""

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from psycopg import sql
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError

from engine.errors import AppendUncertain, JournalCorrupt, JournalLocked, JournalUnavailable
from engine.ports import Step
from engine.state import State
from storage import postgres as home
from storage import tables as t
from storage.database import Database
from storage.gate import BACKOFF_S_MAX, Gate
from storage.journal import SqlJournal
from tests.storage.damage import damaging
from tests.storage.postgres_server import PostgresServer
from tests.storage.story import Story
from tests.storage.wire import Cut, Wire, wire_to

pytestmark = pytest.mark.postgres
NOTE = {"scope": "s", "name": "n", "value": "v"}


@pytest.fixture
async def wire(postgres: PostgresServer) -> AsyncIterator[Wire]:
    async with wire_to(postgres.port) as wire:
        yield wire


@pytest.fixture
async def name(postgres: PostgresServer) -> AsyncIterator[str]:
    name = postgres.fresh()
    yield name
    postgres.drop(name)


@pytest.fixture
async def journal(postgres: PostgresServer, name: str, wire: Wire) -> AsyncIterator[SqlJournal]:
    """A journal at the far end of a wire."""
    journal = SqlJournal(Database(postgres.url(name, port=wire.port)))
    await journal.open()
    yield journal
    await journal.close()


def one(story: Story) -> tuple[Step, State, State]:
    (told,) = story.steps(1)
    return told


async def append(journal: SqlJournal, told: tuple[Step, State, State]) -> None:
    step, before, after = told
    await journal.append([step], before, after)


@pytest.mark.parametrize("cut", [Cut.BEFORE_COMMIT, Cut.AFTER_COMMIT])
async def test_a_commit_whose_answer_is_lost_is_settled_by_the_stored_tail(
    journal: SqlJournal, wire: Wire, cut: Cut
) -> None:
    story = Story(seed=41)
    await append(journal, one(story))
    told = one(story)
    wire.cut = cut
    if cut is Cut.BEFORE_COMMIT:
        with pytest.raises(JournalUnavailable, match="was not stored"):
            await append(journal, told)
        await append(journal, told)
    else:
        await append(journal, told)
    await append(journal, one(story))
    assert await journal.open() == story.state
    assert (await journal.verify()).faults == ()


async def test_a_commit_that_is_still_under_way_is_not_taken_for_lost(
    journal: SqlJournal, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(seed=42)
    await append(journal, one(story))
    monkeypatch.setattr(home.PatientConnection, "answer_s", 0.3)
    wire.cut = Cut.HELD
    told = one(story)
    # It may be stored at any time yet: whoever read the tail now would find nothing.
    with pytest.raises(AppendUncertain, match="may or may not be stored"):
        await append(journal, told)
    with pytest.raises(JournalUnavailable):
        await journal.open()
    monkeypatch.undo()
    wire.let_go()
    assert await opened(journal) == told[2]
    await append(journal, one(story))
    assert (await journal.verify()).faults == ()


async def opened(journal: SqlJournal) -> State:
    """Open until it works, as the loop does."""
    for _ in range(60):
        try:
            return await journal.open()
        except JournalUnavailable:
            await asyncio.sleep(0.1)
    raise AssertionError("the server did not come back")


async def test_a_connection_cut_while_nobody_used_it_costs_no_append(
    journal: SqlJournal, postgres: PostgresServer, name: str
) -> None:
    story = Story(seed=43)
    await append(journal, one(story))
    for _ in range(2):
        assert postgres.cut(name) >= 1
        await append(journal, one(story))
        assert (await journal.head())[0] == story.state.seq
    assert await journal.open() == story.state


async def test_of_two_writers_one_stores_and_the_other_is_told(
    postgres: PostgresServer, name: str
) -> None:
    story = Story(seed=44)
    first = SqlJournal(Database(postgres.url(name)))
    await first.open()
    await append(first, one(story))
    for seed in range(5):
        rivals = [SqlJournal(Database(postgres.url(name))) for _ in range(2)]
        states = [await rival.open() for rival in rivals]
        tales = [Story(seed=seed + n, state=state) for n, state in enumerate(states)]
        results = await asyncio.gather(
            *(append(rival, one(tale)) for rival, tale in zip(rivals, tales, strict=True)),
            return_exceptions=True,
        )
        assert sorted(str(type(each).__name__) for each in results) == ["JournalLocked", "NoneType"]
        assert (await rivals[0].verify()).faults == ()
        for rival in rivals:
            await rival.close()
    with pytest.raises(JournalLocked):
        await append(first, one(story))
    await first.close()


async def test_a_journal_that_lost_its_tail_is_written_no_further(url: str) -> None:
    story = Story(seed=45)
    database = Database(url)
    journal = SqlJournal(database)
    await journal.open()
    for _ in range(10):
        await append(journal, one(story))
    for table in ("commands", "fills", "journal"):
        cut = f"DELETE FROM {table} WHERE seq > {story.state.seq - 2}"  # noqa: S608 - our own words
        await database.write(damaging(cut))
    with pytest.raises(JournalCorrupt, match="what lies between is gone"):
        await append(journal, one(story))
    assert (await journal.head())[0] < story.state.seq
    await journal.close()


async def test_a_failed_statement_that_is_passed_over_is_a_bug_of_ours(postgres_url: str) -> None:
    database = Database(postgres_url)
    await database.open()

    def careless(connection: Connection) -> None:
        connection.execute(insert(t.NOTES), NOTE)
        try:
            connection.execute(insert(t.NOTES), NOTE)
        except IntegrityError:
            return

    with pytest.raises(AssertionError, match="was passed over"):
        await database.write(careless)
    await database.close()


async def test_many_readers_share_three_connections(postgres: PostgresServer, name: str) -> None:
    database = Database(postgres.url(name))
    await database.open()
    looks = (database.read(lambda c: c.execute(text("SELECT 1")).scalar()) for _ in range(100))
    assert await asyncio.gather(*looks) == [1] * 100
    used = postgres.ask(
        sql.SQL("SELECT count(*) FROM pg_stat_activity WHERE datname = {}").format(name)
    )
    assert used <= 3
    await database.close()


async def test_what_is_stored_is_on_the_disk_whatever_the_server_is_set_to(
    postgres: PostgresServer, name: str
) -> None:
    hasty = sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
    postgres.ask(hasty)
    database = Database(postgres.url(name))
    await database.open()
    shown = await database.write(lambda c: c.execute(text("SHOW synchronous_commit")).scalar())
    assert shown == "on"
    await database.close()


async def test_a_statement_that_takes_too_long_is_given_up_and_the_next_one_runs(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "STATEMENT_S", 1)
    database = Database(postgres_url)
    await database.open()
    with pytest.raises(JournalUnavailable, match="too slow"):
        await database.write(lambda c: c.execute(text("SELECT pg_sleep(30)")).scalar())
    slow = text("SELECT 1 FROM pg_sleep(1.2)")
    assert await database.write_long(lambda c: c.execute(slow).scalar()) == 1
    with pytest.raises(JournalUnavailable, match="too slow"):
        await database.write(lambda c: c.execute(text("SELECT pg_sleep(30)")).scalar())
    await database.close()


async def test_what_another_program_holds_is_waited_for_and_given_up(
    postgres: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "LOCK_S", 1)
    holder, database = Database(postgres.url(name)), Database(postgres.url(name))
    await holder.open()
    await database.open()
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(connection: Connection) -> None:
        connection.execute(text("LOCK TABLE notes IN EXCLUSIVE MODE"))
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    held = asyncio.create_task(holder.write(hold))
    await asyncio.sleep(0.2)
    with pytest.raises(JournalUnavailable, match="another program holds"):
        await database.write(lambda c: c.execute(insert(t.NOTES), NOTE).rowcount)
    gate.set()
    await held
    await database.write(lambda c: c.execute(insert(t.NOTES), NOTE).rowcount)
    await holder.close()
    await database.close()


async def test_a_database_of_another_encoding_is_refused_in_words(
    postgres: PostgresServer,
) -> None:
    postgres.ask(sql.SQL("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0"))
    with pytest.raises(JournalUnavailable, match="ENCODING 'UTF8'"):
        await Database(postgres.url("latin")).open()
    postgres.drop("latin")


async def test_a_server_that_may_not_be_written_is_told_in_words(
    postgres: PostgresServer, name: str
) -> None:
    database = Database(postgres.url(name))
    await database.open()
    only_read = "ALTER DATABASE {} SET default_transaction_read_only = {}"
    for value, is_refused in (("on", True), ("off", False)):
        postgres.ask(sql.SQL(only_read).format(sql.Identifier(name), sql.SQL(value)))
        postgres.cut(name)
        if is_refused:
            with pytest.raises(JournalUnavailable, match="read-only"):
                await database.write(lambda c: c.execute(insert(t.NOTES), NOTE).rowcount)
    await database.write(lambda c: c.execute(insert(t.NOTES), NOTE).rowcount)
    await database.close()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
async def test_every_way_to_write_the_address_is_taken(postgres_url: str, scheme: str) -> None:
    database = Database(postgres_url.replace("postgresql", scheme, 1))
    await database.open()
    assert database.name.startswith("postgresql://postgres@127.0.0.1:")
    await database.close()


async def test_no_password_stands_in_a_name_a_fault_or_a_log(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    postgres.ask(sql.SQL("CREATE ROLE trader LOGIN PASSWORD 'ssh-secret'"))
    addresses = (
        f"postgres://trader:ssh-secret@127.0.0.1:{postgres.port}/absent",
        f"postgres://127.0.0.1:{postgres.port}/absent?user=trader&password=ssh-secret",
        "postgres://trader:ssh-secret@127.0.0.1:1/absent",
    )
    for address in addresses:
        database = Database(address)
        with pytest.raises(JournalUnavailable) as caught:
            await database.open()
        assert "ssh-secret" not in f"{database.name} {caught.value} {caught.value.__cause__!r}"
    assert "ssh-secret" not in caplog.text
    postgres.ask(sql.SQL("DROP ROLE trader"))


def is_shut(gate: Gate) -> bool:
    try:
        gate.check()
    except JournalUnavailable:
        return True
    return False


def test_a_server_that_is_away_is_knocked_at_with_growing_pauses() -> None:
    now_s = 100.0
    gate = Gate(lambda: now_s, random.Random(1))
    pauses: list[float] = []
    for _ in range(9):
        gate.check()
        gate.failed("It is away.")
        with pytest.raises(JournalUnavailable, match="It is away"):
            gate.check()
        begun_s = now_s
        while is_shut(gate):
            now_s += 0.01
        pauses.append(now_s - begun_s)
    assert pauses[0] < 0.25
    assert pauses[4] > 1.5
    assert BACKOFF_S_MAX / 2 <= pauses[-1] <= BACKOFF_S_MAX + 0.02
    gate.answered()
    gate.check()


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for this machine's loopback: what a server shows, and whom to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "quarterdeck tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    shown, kept = folder / "server.pem", folder / "server.key"
    shown.write_bytes(certificate.public_bytes(Encoding.PEM))
    kept.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, kept)
    return context, shown


async def test_what_the_address_says_of_tls_is_obeyed(
    postgres: PostgresServer, name: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    context, trusted = certified(tmp_path)
    _, another = certified(tmp_path / "other")
    with pytest.raises(JournalUnavailable, match="speaks no TLS"):
        await Database(f"{postgres.url(name)}?sslmode=require").open()
    async with wire_to(postgres.port, tls=context) as wire:
        address = f"{postgres.url(name, port=wire.port)}?sslmode=verify-full&sslrootcert="
        with pytest.raises(JournalUnavailable, match="certificate is not the one"):
            await Database(f"{address}{another}").open()
        database = Database(f"{address}{trusted}")
        await database.open()
        await database.write(lambda c: c.execute(insert(t.NOTES), NOTE).rowcount)
        await database.close()
