"""`quarterdeck stop` and `quarterdeck flatten`: the kill switch without the chat."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.cli.arguments import KillArguments, KillVerb, demo_database_url
from bot.cli.reading import settings_of
from bot.cli.refusal import CommandRefused
from bot.clock import SystemClock
from bot.kill_switch import CANCEL_S, FLATTEN_S, KillSwitch, Say
from bot.settings import load_settings
from bot.side_door import FLATTEN_EXTERNAL, database_file, door_path, knock, shell_actor
from engine.errors import JournalLocked

if TYPE_CHECKING:
    from bot.assembly import Assembly

# A process that is just starting holds the journal a little before its door is open.
# The lease of one that died lasts for six seconds more.
STARTING_S: Final = 10.0
PAUSE_S: Final = 1.0
MARGIN_S: Final = 30.0


async def stop_or_flatten(arguments: KillArguments, environ: Mapping[str, str], say: Say) -> int:
    """Do what the shell asked for.

    Raises: what `end` raises, SettingsError, EnvironmentFileError.
    """
    if arguments.demo:
        # A `.env` made for `run` must not get in the demo's way.
        settings = load_settings({}, for_command="demo")
        url = demo_database_url(arguments.folder)
    else:
        settings = settings_of(environ, arguments.env_file, for_command=arguments.verb)
        url = settings.database_url.reveal()

    async def assemble() -> "Assembly":
        # The database's libraries load in 0.6 s: a stop through the door takes a third without.
        from bot.cli.direct import assembly_of_journal  # noqa: PLC0415

        return await assembly_of_journal(url, settings)

    return await end(arguments.verb, url, assemble, say, with_external=arguments.with_external)


async def end(
    verb: KillVerb,
    database_url: str,
    assemble: Callable[[], Awaitable["Assembly"]],
    say: Say,
    *,
    starting_s: float = STARTING_S,
    flatten_s: float = FLATTEN_S,
    with_external: bool = False,
) -> int:
    """Stop or flatten through the running process, or directly, with its lease, if there is none.

    `assemble` wires the account, its market included; it is called only for the direct way. Gives
    0 when it is done and confirmed, 1 when something is open or not confirmed.
    Raises: CommandRefused when a process holds the journal and does not answer, or when there is no
    journal; JournalError, DoorUnsafe.
    """
    path = door_path(database_url)
    clock = SystemClock()
    until = clock.monotonic() + starting_s
    while True:
        asked = FLATTEN_EXTERNAL if with_external else verb
        code = await knock(path, asked, say, flatten_s + CANCEL_S + MARGIN_S)
        if code is not None:
            return code
        file = database_file(database_url)
        if file is not None and not file.is_file():
            raise CommandRefused(f"There is no journal at {file}: nothing runs there to be ended.")
        assembly = await assemble()
        try:
            await assembly.start()
        except JournalLocked as locked:
            if clock.monotonic() > until:
                raise CommandRefused(_by_hand(verb, database_url, locked)) from locked
            await asyncio.sleep(PAUSE_S)
            continue
        return await _directly(verb, assembly, say, flatten_s, with_external=with_external)


async def _directly(
    verb: KillVerb, assembly: "Assembly", say: Say, flatten_s: float, *, with_external: bool
) -> int:
    """Give the command to an engine of our own, and end it again in every case."""
    say("No process answers, so this is done from here.")
    try:
        switch = KillSwitch(assembly.engine, assembly.clock, flatten_s=flatten_s)
        if verb == "stop":
            return await switch.stop(shell_actor(), say)
        return await switch.flatten(shell_actor(), say, with_external=with_external)
    finally:
        await assembly.stop()


def _by_hand(verb: KillVerb, database_url: str, locked: JournalLocked) -> str:
    """Say what is left to a person when the holder of the journal does not answer."""
    file = database_file(database_url)
    if file is None:
        return (
            f"{locked} It has no door for this user of this machine: press STOP in the chat, run "
            f"quarterdeck {verb} where it runs, or end it and run this again."
        )
    holder = holder_of(file)
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
