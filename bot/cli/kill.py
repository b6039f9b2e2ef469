"""`quarterdeck stop` and `quarterdeck flatten`: the kill switch without the chat."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bot.assembly import Assembly
from bot.cli.arguments import KillVerb
from bot.cli.faults import CommandRefused
from bot.kill_switch import CANCEL_S, FLATTEN_S, KillSwitch, Say
from bot.side_door import database_file, door_path, knock, shell_actor
from engine.errors import JournalLocked

log = logging.getLogger(__name__)

# A process that is just starting holds the journal a little before its door is open.
TRIES: Final = 6
PAUSE_S: Final = 1.0
MARGIN_S: Final = 30.0


async def stop_or_flatten(
    verb: KillVerb,
    database_url: str,
    assemble: Callable[[], Assembly],
    say: Say,
    *,
    tries: int = TRIES,
    flatten_s: float = FLATTEN_S,
) -> int:
    """Stop or flatten through the running process, or directly where there is none.

    `assemble` wires the account, its market included; it is called only for the direct way. Gives
    0 when it is done and confirmed, 1 when something is open or not confirmed.
    Raises: CommandRefused when a process holds the journal and does not answer, or when there is no
    journal; JournalError, DoorUnsafe.
    """
    path = door_path(database_url)
    locked: JournalLocked | None = None
    for attempt in range(tries):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        code = await knock(path, verb, say, flatten_s + CANCEL_S + MARGIN_S)
        if code is not None:
            return code
        file = database_file(database_url)
        if file is not None and not file.is_file():
            raise CommandRefused(f"There is no journal at {file}: nothing runs there to be ended.")
        assembly = assemble()
        try:
            await assembly.start()
        except JournalLocked as fault:
            locked = fault
            continue
        return await _directly(verb, assembly, say, flatten_s)
    raise CommandRefused(_by_hand(verb, database_url)) from locked


async def _directly(verb: KillVerb, assembly: Assembly, say: Say, flatten_s: float) -> int:
    """Give the command to an engine of our own, and end it again in every case."""
    say("No process answers, so this is done from here.")
    try:
        switch = KillSwitch(assembly.engine, assembly.clock, flatten_s=flatten_s)
        if verb == "stop":
            return await switch.stop(shell_actor(), say)
        return await switch.flatten(shell_actor(), say)
    finally:
        await assembly.stop()


def _by_hand(verb: KillVerb, database_url: str) -> str:
    """Say what is left to a person when the holder of the journal does not answer."""
    file = database_file(database_url)
    holder = holder_of(file) if file is not None else None
    if holder is None:
        return (
            "Another process holds the journal and does not answer: press STOP in the chat, or end "
            f"that process and run quarterdeck {verb} again."
        )
    return (
        f"Process {holder} holds {file} and does not answer: press STOP in the chat, or end it "
        f"with kill {holder} (kill -9 {holder} if it stays) and run quarterdeck {verb} again. "
        "Until then its orders rest at the venue."
    )


def holder_of(file: Path) -> int | None:
    """Give the process that last took the lock of a database file, as it wrote it there."""
    try:
        words = file.with_name(file.name + ".lock").read_text(errors="replace").split()
    except OSError:
        return None
    return int(words[0]) if words and words[0].isdecimal() else None
