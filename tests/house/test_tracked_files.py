"""What is published: no machine's paths, no registry, no note to oneself, no secret, no picture."""

import re

import pytest

from tests.house.sources import ROOT, tracked_texts

# Each pattern is put together, so that this file does not contain what it forbids.
NOTE = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X"))
REGISTRY = "|".join(
    (
        r"https?://[^\s\"']*(pypi|python" + r"hosted|npm" + r"js|regis" + r"try\.)",
        "--(extra-)?index" + "-url",
        "--find" + "-links",
        "file:" + "///(opt|srv|mnt)",
    )
)
MACHINE = r"(?<![\w.])/(?:" + "|".join(("wo" + "rk", "ho" + "me", "Us" + "ers", "tm" + "p")) + ")/"
ELSEWHERE = r"\.\./" + "shared"
TOKEN = r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"

FORBIDDEN = {
    "a note to oneself": rf"\b(?:{NOTE})\b",
    "a package registry": REGISTRY,
    "a path of one machine": f"{MACHINE}|{ELSEWHERE}",
    "a bot token": TOKEN,
    "a private key": "-----BEGIN [A-Z ]*PRIVATE" + " KEY",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_published_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    faults = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]

    assert not faults, f"{what} was published:\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a note to oneself", "x = 1  # TO" + "DO later"),
        ("a package registry", "pip install --index" + "-url x"),
        ("a package registry", "https://files.python" + "hosted.org/x"),
        ("a path of one machine", "cd /ho" + "me/me/x"),
        ("a path of one machine", "'/tm" + "p/x'"),
        ("a path of one machine", "see .." + "/shared/DESIGN.md"),
        ("a bot token", "123456789:AA" + "x" * 33),
    ],
)
def test_a_pattern_catches_what_it_is_there_for(what: str, line: str) -> None:
    assert re.search(FORBIDDEN[what], line)


def test_no_published_file_is_large_or_left_over() -> None:
    faults = [
        path
        for path, text in tracked_texts()
        if path.endswith((".db", ".log", ".pyc", ".env")) or len(text) > 1_000_000
    ]

    assert not faults


def test_every_variable_of_the_contract_stands_in_the_example_file() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    variables = """
        TELEGRAM_BOT_TOKEN TELEGRAM_API_URL OPERATORS EXECUTION_MODE CONFIRM VENUES
        BINANCE_API_KEY BINANCE_API_SECRET BINANCE_API_PASSWORD BINANCE_SANDBOX BINANCE_API_URL
        BINANCE_WS_URL DATABASE_URL REDIS_URL PAPER_BALANCE MAX_POSITIONS MAX_DRAWDOWN_PCT
        DAILY_LOSS_LIMIT_PCT SECRET_KEY PORT METRICS_TOKEN
    """.split()

    missing = [name for name in variables if not re.search(rf"^# ?{name}=", example, re.MULTILINE)]

    assert not missing
