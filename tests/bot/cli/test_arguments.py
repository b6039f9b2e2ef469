"""The arguments: what each command reads, and the one sentence of each refusal."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.arguments import (
    DemoArguments,
    DoctorArguments,
    JournalArguments,
    KillArguments,
    RunArguments,
    demo_database_url,
    demo_folder,
    parse,
)

ENV = Path(".env")


def test_each_command_is_read_with_its_defaults() -> None:
    folder = demo_folder()
    assert parse(["demo"]) == DemoArguments(folder=folder, port=None, browser=True, seed=None)
    assert parse(["run"]) == RunArguments(env_file=ENV)
    assert parse(["doctor"]) == DoctorArguments(env_file=ENV)
    for verb in ("stop", "flatten"):
        read = parse([verb])
        assert isinstance(read, KillArguments)
        assert (read.verb, read.demo, read.folder, read.env_file) == (verb, False, folder, ENV)
    for words, with_external in (("flatten", False), ("flatten --with-external", True)):
        read = parse(words.split())
        assert isinstance(read, KillArguments)
        assert read.with_external == with_external
    for action in ("verify", "export", "rebuild"):
        read = parse(["journal", action])
        assert isinstance(read, JournalArguments)
        assert (read.action, read.demo, read.database, read.output) == (action, False, None, None)


def test_every_option_arrives_where_it_belongs() -> None:
    assert parse("demo --folder there --port 0 --no-browser --seed 7".split()) == DemoArguments(
        folder=Path("there"), port=0, browser=False, seed=7
    )
    assert parse("run --env-file x.env".split()) == RunArguments(env_file=Path("x.env"))
    assert parse("journal export --database sqlite:///a.db --output b".split()) == JournalArguments(
        action="export",
        demo=False,
        folder=demo_folder(),
        env_file=ENV,
        database="sqlite:///a.db",
        output=Path("b"),
    )


def test_naming_a_folder_means_the_demo() -> None:
    read = parse("flatten --folder there".split())
    assert isinstance(read, KillArguments)
    assert read.demo
    assert read.folder == Path("there")


def test_the_home_folder_may_be_written_short() -> None:
    read = parse(["demo", "--folder", "~/there"])
    assert isinstance(read, DemoArguments)
    assert read.folder == Path.home() / "there"


def test_the_demos_journal_lies_in_its_folder() -> None:
    assert demo_database_url(Path("/there")) == "sqlite:////there/quarterdeck.db"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "The following arguments are required: COMMAND."),
        ("trade", "invalid choice: 'trade'"),
        ("journal", "The following arguments are required: ACTION."),
        ("journal burn", "invalid choice: 'burn'"),
        ("demo --port web", "'web' is not a port: give a whole number from 0 to 65535"),
        ("demo --port 65536", "'65536' is not a port"),
        ("demo --port -1", "'-1' is not a port"),
        ("demo --seed 1e9", "'1e9' is not a seed"),
        ("demo --folder", "Argument --folder: expected one argument"),
        ("demo --brow", "Unrecognized arguments: --brow"),
        ("run --demo", "Unrecognized arguments: --demo"),
        ("stop now", "Unrecognized arguments: now"),
        ("journal verify --output x", "Unrecognized arguments: --output x"),
    ],
)
def test_wrong_arguments_get_one_sentence_and_exit_code_2(
    given: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(given.split())
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert sentence in told.err
    assert told.err.count("\n") == 1
    assert " --help" in told.err


@pytest.mark.parametrize(
    "given", ["--help", "demo --help", "run -h", "stop -h", "flatten -h", "journal verify -h"]
)
def test_help_shows_examples(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(given.split())
    assert ended.value.code == 0
    assert "examples:\n  quarterdeck " in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("quarterdeck ")


def test_reading_arguments_loads_no_heavy_library() -> None:
    heavy = "ccxt sqlalchemy sqlmodel telegram aiohttp engine storage redis asyncio"
    code = (
        "import sys; import bot.cli.arguments; "
        f"sys.exit(','.join(m for m in {heavy.split()!r} if m in sys.modules) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    assert ended.returncode == 0, ended.stderr
