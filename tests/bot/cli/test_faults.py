"""Which faults become a sentence, and which stay a traceback."""

import errno
from pathlib import Path

import pytest

from bot.cli.faults import CommandRefused, sentence_of, sentences_of
from bot.cli.reading import settings_of
from bot.environment import EnvironmentFileError
from bot.settings import SettingsError
from bot.side_door import DoorTaken
from bot.telegram_api import TelegramUnreachable, TokenRefused
from bot.web import PortTaken
from engine.errors import JournalCorrupt, JournalLocked, JournalMismatch, JournalUnavailable


@pytest.mark.parametrize(
    "fault",
    [
        JournalLocked("It is in use by process 7."),
        JournalCorrupt("Event 4 is missing"),
        JournalMismatch("It belongs to live mode."),
        JournalUnavailable("The disk is full."),
        PortTaken(errno.EADDRINUSE, "Port 8080 is taken."),
        DoorTaken(errno.EADDRINUSE, "A running process has the door."),
        TokenRefused("Telegram does not accept the token."),
        TelegramUnreachable("Telegram does not answer."),
        CommandRefused("There is no journal\nat all"),
    ],
)
def test_an_expected_fault_becomes_one_line_that_ends_as_a_sentence(fault: Exception) -> None:
    sentence = sentence_of(fault)
    assert sentence is not None
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert "Errno" not in sentence


def test_every_fault_of_the_settings_has_its_own_sentence() -> None:
    assert sentences_of(SettingsError(("One is wrong.", "Two is wrong"))) == (
        "One is wrong.",
        "Two is wrong.",
    )


def test_a_group_of_expected_faults_is_told_once_each() -> None:
    group = ExceptionGroup("both", [JournalLocked("Held."), JournalLocked("Held.")])
    assert sentences_of(group) == ("Held.",)


@pytest.mark.parametrize(
    "bug",
    [KeyError("x"), AssertionError("never"), OSError(5, "io"), ExceptionGroup("g", [KeyError()])],
)
def test_a_bug_of_ours_is_no_sentence(bug: Exception) -> None:
    assert sentences_of(bug) is None
    assert sentence_of(bug) is None


def test_a_settings_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no file"):
        settings_of({}, tmp_path / "none.env", for_command="stop")


def test_a_settings_file_that_was_named_is_read(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text("DATABASE_URL=sqlite:///here.db\n")
    settings = settings_of({}, file, for_command="stop")
    assert settings.database_url.reveal() == "sqlite:///here.db"


def test_a_settings_file_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text("this is not a setting\n")
    with pytest.raises(EnvironmentFileError):
        settings_of({}, file, for_command="stop")
