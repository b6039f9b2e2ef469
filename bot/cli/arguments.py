"""What a shell called the program with. Importing it is light: it knows no exchange, no database.

`quarterdeck --help` reads from here; DESIGN 5 says which commands there are.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal, NoReturn

from bot.cli.examples import (
    BACKUP_EXAMPLES,
    DEMO_EXAMPLES,
    EXAMPLES,
    JOURNAL_EXAMPLES,
    KILL_EXAMPLES,
    RUN_EXAMPLES,
)
from bot.cli.history_arguments import HistoryArguments, add_history, history_arguments
from bot.version import VERSION

KillVerb = Literal["stop", "flatten"]
JournalAction = Literal["verify", "export", "rebuild"]
BackupVerb = Literal["backup", "restore"]

PORT_MAX: Final = 65535
SEED_MAX: Final = 2**31 - 1
ENV_FILE: Final = Path(".env")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoArguments:
    """Run the demo in `folder`; `port` and `seed` None leave the choice to the demo."""

    folder: Path
    port: int | None
    browser: bool
    seed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArguments:
    """Run the real thing; `env_file` lies below the environment."""

    env_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorArguments:
    """Check what `run` would meet."""

    env_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class KillArguments:
    """Stop or flatten from outside; with `demo` it is the demo in `folder` that is meant.

    `with_external` lets a flatten cancel the orders on its symbols that nobody here sent, too.
    """

    verb: KillVerb
    demo: bool
    folder: Path
    env_file: Path
    with_external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalArguments:
    """Work on a journal: the demo's, the one at `database`, or else the environment's.

    `output` None writes an export to standard output.
    """

    action: JournalAction
    demo: bool
    folder: Path
    env_file: Path
    database: str | None
    output: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupArguments:
    """Write a journal to `file`, or make one from it; which journal, as in JournalArguments.

    `only_checks` restores into memory and keeps nothing. `may_overwrite` lets a backup take the
    place of an older one.
    """

    verb: BackupVerb
    file: Path
    only_checks: bool
    may_overwrite: bool
    demo: bool
    folder: Path
    env_file: Path
    database: str | None


Arguments = (
    DemoArguments
    | RunArguments
    | DoctorArguments
    | KillArguments
    | JournalArguments
    | BackupArguments
    | HistoryArguments
)


class _Parser(argparse.ArgumentParser):
    """Refuse bad arguments by one sentence; argparse itself would print the usage, too."""

    def error(self, message: str) -> NoReturn:
        """End the program with code 2."""
        sentence = message[:1].upper() + message[1:]
        stop = "" if sentence.endswith((".", "?", "!")) else "."
        self.exit(2, f"{sentence}{stop} See: {self.prog} --help\n")


def demo_folder() -> Path:
    """Give the folder of the demo where none is named."""
    return Path.home() / ".quarterdeck" / "demo"


def demo_database_url(folder: Path) -> str:
    """Give the address of the demo's journal."""
    return f"sqlite:///{folder.absolute() / 'quarterdeck.db'}"


def parse(argv: Sequence[str]) -> Arguments:
    """Read the arguments after the program's name.

    Raises: SystemExit 2 after one sentence on standard error, 0 after --help and --version.
    """
    given = _parser().parse_args(argv)
    command: str = given.command
    if command == "demo":
        return DemoArguments(
            folder=_folder(given), port=given.port, browser=given.browser, seed=given.seed
        )
    if command == "run":
        return RunArguments(env_file=given.env_file)
    if command == "doctor":
        return DoctorArguments(env_file=given.env_file)
    if command == "journal":
        return JournalArguments(
            action=given.action,
            demo=given.demo or given.folder is not None,
            folder=_folder(given),
            env_file=given.env_file,
            database=given.database,
            output=getattr(given, "output", None),
        )
    if command in ("backup", "restore"):
        return BackupArguments(
            verb="backup" if command == "backup" else "restore",
            file=given.file.expanduser(),
            only_checks=getattr(given, "check", False),
            may_overwrite=getattr(given, "overwrite", False),
            demo=given.demo or given.folder is not None,
            folder=_folder(given),
            env_file=given.env_file,
            database=given.database,
        )
    if command == "history":
        return history_arguments(given, _folder(given))
    return KillArguments(
        verb="stop" if command == "stop" else "flatten",
        demo=given.demo or given.folder is not None,
        folder=_folder(given),
        env_file=given.env_file,
        with_external=getattr(given, "with_external", False),
    )


def _folder(given: argparse.Namespace) -> Path:
    folder: Path | None = given.folder
    return demo_folder() if folder is None else folder.expanduser()


