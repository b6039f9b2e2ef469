"""The emergency file itself: durable lines, a cut one ignored, a damaged one told, one owner."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engine import events as e
from engine.commands import Actor, ActorKind
from engine.errors import JournalUnavailable
from storage.chain import Head
from storage.emergency_file import ROOM_BYTES, EmergencyFile

AT = datetime(2026, 11, 17, 14, 32, 5, tzinfo=UTC)
OWNER = Actor(kind=ActorKind.SHELL, name="root")


def halted(number: int) -> e.TradingHalted:
    return e.TradingHalted(at=AT, command_id=f"c{number}", actor=OWNER, reason="flatten")


def flat(number: int) -> e.FlattenStarted:
    quantities = (Decimal("0.30"), Decimal(number))
    return e.FlattenStarted(
        at=AT, command_id=f"c{number}", actor=OWNER, keys=("a:B/C", "a:D/E"), quantities=quantities
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db.emergency"


def written(path: Path, pages: int = 3) -> EmergencyFile:
    file = EmergencyFile(path)
    file.begin("j1", AT)
    head = Head(seq=7, hash="7" * 64)
    for number in range(pages):
        head = file.write([[halted(number)], [flat(number), halted(number)]], head)
    return file


def test_what_was_written_is_read_as_it_was(path: Path) -> None:
    written(path).close()
    record = EmergencyFile(path).read()
    assert record is not None
    assert (record.journal_id, record.since, record.is_damaged) == ("j1", AT, False)
    assert [page.before.seq for page in record.pages] == [7, 10, 13]
    assert record.pages[0].after == record.pages[1].before
    assert record.pages[2].steps == ((halted(2),), (flat(2), halted(2)))
    assert len(record.events) == 9


def test_its_room_is_written_in_advance_and_it_is_its_owner_s_alone(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0o666)
    file = written(path)
    assert path.stat().st_size == ROOM_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    file.clear()
    assert path.read_bytes() == bytes(ROOM_BYTES)
    assert file.read() is None


def test_a_last_line_that_was_cut_anywhere_is_none(path: Path) -> None:
    written(path, 2).close()
    text = path.read_bytes().rstrip(b"\0")
    begin = text.rindex(b"\n", 0, -1) + 1
    for end in (*range(begin, len(text), 97), len(text) - 1):
        path.write_bytes(text[:end])
        file = EmergencyFile(path)
        record = file.read()
        file.close()
        assert record is not None
        assert (len(record.pages), record.is_damaged) == (1, False), end


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_line_that_was_changed_is_passed_over_and_told(path: Path, line: int) -> None:
    written(path).close()
    lines = path.read_bytes().rstrip(b"\0").splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"', b"'", 1)
    path.write_bytes(b"".join(lines))
    file = EmergencyFile(path)
    record = file.read()
    assert record is not None
    assert record.is_damaged
    assert (record.journal_id, len(record.pages)) == ("j1", 3 if line == 0 else 2)
    # and it can be kept for whoever wants to look, while a new one begins
    kept = file.set_aside()
    assert kept.read_bytes().rstrip(b"\0") == b"".join(lines)
    assert file.read() is None
    file.begin("j1", AT)
    assert file.set_aside() != kept


def test_strange_bytes_are_damage_and_no_record(path: Path) -> None:
    path.write_bytes(b"\xff\xfe nonsense\nmore\n")
    record = EmergencyFile(path).read()
    assert record is not None
    assert record.is_damaged
    assert record.pages == ()


def test_a_record_that_was_merged_and_not_cleared_does_not_leak_into_the_next(path: Path) -> None:
    file = written(path, 3)
    file.begin("j1", AT)
    file.write([[halted(9)]], Head(seq=30, hash="3" * 64))
    record = file.read()
    assert record is not None
    assert record.events == (halted(9),)
    assert not record.is_damaged


def test_one_process_at_a_time_writes_it(path: Path) -> None:
    first, second = EmergencyFile(path), EmergencyFile(path)
    first.open()
    with pytest.raises(JournalUnavailable, match="cannot be used"):
        second.open()
    # what it holds can be read all the same
    first.begin("j1", AT)
    first.write([[halted(1)]], Head(seq=7, hash="7" * 64))
    record = second.read()
    assert record is not None
    assert record.events == (halted(1),)
    with pytest.raises(JournalUnavailable):
        second.clear()
    first.close()
    second.open()
    second.close()


def test_a_link_of_somebody_else_and_a_folder_are_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("theirs")
    path.symlink_to(tmp_path / "target")
    with pytest.raises(JournalUnavailable):
        EmergencyFile(path).open()
    assert (tmp_path / "target").read_text() == "theirs"
    with pytest.raises(JournalUnavailable):
        EmergencyFile(tmp_path).open()
    with pytest.raises(JournalUnavailable):
        EmergencyFile(tmp_path / "gone" / "file").open()
