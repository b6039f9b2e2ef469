"""The arguments of `quarterdeck history`, apart from those of the other commands."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

HistoryAction = Literal["backfill", "gaps", "export"]
# The engine's own, which is not loaded to read a line of arguments.
TIMEFRAMES: Final = ("1m", "5m", "15m", "1h", "4h", "1d")
HISTORY_EXAMPLES: Final = """examples:
  quarterdeck history backfill binance BTC/USDT 1h --from 2025-01-01
  quarterdeck history backfill binance BTC/USDT 1m --from 2026-01-01 --to 2026-02-01T12:00
  quarterdeck history gaps
  quarterdeck history export binance BTC/USDT 1h --from 2025-01-01 --output btc.csv
"""
_ACTIONS: Final = (
    ("backfill", "fetch candles from a venue; run it again to go on where it ended"),
    ("gaps", "say which candles are there, and which are missing"),
    ("export", "print candles as CSV, oldest first"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryArguments:
    """Work on the candles of a journal's database; which journal, as in JournalArguments.

    Without `symbol` all that is there is meant. `until` None means now.
    """

    action: HistoryAction
    venue: str
    symbol: str
    timeframe: str
    since: datetime
    until: datetime | None
    output: Path | None
    demo: bool
    folder: Path
    env_file: Path
    database: str | None


def add_history(
    add: Callable[[str, str, str], argparse.ArgumentParser],
    take_journal: Callable[[argparse.ArgumentParser], None],
    parser_class: type[argparse.ArgumentParser],
) -> None:
    """Add the command; `add` makes one, `take_journal` lets it name a journal."""
    history = add("history", "candles: fetch them, find gaps, export", HISTORY_EXAMPLES)
    actions = history.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=parser_class
    )
    for name, words in _ACTIONS:
        action = actions.add_parser(
            name,
            help=words,
            description=f"{words[:1].upper()}{words[1:]}.",
            epilog=HISTORY_EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name != "gaps":
            action.add_argument("venue", metavar="VENUE", help="such as binance")
            action.add_argument("symbol", metavar="SYMBOL", help="such as BTC/USDT")
            action.add_argument("timeframe", type=_timeframe, metavar="TIMEFRAME", help=_NAMES)
            action.add_argument(
                "--from", dest="since", type=_time, metavar="TIME", required=name == "backfill",
                help="the first candle, in UTC: 2026-01-01 or 2026-01-01T12:00",
            )  # fmt: skip
            action.add_argument(
                "--to", dest="until", type=_time, metavar="TIME", help="before this one; else now"
            )
        if name == "export":
            action.add_argument("--output", type=Path, metavar="FILE", help="all or nothing")
        take_journal(action)


_NAMES: Final = ", ".join(TIMEFRAMES)
_FIRST: Final = datetime(2009, 1, 3, tzinfo=UTC)


def history_arguments(given: argparse.Namespace, folder: Path) -> HistoryArguments:
    """Take what was given."""
    return HistoryArguments(
        action=given.action,
        venue=getattr(given, "venue", "").lower(),
        symbol=getattr(given, "symbol", "").upper(),
        timeframe=getattr(given, "timeframe", ""),
        since=getattr(given, "since", None) or _FIRST,
        until=getattr(given, "until", None),
        output=getattr(given, "output", None),
        demo=given.demo or given.folder is not None,
        folder=folder,
        env_file=given.env_file,
        database=given.database,
    )


def _timeframe(text: str) -> str:
    if text.lower() not in TIMEFRAMES:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no timeframe: give one of {_NAMES}.")
    return text.lower()


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.year < _FIRST.year:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is no time since {_FIRST.year}: write 2026-01-01 or 2026-01-01T12:00."
        )
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