def _parser() -> _Parser:
    parser = _Parser(
        prog="quarterdeck",
        description="A Telegram operator console for crypto trading. What you saw is what "
        "executes, exactly once, and the stop button always answers.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"quarterdeck {VERSION}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Parser
    )
    _add_demo(commands)
    run = _command(commands, "run", "trade for real or on paper, as configured", RUN_EXAMPLES)
    _take_env_file(run)
    doctor = _command(
        commands, "doctor", "check settings, database, venues, Redis and Telegram", RUN_EXAMPLES
    )
    doctor.epilog = RUN_EXAMPLES.replace(" run", " doctor")
    _take_env_file(doctor)
    for verb, words in (
        ("stop", "halt: no new entries, resting entries cancelled; exits go on"),
        ("flatten", "halt, close every position, verify flat at the venues"),
    ):
        kill = _command(commands, verb, words, KILL_EXAMPLES.format(verb=verb))
        kill.description = (
            f"{words[:1].upper()}{words[1:]}. Through the running process if there is one, "
            "else directly."
        )
        if verb == "flatten":
            also = "cancel the orders on those symbols that were not sent from here, too"
            kill.add_argument("--with-external", action="store_true", help=also)
        _take_demo(kill)
        _take_env_file(kill)
    _add_journal(commands)
    _add_backup(commands)
    add_history(partial(_command, commands), _take_journal, _Parser)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse gives its type no public name


def _command(
    commands: "_Commands[_Parser]", name: str, words: str, examples: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=words,
        description=f"{words[:1].upper()}{words[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_demo(commands: "_Commands[_Parser]") -> None:
    demo = _command(commands, "demo", "a chat, a simulated market and paper money", DEMO_EXAMPLES)
    _take_folder(demo)
    demo.add_argument(
        "--port", type=_port, metavar="N", help="the page's port; 0 lets the system choose"
    )
    demo.add_argument(
        "--no-browser", dest="browser", action="store_false", help="open no browser window"
    )
    demo.add_argument(
        "--seed", type=_seed, metavar="N", help="the market's seed, chosen once per folder"
    )


def _add_journal(commands: "_Commands[_Parser]") -> None:
    journal = _command(commands, "journal", "verify, export or rebuild a journal", JOURNAL_EXAMPLES)
    journal.epilog = JOURNAL_EXAMPLES.format(action="verify")
    actions = journal.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=_Parser
    )
    for name, words in (
        ("verify", "check chain, replay, tables and the paper venue's own ledger; changes nothing"),
        ("export", "print one JSON object per event and line"),
        ("rebuild", "make the tables again from the events; nothing else may use the journal"),
    ):
        action = _command(actions, name, words, JOURNAL_EXAMPLES.format(action=name))
        _take_journal(action)
        if name == "export":
            action.add_argument(
                "--output", type=Path, metavar="FILE", help="write here, all or nothing"
            )


def _add_backup(commands: "_Commands[_Parser]") -> None:
    for verb, words, example in (
        (
            "backup",
            "write everything that cannot be made again to a file, while the console runs",
            "sqlite:///quarterdeck-paper.db",
        ),
        (
            "restore",
            "make an empty database the journal of a backup, in a new epoch; overwrites nothing",
            "postgresql://localhost/quarterdeck",
        ),
    ):
        command = _command(
            commands, verb, words, BACKUP_EXAMPLES.format(verb=verb, example=example)
        )
        command.add_argument("file", type=Path, metavar="FILE", help="the backup")
        if verb == "backup":
            command.add_argument(
                "--overwrite", action="store_true", help="take the place of a file that is there"
            )
        else:
            command.add_argument(
                "--check", action="store_true", help="restore into memory: prove the file only"
            )
        _take_journal(command)


def _take_journal(parser: argparse.ArgumentParser) -> None:
    _take_demo(parser)
    _take_env_file(parser)
    parser.add_argument(
        "--database", metavar="URL", help="this journal, whatever the environment says"
    )


def _take_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--demo", action="store_true", help="the demo's journal")
    _take_folder(parser)


def _take_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, metavar="PATH", help="the demo's folder (~/.quarterdeck/demo)"
    )


def _take_env_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env-file",
        type=Path,
        metavar="PATH",
        default=ENV_FILE,
        help="settings below the environment (.env)",
    )


def _port(text: str) -> int:
    return _whole(text, "a port", PORT_MAX)


def _seed(text: str) -> int:
    return _whole(text, "a seed", SEED_MAX)


def _whole(text: str, name: str, largest: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > largest:
        shown = text[:40]
        raise argparse.ArgumentTypeError(
            f"{shown!r} is not {name}: give a whole number from 0 to {largest}"
        )
    return int(text)
