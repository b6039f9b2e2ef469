"""Postgres: a server that may be far away, slow, restarted, or gone in the middle of a commit.

Three connections at most beside the lease's: the writer's and two that look. Whatever waits for
the network has a bound of its own, since a server that hangs keeps its connections open and says
nothing.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from engine.errors import JournalUnavailable
from storage.gate import Gate

READERS: Final = 2
CONNECT_S: Final = 5
# The server's own bounds come first, so that it says what was wrong; ours is for one that hangs.
LOCK_S: Final = 3
STATEMENT_S: Final = 5
ANSWER_S: Final = 7.0
# A process that is paused in the middle of a transaction keeps its successor out for so long.
IDLE_S: Final = 5
# What a person waits for, such as a rebuild of every table, may take so long.
PATIENT_S: Final = 600
POOL_WAIT_S: Final = 10
# The system gives a peer up that is gone without a word: after half a minute, not after two hours.
KEEPALIVE: Final = {
    "keepalives": "1",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
DRIVER: Final = "postgresql+psycopg"
# One key for each journal of a database; the high half keeps it apart from other programs' keys.
_LOCK: Final = (
    "SELECT pg_advisory_xact_lock((1903455332::int8 << 32) | 'journal'::regclass::oid::int8)"
)
_HEAD: Final = "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1"


class PatientConnection(psycopg.Connection[Any]):
    """A connection that waits for each answer of its server, but not for ever."""

    answer_s: float = ANSWER_S

    def wait(self, *given: Any, **named: Any) -> Any:
        """Wait for an answer; one that does not come in time costs the connection.

        Raises: OperationalError.
        """
        try:
            return super().wait(*given, **{"timeout": self.answer_s, **named})
        except psycopg.errors._WaitTimeout as fault:  # noqa: SLF001 - it has no public name
            # What the server makes of the question nobody knows: its answer must meet no other one.
            self.close()
            raise psycopg.OperationalError(
                f"the server did not answer for {self.answer_s:g} s"
            ) from fault


def driver_of(connection: Connection) -> PatientConnection:
    """Give the driver's connection under one of ours."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, PatientConnection), "a connection that another way was made"
    return driver


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Send what is run inside at once, and wait for all answers at the end.

    Raises: DBAPIError for the first statement that fails; those after it are not run.
    """
    try:
        with driver_of(connection).pipeline():
            yield
    except psycopg.Error as error:
        raise translated(error, connection) from error


def run(connection: Connection, sql: str, rows: Sequence[Any]) -> None:
    """Give a statement to the driver as it is, once a row, within a transaction.

    Raises: DBAPIError.
    """
    try:
        with driver_of(connection).cursor() as cursor:
            if len(rows) == 1:
                cursor.execute(sql, rows[0])
            else:
                cursor.executemany(sql, rows)
    except psycopg.Error as error:
        raise translated(error, connection) from error


class Fence:
    """Wait, within a transaction, until no other one appends, and read where the journal ends.

    The lock ends with the transaction. One whose commit was lost on its way may still be under way
    on the server: whoever holds the fence sees what became of it.
    """

    def __init__(self, connection: Connection) -> None:
        driver = driver_of(connection)
        try:
            driver.execute(_LOCK)
            # A statement of its own: it must see what was stored while the lock was waited for.
            self._cursor = driver.execute(_HEAD)
        except psycopg.Error as error:
            raise translated(error, connection) from error

    def head(self) -> tuple[int, str] | None:
        """Give number and hash of the last event; None when there is none."""
        row = self._cursor.fetchone()
        return None if row is None else (row[0], row[1])


def translated(error: psycopg.Error, connection: Connection) -> BaseException:
    """Give a fault of the driver's as SQLAlchemy names it."""
    return DBAPIError.instance(None, None, error, psycopg.Error, dialect=connection.dialect)


def _is_worn_out(error: BaseException | None) -> bool:
    """Tell whether a new connection may do what this one cannot.

    Its server has become a copy of another one, or a table was changed under what it had prepared.
    """
    return isinstance(error, psycopg.errors.ReadOnlySqlTransaction) or (
        isinstance(error, psycopg.errors.FeatureNotSupported) and "cached plan" in str(error)
    )


