"""`quarterdeck backup FILE` and `quarterdeck restore FILE`."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, assert_never

from bot.cli.arguments import BackupArguments
from bot.cli.journal import journal_url, open_to_read
from bot.cli.progress import Bar
from bot.cli.refusal import CommandRefused
from bot.cli.whole_file import written_whole
from bot.clock import SystemClock
from bot.kill_switch import Say
from bot.side_door import shell_actor
from engine.errors import JournalLocked
from storage.backup import Backup, backed_up, checked
from storage.backup_restore import Restored, check_revision, restored
from storage.codec import Codec
from storage.database import Database

DONE: Final = 0
IN_MEMORY: Final = "sqlite://"


async def save_or_restore(arguments: BackupArguments, environ: Mapping[str, str], say: Say) -> int:
    """Do what the shell asked for, and give the exit code.

    Raises: CommandRefused, SettingsError, EnvironmentFileError, JournalError.
    """
    now = SystemClock().now()
    match arguments.verb:
        case "backup":
            url = journal_url(arguments, environ)
            return await back_up(url, arguments.file, now, say, overwrites=arguments.may_overwrite)
        case "restore":
            if arguments.only_checks:
                return await check(arguments.file, now, say)
            return await restore(journal_url(arguments, environ), arguments.file, now, say)
        case _:
            assert_never(arguments.verb)


async def back_up(
    database_url: str, output: Path, made_at: datetime, say: Say, *, overwrites: bool = False
) -> int:
    """Write a backup beside a running process; the file is written whole or not at all.

    Raises: CommandRefused when there is nothing to save or no place for it, JournalError.
    """
    database = Database(database_url, is_reader=True)
    bar = Bar("events", say)
    try:
        await open_to_read(database)
        with written_whole(output, overwrites=overwrites) as file:
            contents = await database.read(
                lambda c: backed_up(c, file, Codec(), made_at=made_at, told=bar.told)
            )
            if contents.seq == 0:
                raise CommandRefused(f"{database.name} holds no event yet: nothing to save.")
            size_bytes = file.tell()
    except asyncio.CancelledError:
        bar.stop()
        raise
    finally:
        await database.close()
    others = sum(contents.rows.values()) - contents.seq
    say(f"Saved {database.name}: {contents.seq:,} events and {others:,} other rows.")
    say(f"Head: event {contents.seq}, {contents.hash}")
    say(f"State: {contents.state_hash}")
    say(f"Written to {output}, {size_bytes:,} bytes. Settings and keys are not in it.")
    return DONE


async def restore(database_url: str, source: Path, at: datetime, say: Say) -> int:
    """Make an empty database the journal of a backup, all or nothing, in a new epoch.

    Raises: CommandRefused, JournalMismatch when something is stored there already or a newer
    release made the backup, JournalCorrupt when the backup is not whole, JournalError.
    """
    done = await _restored(database_url, await _read(source), at, say)
    say(f"Epoch {done.identity.epoch}, halted. Head: event {done.head.seq}, {done.head.hash}")
    if done.updates_set_aside:
        say(f"Messages that waited to be answered: {done.updates_set_aside}. They are not run.")
    say(
        "Start no console on the old database any more. What was sent after the backup is not in "
        "this journal: start, look at what the venues show, then /resume."
    )
    return DONE


async def check(source: Path, at: datetime, say: Say) -> int:
    """Prove a backup by restoring it into memory. Raises: as `restore`."""
    await _restored(IN_MEMORY, await _read(source), at, say)
    say("The backup is good. Nothing was stored.")
    return DONE


async def _read(source: Path) -> Backup:
    """Read a backup to its end. Raises: CommandRefused, JournalCorrupt, JournalMismatch."""
    try:
        backup = await asyncio.to_thread(checked, source)
    except OSError as fault:
        raise CommandRefused(f"{source} cannot be read: {fault.strerror or fault}.") from fault
    check_revision(backup)
    return backup


async def _restored(database_url: str, backup: Backup, at: datetime, say: Say) -> Restored:
    database = Database(database_url)
    bar = Bar("events", say)
    try:
        await database.open()
        done = await database.write_long(
            lambda c: restored(c, backup, Codec(), at=at, by=shell_actor(), told=bar.told)
        )
    except asyncio.CancelledError:
        bar.stop()
        say("Interrupted: it is one transaction, so nothing was restored.")
        raise
    except JournalLocked as fault:
        raise CommandRefused(
            f"{str(fault).rstrip('.')}. A restore goes into a database that nobody uses."
        ) from fault
    finally:
        await database.close()
    identity, head = done.identity, done.backed_up
    others = sum(done.rows.values()) - head.seq
    say(
        f"A {identity.mode} journal of {', '.join(identity.accounts)}, saved at "
        f"{backup.header.made_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    say(f"Restored {head.seq:,} events and {others:,} other rows; every table made again.")
    say(f"Head: event {head.seq}, {head.hash}, as in the backup")
    compared = "as in the backup" if done.is_state_compared else "another release made the backup"
    say(f"State: {done.state_hash}, {compared}")
    return done
