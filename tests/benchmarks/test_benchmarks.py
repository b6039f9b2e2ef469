"""The benchmarks run, print a table and write their JSON; no test asks how fast."""

import asyncio
import json
from pathlib import Path

import pytest

from storage.database import Database
from storage.journal import SqlJournal
from tests.benchmarks import bulk
from tests.benchmarks.__main__ import MEASUREMENTS, main
from tests.benchmarks.calibration import excuses
from tests.benchmarks.causes import sampled
from tests.benchmarks.effort import Effort
from tests.benchmarks.growth import Grower, Growth
from tests.benchmarks.report import beside, explanation, growth_lines, line
from tests.benchmarks.rows import (
    Row,
    Target,
    baseline_of,
    median_of_at_least,
    p99_below,
    row_of,
)
from tests.benchmarks.stopping import handed_by

CHOSEN = ("pretrade", "journal", "lookup")
OVER = (
    Target(figure="median", bound=2.0, over_baseline=True),
    Target(figure="p99", bound=8.0, over_baseline=True),
)


def test_a_quick_run_prints_a_table_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"
    chosen = [argument for name in CHOSEN for argument in ("--only", name)]

    assert main(["--quick", "--json", str(path), *chosen]) == 0

    printed = capsys.readouterr().out.splitlines()
    document = json.loads(path.read_text(encoding="utf-8"))
    assert printed[0].startswith("row ")
    assert [each["name"] for each in document["calibration"]] == [
        "calibration.spin",
        "calibration.fdatasync",
    ]
    found = {each["name"].partition(".")[0] for each in document["rows"]}
    assert found == set(CHOSEN)
    assert document["faults"] == {}
    for row in (*document["calibration"], *document["rows"]):
        assert 0 < row["figures"]["low"] <= row["figures"]["median"] <= row["figures"]["p99"]
        assert any(each.startswith(row["name"]) for each in printed)
    compared = {each["name"]: each for each in document["rows"] if each["baseline"]}
    # Without a Postgres its rows are left out, which the run says.
    assert set(compared) - {"journal.single.postgres"} == {"journal.single", "lookup"}
    assert all(each["ratio_median"] > 0 for each in compared.values())


