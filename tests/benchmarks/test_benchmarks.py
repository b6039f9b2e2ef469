"""The benchmarks run, print a table and write their JSON; no test asks how fast."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import MEASUREMENTS, main
from tests.benchmarks.calibration import excuses
from tests.benchmarks.report import explanation, line
from tests.benchmarks.rows import Row, median_of_at_least, p99_below, row_of

PURE = ("pretrade", "signal", "fill", "exits", "screen", "journal")


def test_a_quick_run_of_the_pure_rows_prints_a_table_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"
    chosen = [argument for name in PURE for argument in ("--only", name)]

    assert main(["--quick", "--json", str(path), *chosen]) == 0

    printed = capsys.readouterr().out.splitlines()
    document = json.loads(path.read_text(encoding="utf-8"))
    assert printed[0].startswith("row ")
    assert [each["name"] for each in document["calibration"]] == [
        "calibration.spin",
        "calibration.fdatasync",
    ]
    assert {each["name"].partition(".")[0] for each in document["rows"]} == set(PURE)
    assert document["faults"] == {}
    for row in (*document["calibration"], *document["rows"]):
        assert 0 < row["low"] <= row["median"] <= row["p99"]
        assert any(each.startswith(row["name"]) for each in printed)


def test_a_measurement_that_breaks_is_told_and_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> list[Row]:
        raise ValueError("no such table")

    monkeypatch.setitem(MEASUREMENTS, "pretrade", broken)
    path = tmp_path / "bench.json"

    code = main(["--quick", "--json", str(path), "--only", "pretrade", "--only", "screen"])

    assert code == 1
    assert "pretrade: not measured: ValueError: no such table" in capsys.readouterr().out
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["faults"] == {"pretrade": "ValueError: no such table"}
    assert [each["name"] for each in document["rows"]] == ["screen.ticket", "screen.fill"]


def test_a_row_over_its_target_says_miss_and_why() -> None:
    slow = row_of("wire.added", "ms", [1.0, 2.0, 9.0], p99_below(8.0), cause="the commit")

    assert line(slow).endswith("p99 < 8 ms  MISS")
    assert explanation(slow, ["load 4.0 on 2 cores"]) == [
        "    MISS: the commit; this machine now: load 4.0 on 2 cores"
    ]


def test_a_row_within_its_target_says_so_and_gives_no_cause() -> None:
    fast = row_of("thousand.memory", "/s", [1600.0], median_of_at_least(1500), cause="one core")

    assert line(fast).endswith("median >= 1500 /s  ok")
    assert explanation(fast, ["load 4.0 on 2 cores"]) == []


def test_a_slow_machine_is_named_and_a_usual_one_is_not() -> None:
    usual = row_of("calibration.spin", "ms", [5.0])
    slow = row_of("calibration.fdatasync", "ms", [9.0])

    assert excuses([usual], load=0.1) == []
    assert excuses([usual, slow], load=0.1) == ["calibration.fdatasync 9 ms, usually 2"]
