"""`quarterdeck history` on the demo's own market: fetched, counted, printed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.cli.arguments import parse
from bot.cli.faults import CommandRefused
from bot.cli.history import HEADER, work_on_history
from bot.cli.history_arguments import TIMEFRAMES, HistoryArguments
from engine.candles import Timeframe
from storage.candles import Candles
from storage.database import Database

BEGIN = datetime(2024, 2, 1, tzinfo=UTC)
LINE = "binance btcusdt 1h --from 2024-02-01 --to 2024-02-02T06:00"


def given(line: str, folder: Path) -> HistoryArguments:
    arguments = parse(["history", *line.split(), "--folder", str(folder)])
    assert isinstance(arguments, HistoryArguments)
    return arguments


async def run(line: str, folder: Path) -> tuple[int, list[str]]:
    said: list[str] = []
    return await work_on_history(given(line, folder), {}, said.append), said


def test_the_arguments_know_the_timeframes_of_the_engine() -> None:
    assert tuple(each.value for each in Timeframe) == TIMEFRAMES


def test_times_are_utc_and_symbols_capitals(tmp_path: Path) -> None:
    found = given(f"backfill {LINE}", tmp_path)
    assert (found.since, found.until) == (BEGIN, BEGIN + timedelta(hours=30))
    assert (found.symbol, found.timeframe, found.demo) == ("BTCUSDT", "1h", True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("backfill binance BTC/USDT 1h", "--from"),
        ("backfill binance BTC/USDT 2h --from 2024-02-01", "1m, 5m, 15m, 1h, 4h, 1d"),
        ("backfill binance BTC/USDT 1h --from yesterday", "write 2026-01-01"),
        ("backfill binance BTC/USDT 1h --from 0001-01-01", "write 2026-01-01"),
        ("", "ACTION"),
    ],
)
def test_a_bad_line_is_refused_in_one_sentence(
    line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        given(line, tmp_path)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert told in said
    assert said.count("\n") == 1


async def test_the_demos_candles_are_those_of_its_own_prices(tmp_path: Path) -> None:
    code, said = await run(f"backfill {LINE}", tmp_path)
    assert code == 0
    assert said[-1].startswith("binance BTC/USDT 1h, 2024-02-01 00:00 to 2024-02-02 06:00 UTC: 30")
    # The same again has nothing to do.
    assert "0 candles stored in 0 requests" in (await run(f"backfill {LINE}", tmp_path))[1][-1]
    assert (await run("gaps", tmp_path))[1] == [
        "binance BTC/USDT 1h: 2024-02-01 00:00 to 2024-02-02 06:00 UTC. Whole."
    ]
    output = tmp_path / "candles.csv"
    code, said = await run(f"export binance BTC/USDT 1h --output {output}", tmp_path)
    assert said == [f"30 candles of binance BTC/USDT 1h written to {output}."]
    lines = output.read_text().splitlines()
    assert lines[0] == HEADER
    assert lines[1].startswith("2024-02-01T00:00:00Z,")
    rows = [line.split(",") for line in lines[1:]]
    # Each candle closes where the next one opens.
    assert [row[4] for row in rows[:-1]] == [row[1] for row in rows[1:]]


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    await run(f"backfill {LINE}", tmp_path)
    database = Database(f"sqlite:///{tmp_path / 'quarterdeck.db'}")
    await database.open()
    gone = "DELETE FROM candles WHERE opened_at = (SELECT max(opened_at) FROM candles)"
    await database.write(lambda c: c.execute(text(gone)).rowcount)
    assert len(await Candles(database).series()) == 1
    await database.close()
    told = "1 missing: 2024-02-02 05:00 to 2024-02-02 06:00."
    assert told in (await run("gaps", tmp_path))[1][0]
    await run(f"backfill {LINE}", tmp_path)
    assert "Whole." in (await run("gaps", tmp_path))[1][0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("backfill binance PIZZA/USDT 1h --from 2024-02-01", "binance has no PIZZA/USDT"),
        ("backfill kraken BTC/USDT 1h --from 2024-02-01", "kraken has no BTC/USDT"),
        ("backfill binance BTC/USDT 1h --from 2024-02-02 --to 2024-02-01", "No candle"),
    ],
)
async def test_what_cannot_be_fetched_is_refused(line: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match=told):
        await run(line, tmp_path)
