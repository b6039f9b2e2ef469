"""`quarterdeck journal verify|export|rebuild`."""

import asyncio
import os
import random
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, assert_never

from bot.cli.arguments import BackupArguments, JournalArguments, demo_database_url
from bot.cli.history_arguments import HistoryArguments
from bot.cli.progress import Bar
from bot.cli.reading import settings_of
from bot.cli.refusal import CommandRefused
from bot.cli.whole_file import written_whole
from bot.clock import SystemClock
from bot.kill_switch import Say
from bot.settings import load_settings
from bot.side_door import database_file
from engine.errors import JournalCorrupt, JournalLocked
from storage.database import Database
from storage.journal import SqlJournal
from storage.lease import lease_of
from storage.ledger_check import LedgerCheck, books_checked
from storage.presence import holds_journal
from storage.verification import Verification

SOUND: Final = 0
FAULTY: Final = 1
WRITE_BYTES: Final = 1024 * 1024


async def work_on(arguments: JournalArguments, environ: Mapping[str, str], say: Say) -> int:
    """Do what the shell asked for, and give the exit code.

    Raises: CommandRefused, SettingsError, EnvironmentFileError, JournalError.
    """
    url = journal_url(arguments, environ)
    match arguments.action:
        case "verify":
            return await verify(url, say)
        case "export":
            return await export(url, arguments.output, say)
        case "rebuild":
            return await rebuild(url, say)
        case _:
            assert_never(arguments.action)


def journal_url(
    arguments: JournalArguments | BackupArguments | HistoryArguments, environ: Mapping[str, str]
) -> str:
    """Name the journal. Raises: CommandRefused, SettingsError, EnvironmentFileError."""
    if arguments.demo and arguments.database is not None:
        raise CommandRefused("--demo and --database name two journals: give one of them.")
    if arguments.demo:
        return demo_database_url(arguments.folder)
    if arguments.database is not None:
        named = load_settings({"DATABASE_URL": arguments.database}, for_command="journal")
        return named.database_url.reveal()
    settings = settings_of(environ, arguments.env_file, for_command="journal")
    return settings.database_url.reveal()


async def verify(database_url: str, say: Say) -> int:
    """Check chain, replay, tables and the paper venue's ledger, beside a running process too.

    Raises: CommandRefused, JournalUnavailable when there is nothing to read.
    """
    database = Database(database_url, is_reader=True)
    try:
        await open_to_read(database)
        # One view for both books, so that a running process cannot come between them.
        found, checks = await database.read(books_checked)
    except JournalCorrupt as fault:
        say(f"Fault: {fault}")
        return _verdict(1, say)
    finally:
        await database.close()
    return _told(database.name, found, checks, say)


async def open_to_read(database: Database) -> None:
    """Open a journal to be read. Raises: CommandRefused when there is none, JournalError."""
    await database.open()
    if not await database.read(holds_journal):
        raise CommandRefused(f"{database.name} holds no journal: nothing was ever run on it.")


def _told(name: str, found: Verification, checks: tuple[LedgerCheck, ...], say: Say) -> int:
    say(f"Journal: {name}")
    if found.is_sound:
        say(f"Chain: {found.seq} events, each hash follows from the one before it.")
        say("Replay: every event follows from those before it.")
        say("Tables: every row is what the replay gives.")
    for check in checks:
        say(
            f"Ledger of {check.venue}: {check.trades} executions, {check.orders} orders, "
            f"{check.balances} balances and {check.positions} swap positions compared."
        )
        if check.on_its_way:
            say(f"  {check.on_its_way} executions are not booked yet; a start books them.")
    if found.is_sound and not checks:
        say("Ledger: none here; only the paper venue keeps one.")
    say(f"Head: event {found.seq}, {found.hash}")
    say(f"State: {found.state_hash}")
    faults = [*found.faults, *(fault for check in checks for fault in check.faults)]
    for fault in faults:
        say(f"Fault: {fault}")
    return _verdict(len(faults), say)


def _verdict(faults: int, say: Say) -> int:
    if faults:
        say(f"NOT sound: {faults} {'fault' if faults == 1 else 'faults'}.")
        return FAULTY
    say("Sound.")
    return SOUND


async def export(database_url: str, output: Path | None, say: Say) -> int:
    """Write one JSON object per event and line; a file is written whole or not at all.

    Raises: CommandRefused when the file cannot be written, JournalError.
    """
    database = Database(database_url, is_reader=True)
    try:
        await open_to_read(database)
        journal = SqlJournal(database)
        if output is None:
            # A reader that has read enough, as `head` does, is no fault.
            with suppress(BrokenPipeError), _standard_output() as file:
                await journal.export(file)
            return SOUND
        with written_whole(output) as file:
            count = await journal.export(file)
    finally:
        await database.close()
    say(f"{count} events written to {output}.")
    return SOUND


def _standard_output() -> IO[bytes]:
    """Give standard output for bytes; closing it leaves the process's own open."""
    sys.stdout.flush()
    return os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=WRITE_BYTES)


async def rebuild(database_url: str, say: Say) -> int:
    """Make the tables again from the events; no other process may hold the journal.

    Raises: CommandRefused when one does, or when there is no journal; JournalError.
    """
    await _check_there(database_url)
    database = Database(database_url)
    # Its number gives each process dice of its own; they only spread what is tried again.
    dice = random.Random(os.getpid())  # noqa: S311 - see above
    lease = lease_of(database_url, database, SystemClock(), dice)
    bar = Bar("events", say)
    try:
        await lease.take()
        count = await SqlJournal(database).rebuild(bar.told)
    except asyncio.CancelledError:
        bar.stop()
        say("Interrupted: it is one transaction, so the tables are as they were.")
        raise
    except JournalLocked as fault:
        raise CommandRefused(
            f"{str(fault).rstrip('.')}. The tables are made again only while nobody uses them."
        ) from fault
    finally:
        await database.close()
        await lease.release()
    say(f"{count} events read, every table made again.")
    return SOUND


async def _check_there(database_url: str) -> None:
    """See that there is a journal, so that none is begun here. Raises: CommandRefused."""
    file = database_file(database_url)
    if file is not None:
        if not file.is_file():
            raise CommandRefused(f"There is no journal at {file}.")
        # What is wrong with it is for the rebuild to find, which may mend it.
        return
    database = Database(database_url, is_reader=True)
    try:
        await open_to_read(database)
    finally:
        await database.close()