def test_the_request_on_the_wire_is_measured_beside_bare_ccxt_on_a_real_server(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bench.json"

    assert main(["--quick", "--json", str(path), "--only", "wire"]) == 0

    (row,) = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert row["baseline"]["name"] == "bare ccxt"
    assert row["targets"] == ["median < bare + 2 ms", "p99 < bare + 8 ms"]
    assert row["ratio_median"] > 0


def test_live_rows_are_measured_at_a_venue_that_answers_and_behind_entries_that_wait(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bench.json"

    chosen = ["--only", "live-wire", "--only", "live-cancel"]
    assert main(["--quick", "--json", str(path), *chosen]) == 0

    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [each["name"] for each in rows] == ["live.wire", "live.send", "live.cancel"]
    assert [each["baseline"]["name"] for each in rows] == [
        "bare ccxt",
        "bare ccxt",
        "nobody waiting",
    ]
    assert all(each["ratio_median"] > 0 for each in rows)
    assert rows[2]["targets"] == ["p99 < 20 ms"]


def test_growth_with_open_orders_has_a_median_for_every_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"

    assert main(["--quick", "--json", str(path), "--only", "orders"]) == 0

    (growth,) = json.loads(path.read_text(encoding="utf-8"))["growth"]
    assert growth["sizes"] == [10, 100, 1000]
    assert all(min(each["medians"]) > 0 for each in growth["rows"])
    assert "open orders" in capsys.readouterr().out


def test_a_measurement_that_breaks_is_told_and_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> list[Row | Growth]:
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
    slow = row_of("stop.load", "ms", [1.0, 2.0, 59.0], p99_below(50.0), cause="the commit")

    assert line(slow).endswith("p99 < 50 ms  MISS")
    assert explanation(slow, ["load 4.0 on 2 cores"]) == [
        "    MISS: the commit; this machine now: load 4.0 on 2 cores"
    ]


def test_a_row_within_its_target_says_so_and_gives_no_cause() -> None:
    fast = row_of("thousand.memory", "/s", [1600.0], median_of_at_least(1500), cause="one core")

    assert line(fast).endswith("median >= 1500 /s  ok")
    assert explanation(fast, ["load 4.0 on 2 cores"]) == []


def test_a_target_over_a_baseline_is_judged_by_the_baseline_of_the_same_run() -> None:
    bare = baseline_of("bare ccxt", "ms", [1.0, 1.5, 3.0])
    slow = row_of("wire", "ms", [3.0, 3.6, 5.0], *OVER, beside=bare)
    quick = row_of("wire", "ms", [3.0, 3.4, 10.9], *OVER, beside=bare)

    assert [each.figure for each in slow.missed] == ["median"]
    assert quick.missed == ()
    assert "x2.27 x3.63  median < bare + 2 ms, p99 < bare + 8 ms  ok" in line(quick)
    assert beside(quick)[0].split()[:5] == ["bare", "ccxt", "1.00", "1.50", "3.00"]


def test_the_slow_end_of_a_rate_is_its_low_one() -> None:
    rate = row_of("thousand.durable", "/s", [1500.0, 1000.0, 1600.0])

    assert (rate.figures.low, rate.figures.median, rate.figures.p99) == (1000.0, 1500.0, 1000.0)


def test_a_slow_machine_is_named_and_a_usual_one_is_only_described() -> None:
    usual = row_of("calibration.spin", "ms", [7.0])
    slow = row_of("calibration.fdatasync", "ms", [9.0])

    assert excuses([usual], [usual], load=0.1) == ["spin 7 ms, p99 7"]
    assert excuses([slow], [slow], load=3.0)[-1] == "fdatasync 9 ms, p99 9, usually 2"


def test_a_busy_machine_ends_a_measurement_early_but_never_without_a_sample(
    tmp_path: Path,
) -> None:
    effort = Effort(quick=False, folder=tmp_path)

    assert list(effort.turns(40, quick=3, budget_s=-1.0)) == [0]
    assert list(effort.turns(4, quick=3, budget_s=600.0)) == [0, 1, 2, 3]


def test_growth_is_printed_size_by_size_and_a_gap_shows_as_one() -> None:
    grower = Grower("open orders", (10, 100))
    grower.add("append", "ms", 10, [3.0, 1.0, 2.0])

    lines = growth_lines([grower.table()])

    assert lines[0].split() == ["open", "orders", "10", "100", "unit"]
    assert lines[1].split() == ["append", "2.00", "-", "ms"]


async def test_a_journal_grown_in_bulk_is_one_that_the_product_could_have_written(
    tmp_path: Path,
) -> None:
    made = await bulk.begun(tmp_path / "journal.db")
    first = made.seq

    made.grow(2 * first)

    journal = SqlJournal(Database(f"sqlite:///{made.file}"))
    try:
        verification = await journal.verify()
        assert made.seq >= 2 * first
        assert (verification.seq, verification.hash) == (made.seq, made.hash)
        # The one column that is not made anew; see the module's docstring.
        assert all("Table signals" in each for each in verification.faults)
        assert len(await journal.find_command(made.command(0, 0))) == 2
    finally:
        await journal.close()


def test_the_answer_that_handed_an_update_out_is_found_by_its_offset() -> None:
    calls = [(None, 20, 1.0), (700, 20, 2.0), (720, 20, 3.0), (721, 20, 4.0)]

    assert handed_by(calls, 725) == 3.0
    assert handed_by(calls, 719) == 2.0
    with pytest.raises(AssertionError, match="update 900 was never handed out"):
        handed_by(calls, 900)


def test_what_a_thread_does_is_sampled_and_waiting_is_not() -> None:
    async def wait() -> None:
        await asyncio.sleep(0.05)

    with sampled() as shares:
        asyncio.run(wait())
        sum(number for number in range(2_000_000))

    assert shares.sentence().startswith("sampled: ")
