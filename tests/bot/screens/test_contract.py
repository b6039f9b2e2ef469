"""Every golden keeps the visual language, and the words that readers and tests rely on stand."""

import re
from pathlib import Path

import pytest

from bot.callbacks import decode

FOLDER = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))


def _golden(name: str) -> tuple[str, str]:
    text, _, rows = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").rstrip().rpartition("\n\n")
    return text, rows


def _visible(text: str) -> str:
    return re.sub(r"<[^>]+>", "", text).replace("\ufe0f", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_card_keeps_the_grid(name: str) -> None:
    text, rows = _golden(name)
    assert len(_visible(text.split("\n", maxsplit=1)[0])) <= 36
    for shown in re.findall(r"<code>([^<]*\n[^<]*)</code>", text):
        lines = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split("\n")
        assert all(len(line) <= 27 for line in lines)
        assert len(lines) <= 11
    assert text.count("<code>") == text.count("</code>")
    assert len(text) <= 4096
    assert not re.search("[!]", _visible(text)), "no exclamation marks"
    for callback in re.findall(r"q1\|\S+", rows):
        assert decode(callback) is not None


@pytest.mark.parametrize("name", NAMES)
def test_live_and_paper_cannot_be_mistaken_for_each_other(name: str) -> None:
    text, rows = _golden(name)
    first = text.split("\n", maxsplit=1)[0]
    assert ("💵" in first) is ("LIVE" in first)
    assert ("📝" in first) is ("PAPER" in first)
    if "PAPER" in first:
        assert "]+" not in rows, "green commits real money"
        assert "LIVE" not in rows
    if "LIVE" in first:
        assert "]*" not in rows, "blue is for simulated money"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("G2", "Filled"),
        ("order_exit_filled", "Filled"),
        ("H4", "Filled"),
        ("F1", "Unknown"),
        ("E6", "Denied"),
        ("E2", "Expired"),
        ("I1", "Halted"),
        ("B2", "Halted"),
        ("B_halted", "Halted"),
        ("J2", "Halted"),
        ("I4", "Flat"),
        ("I4", "verified"),
        ("I5", "Still open"),
    ],
)
def test_the_words_that_a_reader_relies_on_stand(name: str, words: str) -> None:
    text, _ = _golden(name)
    assert words in _visible(text)


def test_a_ticket_can_be_confirmed_and_cancelled_and_the_ladder_can_flatten() -> None:
    for name in ("D1", "D2", "D3", "D5", "ticket_limit", "ticket_exit"):
        _, rows = _golden(name)
        assert "Confirm" in rows
        assert "Cancel" in rows
    for name in ("I1", "I1_paper", "I1_flat", "I2"):
        assert "Flatten" in _golden(name)[1]


def test_a_viewer_is_offered_nothing_that_trades() -> None:
    for name in ("A2_viewer", "A4", "H3_viewer"):
        _, rows = _golden(name)
        assert not re.search(r"q1\|(tc|pc|gb|sf|oc|oe)", rows)
