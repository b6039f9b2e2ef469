"""The doctor's look at the database: can it be used, by us, with these settings?"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.cli.findings import Finding, fail, ok, warn
from bot.settings import Settings
from bot.side_door import database_file, door_path, knock
from engine.errors import JournalError
from engine.events import JournalOpened
from storage.chain import StoredEvent, stored_events
from storage.codec import Codec
from storage.database import Database
from storage.journal import SqlJournal
from storage.presence import holds_journal

SUBJECT: Final = "database"
MIB: Final = 1024 * 1024
DISK_BYTES_MIN: Final = 100 * MIB
DISK_BYTES_LOW: Final = 1024 * MIB
CONNECT_S: Final = 5
STATUS_S: Final = 10.0


async def check_database(settings: Settings) -> list[Finding]:
    """Look at the journal without taking it, and at the disk it lies on."""
    url = settings.database_url.reveal()
    file = database_file(url)
    found: list[Finding] = []
    if file is not None:
        found += _file_findings(file)
        if not file.is_file():
            return found
        found += await _holder_findings(url, file)
    found += await _journal_findings(url, settings, is_file=file is not None)
    return found


def _file_findings(file: Path) -> list[Finding]:
    """Judge folder, rights and disk."""
    folder = file.parent
    if not folder.is_dir():
        return [
            fail(SUBJECT, f"The folder {folder} is not there: make it, or change DATABASE_URL.")
        ]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [fail(SUBJECT, f"We may not write in {folder}: give this user the right.")]
    found: list[Finding] = []
    if not file.exists():
        found.append(ok(SUBJECT, f"There is no journal yet; run begins one at {file}."))
    elif not os.access(file, os.R_OK | os.W_OK):
        return [fail(SUBJECT, f"We may not write {file}: give this user the right.")]
    free = shutil.disk_usage(folder).free
    words = f"{free // MIB:,} MiB are free in {folder}"
    if free < DISK_BYTES_MIN:
        found.append(fail("disk", f"Only {words}: free some space, or the journal will stop."))
    elif free < DISK_BYTES_LOW:
        found.append(warn("disk", f"Only {words}: the journal grows, so free some space soon."))
    else:
        found.append(ok("disk", f"{words}."))
    return found


async def _holder_findings(url: str, file: Path) -> list[Finding]:
    """Say whether a process works on the journal now, and whether it answers."""
    if not is_held(file):
        return [ok("process", "No process works on this journal.")]
    lines: list[str] = []
    code = await knock(door_path(url), "status", lines.append, STATUS_S)
    if code is None:
        return [
            warn(
                "process",
                "A process holds this journal and does not answer; it may be starting. If it "
                "stays so, end it: quarterdeck stop says how.",
            )
        ]
    verdict = ok if code == 0 else warn
    return [verdict("process", f"A console works on this journal. {' '.join(lines)}")]


def is_held(file: Path) -> bool:
    """Tell whether a process holds the lock of a database file; taking it for an instant."""
    try:
        handle = os.open(file.with_name(file.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


async def _journal_findings(url: str, settings: Settings, *, is_file: bool) -> list[Finding]:
    database = Database(url if is_file else _hurried(url), is_reader=True)
    try:
        await database.open()
        if not await database.read(holds_journal):
            return [ok(SUBJECT, f"{database.name} can be used, and holds no journal yet.")]
        opening = await database.read(lambda connection: _first(stored_events(connection, Codec())))
        seq, head = await SqlJournal(database).head()
    except JournalError as fault:
        return [fail(SUBJECT, str(fault))]
    except ModuleNotFoundError:
        return [
            fail(SUBJECT, "The driver of Postgres is missing: pip install 'quarterdeck[postgres]'.")
        ]
    finally:
        await database.close()
    if opening is None or not isinstance(opening.event, JournalOpened):
        return [ok(SUBJECT, f"{database.name} can be used, and holds no journal yet.")]
    misfits = _misfits(opening.event, settings)
    if misfits:
        return [fail(SUBJECT, sentence) for sentence in misfits]
    return [
        ok(
            SUBJECT,
            f"{database.name} is readable: a {opening.event.mode} journal of "
            f"{', '.join(opening.event.accounts)} at event {seq}, head {head[:12]}. "
            "quarterdeck journal verify checks all of it.",
        )
    ]


def _first(events: Iterator[StoredEvent]) -> StoredEvent | None:
    return next(events, None)


def _misfits(opened: JournalOpened, settings: Settings) -> list[str]:
    """Give a sentence for each setting that is not the journal's."""
    change = "or set DATABASE_URL to another one"
    accounts = {venue.venue for venue in settings.venues}
    sentences: list[str] = []
    if opened.mode != settings.mode:
        sentences.append(
            f"This journal belongs to {opened.mode} mode: set EXECUTION_MODE={opened.mode}, "
            f"{change}."
        )
    if set(opened.accounts) != accounts:
        sentences.append(
            f"This journal belongs to {', '.join(opened.accounts)}, not to "
            f"{', '.join(sorted(accounts))}: set VENUES={','.join(opened.accounts)}, {change}."
        )
    if opened.market.startswith("simulated"):
        sentences.append(f"This is a demo's journal, whose prices are simulated: {change[3:]}.")
    if opened.currency != settings.paper_balance.currency:
        sentences.append(
            f"This journal is kept in {opened.currency}: set PAPER_BALANCE in {opened.currency}, "
            f"{change}."
        )
    return sentences


def _hurried(url: str) -> str:
    """Let a server that does not answer be given up soon."""
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={CONNECT_S}"
