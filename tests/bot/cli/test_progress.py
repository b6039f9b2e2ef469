"""Progress: a bar where a person looks, plain lines where a log is kept."""

import pytest

from bot.cli.progress import Bar, Interrupted


def test_on_a_terminal_one_line_is_drawn_again_and_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said: list[str] = []
    bar = Bar("events", said.append, on_terminal=True)
    for done in (0, 600, 1200):
        bar.told(done, 1200)
    written = capsys.readouterr().err
    assert written.split("\r")[1:] == [
        f"[{'':30}]   0 %  0 of 1,200 events",
        f"[{'#' * 15:30}]  50 %  600 of 1,200 events",
        f"[{'#' * 30}] 100 %  1,200 of 1,200 events\n",
    ]
    assert said == []


def test_without_a_terminal_each_tenth_of_long_work_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said: list[str] = []
    bar = Bar("events", said.append, on_terminal=False)
    for done in range(0, 20_001, 500):
        bar.told(done, 20_000)
    assert len(said) == 10
    assert said[0] == "2,000 of 20,000 events, 10 %."
    assert said[-1] == "20,000 of 20,000 events, 100 %."
    assert capsys.readouterr().err == ""


def test_short_work_says_nothing_in_a_log() -> None:
    said: list[str] = []
    Bar("events", said.append, on_terminal=False).told(9_999, 9_999)
    assert said == []


def test_where_nobody_waits_any_more_the_work_ends() -> None:
    bar = Bar("events", print, on_terminal=False)
    bar.told(1, 2)
    bar.stop()
    with pytest.raises(Interrupted):
        bar.told(2, 2)


def test_of_nothing_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    Bar("events", print, on_terminal=True).told(0, 0)
    assert capsys.readouterr() == ("", "")