class PostgresHome:
    """Where a Postgres database lives: an address, and a gate before it."""

    has_readers = True
    check_s = 0.0

    def __init__(self, url: URL, *, is_reader: bool, jitter: random.Random) -> None:
        self._url = url.set(drivername=DRIVER)
        self._is_reader = is_reader
        self._jitter = jitter
        self._gate: Gate | None = None
        # A password can also stand among the options, so they are not shown.
        self.name = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)

    def take(self, monotonic: Callable[[], float]) -> None:
        """Make ready to connect; whether another process works here the journal's number tells."""
        self._gate = Gate(monotonic, self._jitter)

    def release(self, *, is_closed: bool = False) -> None:
        """Do nothing: a server lets go of whoever leaves."""

    def engine(self, *, writes: bool) -> Engine:
        """Give the way in, for a connection that writes or one that only looks."""
        engine = create_engine(
            self._url,
            pool_size=1 if writes else READERS,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            pool_reset_on_return="rollback",
            hide_parameters=True,
            use_native_hstore=False,
        )

        @event.listens_for(engine, "do_connect")
        def _connect(_dialect: Any, _record: Any, _args: Any, given: dict[str, Any]) -> Any:
            return self._connected({**KEEPALIVE, "connect_timeout": CONNECT_S, **given}, writes)

        @event.listens_for(engine, "handle_error")
        def _judge(context: ExceptionContext) -> None:
            if _is_worn_out(context.original_exception):
                context.is_disconnect = True

        return engine

    def _connected(self, given: Mapping[str, Any], writes: bool) -> PatientConnection:
        gate = self._gate
        assert gate is not None, "connected before it was taken"
        gate.check()
        try:
            connection = PatientConnection.connect(**given)
            try:
                self._prepare(connection, writes)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error:
            gate.failed(f"{self.name} cannot be reached.")
            raise
        gate.answered()
        return connection

    def _prepare(self, connection: PatientConnection, writes: bool) -> None:
        only_looks = self._is_reader or not writes
        patience_s = PATIENT_S if self._is_reader else STATEMENT_S
        if self._is_reader:
            connection.answer_s = PATIENT_S
        settings = {
            "statement_timeout": f"{patience_s}s",
            "lock_timeout": f"{LOCK_S}s",
            "idle_in_transaction_session_timeout": f"{PATIENT_S if only_looks else IDLE_S}s",
        }
        connection.autocommit = True
        row = connection.execute(
            "SELECT "
            + ", ".join("set_config(%s, %s, false)" for _ in settings)
            # A server or a role may be set to answer before it has stored: never for us.
            + ", CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')"
            " THEN set_config('synchronous_commit', 'on', false) END"
            ", current_setting('server_encoding')",
            [word for pair in settings.items() for word in pair],
        ).fetchone()
        connection.autocommit = False
        if row is None or row[-1] != "UTF8":
            raise psycopg.OperationalError("the database's encoding is not UTF8")
        level = IsolationLevel.REPEATABLE_READ if only_looks else IsolationLevel.READ_COMMITTED
        connection.isolation_level = level
        # Else it is the server's to say: one that only follows another is set so.
        connection.read_only = True if only_looks else None

    def check_before(self) -> None:
        """Do nothing: the files are the server's."""

    def check(self, connection: Connection) -> None:
        """See that the server can be written to. Raises: JournalUnavailable."""
        if self._is_reader:
            return
        with connection.begin():
            if connection.execute(text("SELECT pg_is_in_recovery()")).scalar():
                raise JournalUnavailable(
                    f"{self.name} is a copy that only follows another server. Give DATABASE_URL "
                    "the address of the one that is written to."
                )

    def used(self) -> None:
        """Do nothing: the files are the server's."""

    @contextmanager
    def patience(self, connection: Connection) -> Iterator[None]:
        """Let the transaction that has begun take long."""
        driver = driver_of(connection)
        driver.answer_s = PATIENT_S
        try:
            connection.execute(text(f"SET LOCAL statement_timeout = '{PATIENT_S}s'"))
            yield
        finally:
            del driver.answer_s

    def is_lost(self, connection: Connection, error: DBAPIError) -> bool:
        """Tell whether the connection is gone, or leads to a server that cannot be written."""
        if connection.invalidated or connection.closed:
            return True
        driver = driver_of(connection)
        return bool(driver.closed or driver.broken) or _is_worn_out(error.orig)

    def check_whole(self, connection: Connection) -> None:
        """See that no statement of the transaction failed: its commit would be a rollback.

        Raises: AssertionError.
        """
        status = driver_of(connection).info.transaction_status
        assert status is not TransactionStatus.INERROR, "a failed statement was passed over"
