"""The command `quarterdeck`: reads its arguments, loads what the command needs, and runs it."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from bot import collector
from bot.cli.arguments import (
    ENV_FILE,
    Arguments,
    BackupArguments,
    DemoArguments,
    DoctorArguments,
    JournalArguments,
    KillArguments,
    RunArguments,
    parse,
)
from bot.cli.history_arguments import HistoryArguments

FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130

Serve = Callable[[asyncio.Event], Coroutine[Any, Any, BaseException | None]]


def main(argv: list[str] | None = None) -> int:
    """Run one command; give 0 for done, 1 for not done, 2 for unusable settings or journal."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as fault:  # task boundary: expected faults become sentences, bugs escape
        # Half a second of imports, which a stop from a shell does not wait for.
        from bot.cli.faults import sentence_of  # noqa: PLC0415 - it knows every library's faults

        sentence = sentence_of(fault)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return UNUSABLE


def _run(arguments: Arguments) -> int:
    """Dispatch. Each command imports its own libraries: a shell's `stop` should not load a chat."""
    match arguments:
        case DemoArguments() | RunArguments():
            return _serve(arguments)
        case DoctorArguments():
            from bot.cli.doctor import examine  # noqa: PLC0415 - the command's own libraries

            return asyncio.run(examine(arguments, os.environ, _say))
        case KillArguments():
            from bot.cli.kill import stop_or_flatten  # noqa: PLC0415 - the command's own libraries

            return asyncio.run(stop_or_flatten(arguments, os.environ, _say))
        case JournalArguments():
            from bot.cli.journal import work_on  # noqa: PLC0415 - the command's own libraries

            return asyncio.run(work_on(arguments, os.environ, _say))
        case BackupArguments():
            from bot.cli.backup import save_or_restore  # noqa: PLC0415 - the command's own libraries

            return asyncio.run(save_or_restore(arguments, os.environ, _say))
        case HistoryArguments():
            from bot.cli.history import work_on_history  # noqa: PLC0415 - as above

            return asyncio.run(work_on_history(arguments, os.environ, _say))


def _serve(arguments: DemoArguments | RunArguments) -> int:
    """Run the console until a signal ends it."""
    collector.pause()
    # httpx loads its command line wherever click and rich are installed: 45 ms and 5 MB.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # "not there", to an import
    # Telegram's library decrypts passports, which nobody sends: 30 ms and 7 MB. Who signs with it
    # later gets the real one.
    sys.modules["cryptography"] = None  # type: ignore[assignment]  # as above
    import telegram  # noqa: F401, PLC0415 - see above

    del sys.modules["cryptography"]
    from bot.cli.reading import settings_of  # noqa: PLC0415 - a second of libraries
    from bot.log import install  # noqa: PLC0415 - a second of libraries

    is_demo = isinstance(arguments, DemoArguments)
    env_file = ENV_FILE if isinstance(arguments, DemoArguments) else arguments.env_file
    settings = settings_of(os.environ, env_file, for_command="demo" if is_demo else "run")
    install(secrets=settings.secrets, level=logging.WARNING if is_demo else logging.INFO)
    for warning in settings.warnings:
        logging.getLogger("quarterdeck").warning(warning)

    serve: Serve
    if isinstance(arguments, DemoArguments):
        from bot.demo import run_demo  # noqa: PLC0415 - a second of libraries

        serve = partial(run_demo, arguments, settings, say=_say)
    else:
        from bot.running import run_console  # noqa: PLC0415 - a second, 40 ms less than the demo's

        serve = partial(run_console, settings)
    fault = asyncio.run(_until_signalled(serve))
    if fault is None:
        return 0
    from engine.errors import JournalLocked  # noqa: PLC0415 - long loaded by now

    # Who lost the lease halted nothing: another process trades.
    how = "" if isinstance(fault, JournalLocked) else ", with trading halted"
    print(f"The engine stopped by itself{how}: {fault}", file=sys.stderr)
    return FAILED


async def _until_signalled(serve: Serve) -> BaseException | None:
    """Serve until SIGINT or SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    return await serve(stopping)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
