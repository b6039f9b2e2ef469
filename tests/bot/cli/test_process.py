"""The commands as a shell meets them: real processes, exit codes, what goes to which stream."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.assembly import Assembly
from bot.cli.arguments import demo_database_url
from bot.cli.direct import assembly_of_journal
from bot.cli.kill import end
from bot.cli.refusal import CommandRefused
from bot.settings import load_settings
from bot.side_door import door_path

ROOT = Path(__file__).parents[3]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture
def quarterdeck(tmp_path: Path) -> Command:
    def call(*words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bot", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=tmp_path,
            env=environment(tmp_path) | settings,
        )

    return call


@pytest.fixture
def demo(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the demo in the default folder of a home of its own, up to its first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert "http://127.0.0.1:" in first, first + process.stdout.read()
    yield process
    process.kill()
    process.communicate()


def test_a_running_demo_is_stopped_verified_and_exported_from_a_shell(
    demo: "subprocess.Popen[str]", quarterdeck: Command, tmp_path: Path
) -> None:
    stopped = quarterdeck("stop", "--demo")
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert stopped.stdout.startswith("Halted since ")
    assert "from here" not in stopped.stdout
    verified = quarterdeck("journal", "verify", "--demo")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout.endswith("Sound.\n")
    exported = quarterdeck("journal", "export", "--demo")
    assert exported.returncode == 0
    assert '"kind":"TradingHalted"' in exported.stdout
    rebuilt = quarterdeck("journal", "rebuild", "--demo")
    assert rebuilt.returncode == 2
    assert f"in use by process {demo.pid}" in rebuilt.stderr


def test_a_demo_that_was_killed_is_flattened_directly_and_starts_again_halted(
    demo: "subprocess.Popen[str]", quarterdeck: Command, tmp_path: Path
) -> None:
    demo.send_signal(signal.SIGKILL)
    demo.wait(10)
    # The dead process leaves its door behind; a long path has it in the user's own folder.
    assert door_path(demo_database_url(tmp_path / ".quarterdeck" / "demo")).exists()
    ended = quarterdeck("flatten", "--demo")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("No process answers, so this is done from here.")
    assert ended.stdout.splitlines()[-1].startswith("Flat: ")
    assert quarterdeck("journal", "verify", "--demo").returncode == 0


async def test_a_demo_that_stands_still_is_named_and_does_what_it_took_when_it_wakes_up(
    demo: "subprocess.Popen[str]",
    quarterdeck: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a real process that is paused, as by a debugger or a machine that swaps
    monkeypatch.setattr("bot.side_door.FIRST_WORD_S", 0.5)
    url = demo_database_url(tmp_path / ".quarterdeck" / "demo")
    demo.send_signal(signal.SIGSTOP)
    said: list[str] = []
    try:
        # when a shell asks it
        with pytest.raises(CommandRefused, match=f"Process {demo.pid} holds .* does not answer"):
            await end("flatten", url, lambda: _refused(url), said.append, starting_s=0)
    finally:
        demo.send_signal(signal.SIGCONT)
    # then it says what was done and what was not
    assert said == [
        "A process took this and does not answer; should it wake up, it does the flatten then."
    ]
    # and so it is: nobody asks again, and it is flat
    for _ in range(20):
        if '"kind":"FlattenEnded"' in quarterdeck("journal", "export", "--demo").stdout:
            return
    pytest.fail("it never did what it took")


async def _refused(url: str) -> Assembly:
    return await assembly_of_journal(url, load_settings({}, for_command="demo"))


def test_two_demos_in_one_folder_are_one_too_many(
    demo: "subprocess.Popen[str]", quarterdeck: Command
) -> None:
    second = quarterdeck("demo", "--no-browser", "--port", "0")
    assert second.returncode == 2
    assert "Traceback" not in second.stderr
    assert second.stderr.count("\n") == 1
    assert "in use by another demo" in second.stderr


def test_a_port_that_was_chosen_and_is_taken_is_a_sentence(quarterdeck: Command) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        second = quarterdeck("demo", "--no-browser", "--folder", "other", "--port", str(port))
    assert second.returncode == 2
    assert second.stderr.startswith(f"Port {port} cannot be had")
    assert second.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("run", "TELEGRAM_BOT_TOKEN is not set"),
        ("doctor", "OPERATORS is not set"),
        ("stop", "There is no journal at"),
        ("flatten --demo", "There is no journal at"),
        ("journal verify", "There is no journal at"),
        ("journal export --demo", "There is no journal at"),
        ("journal rebuild", "There is no journal at"),
        ("journal verify --database mysql://x/y", "neither SQLite nor Postgres"),
        ("stop --env-file gone.env", "There is no file gone.env"),
        ("demo --port many", "'many' is not a port"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_on_standard_error_and_code_2(
    quarterdeck: Command, words: str, sentence: str
) -> None:
    ended = quarterdeck(*words.split())
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == "" or words == "doctor"
