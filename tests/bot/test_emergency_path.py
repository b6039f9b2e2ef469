"""Where the emergency file lies."""

from pathlib import Path

import pytest

from bot.emergency import emergency_path
from bot.settings import load_settings


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////folder/quarterdeck-live.db", "/folder/quarterdeck-live.db.emergency"),
        ("sqlite:///journal.db", "journal.db.emergency"),
    ],
)
def test_it_lies_beside_the_database_s_file(url: str, name: str) -> None:
    assert emergency_path(url) == Path(name).absolute()


def test_a_server_s_lies_in_this_folder_and_shows_nothing_of_its_address() -> None:
    url = "postgresql+psycopg://user:password@host/one"
    path = emergency_path(url)
    assert path is not None
    assert path.parent == Path.cwd()
    assert not any(word in path.name for word in ("user", "password", "host"))
    assert path != emergency_path(url.replace("one", "two"))


def test_a_setting_puts_it_elsewhere_and_a_journal_in_memory_has_none(tmp_path: Path) -> None:
    wanted = tmp_path / "emergency"
    settings = load_settings({"EMERGENCY_FILE": str(wanted)}, for_command="journal")
    assert emergency_path("sqlite:///journal.db", settings.emergency_file) == wanted
    assert emergency_path("sqlite:///:memory:") is None
