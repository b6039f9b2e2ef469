"""The soak: `make soak`, weeks of virtual time in one process, then many sessions of minutes.

make soak                                    everything; hours
make soak ARGS="--minutes 3 --seeds 200"     a taste of each part
make soak ARGS="--parts voyage"              one part: voyage, seeds or points
"""

import argparse
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic

from tests.soak.measures import Sample
from tests.soak.run import Log, Plan, voyaged
from tests.soak.verdict import MB_OVER_BASE_MAX, growth, mb_allowed
from tests.soak.voyage import CRASH_HOURS, RESTART_HOURS

PARTS = ("voyage", "seeds", "points")
MINUTES = 60.0
KEPT_DAYS = 30.0
TABLE_ROWS_MAX = 16
HEADS = (
    "day", "wall s", "events", "orders", "trades", "RSS MB", "venue MB", "net MB", "objects",
    "tasks", "inbox", "alerts waiting", "outbox", "cards", "notes", "updates",
)  # fmt: skip


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--parts", default=",".join(PARTS), help=f"which, of {', '.join(PARTS)}; default: all")
    add("--minutes", type=float, default=MINUTES, help="wall time of the voyage; default: 60")
    add("--hours", type=float, default=float("inf"), help="end after so many virtual hours")
    add("--seed", type=int, default=1, help="of the voyage")
    add("--seeds", type=int, default=20_000, help="how many sessions; default: 20000")
    add("--stride", type=int, help="cut the story at each STRIDE-th point; default: 60 / minutes")
    add("--sample-hours", type=float, help="measure each; default: 24, less on a short voyage")
    add("--kept-days", type=float, help="retention; default: 30, less on a short voyage")
    add("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    add("--json", type=Path, default=Path("soak.json"), help="default: soak.json")
    chosen = parser.parse_args(given)
    unknown = set(chosen.parts.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    return chosen


def main(given: Sequence[str] | None = None) -> int:
    """Run the chosen parts; give 1 when one of them failed."""
    chosen = arguments(given)
    begun_s, parts = monotonic(), chosen.parts.split(",")
    failed: list[str] = []
    if "voyage" in parts and not _voyage(chosen):
        failed.append("voyage")
    jobs = ["--jobs", str(chosen.jobs)]
    if "seeds" in parts and not _simulated("--seeds", f"0..{chosen.seeds}", *jobs):
        failed.append("seeds")
    stride = chosen.stride or max(1, round(MINUTES / chosen.minutes))
    if "points" in parts and not _simulated("--crash-points", str(stride), *jobs):
        failed.append("points")
    verdict = f"FAIL: {', '.join(failed)}" if failed else "PASS"
    _say(f"\nsoak: {verdict}; {', '.join(parts)} in {(monotonic() - begun_s) / 60:.1f} minutes")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def plan_of(chosen: argparse.Namespace) -> Plan:
    """Give the plan; a short voyage is measured more often, and keeps less."""
    is_short = chosen.minutes < MINUTES or chosen.hours < float("inf")
    return Plan(
        seed=chosen.seed,
        minutes=chosen.minutes,
        hours=chosen.hours,
        sample_hours=chosen.sample_hours or (2.0 if is_short else 24.0),
        kept_days=chosen.kept_days or (0.25 if is_short else KEPT_DAYS),
        restart_hours=24.0 if is_short else RESTART_HOURS,
        crash_hours=12.0 if is_short else CRASH_HOURS,
    )


def _simulated(*given: str) -> bool:
    _say(f"\npython -m tests.simulation {' '.join(given)}")
    command = [sys.executable, "-m", "tests.simulation", *given]
    return subprocess.run(command, check=False).returncode == 0


def _voyage(chosen: argparse.Namespace) -> bool:
    logging.disable(logging.WARNING)
    plan = plan_of(chosen)
    log = voyaged(plan)
    against = log.objections(plan.kept_days)
    chosen.json.write_text(
        json.dumps({"plan": asdict(plan), "log": asdict(log), "objections": against}, indent=1)
    )
    _say("\n".join(table(log.samples)))
    _say("\n".join(_summary(log, plan)))
    for objection in against:
        _say(f"FAIL: {objection}")
    if not against:
        _say("PASS: memory, tasks, queues and tables kept to their bounds; nothing warned; the")
        _say("journal is sound, and the books equal the venue's.")
    return not against


def table(samples: Sequence[Sample]) -> list[str]:
    """Draw some of the samples, the first and the last among them."""
    step = max(1, -(-len(samples) // TABLE_ROWS_MAX))
    shown = [*samples[:-1:step], *samples[-1:]]
    rows = [HEADS, *(_row(one) for one in shown)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(HEADS))]
    return [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    ]


def _row(one: Sample) -> tuple[str, ...]:
    waiting = sum(one.outbox.get(status, 0) for status in ("due", "sending"))
    numbers = (
        one.objects, one.tasks, one.inbox, waiting,
        *(one.rows[name] for name in ("outbox", "cards", "notes", "updates")),
    )  # fmt: skip
    return (
        f"{one.day:.2f}", f"{one.wall_s:.0f}", f"{one.seq:,}", f"{one.orders:,}",
        f"{one.trades:,}", f"{one.rss_mb:.1f}", f"{one.ledger_mb:.1f}", f"{one.net_mb:.1f}",
        *(f"{number:,}" for number in numbers),
    )  # fmt: skip


def _summary(log: Log, plan: Plan) -> Iterator[str]:
    minutes = max(log.wall_s / 60, 0.01)
    yield (
        f"{log.days:.2f} virtual days in {minutes:.1f} minutes: {log.days / minutes:.2f} days a "
        f"minute; {log.wishes:,} wishes, {log.restarts} restarts in good order, {log.crashes} "
        f"crashes; retention {plan.kept_days:g} days"
    )
    if not log.samples:
        return
    last, (days, grown) = log.samples[-1], growth(log.samples)
    yield (
        f"memory: the simulator alone {log.base_mb:.1f} MB; at the end "
        f"{last.net_mb - log.base_mb:.1f} MB over it without the venue's ledger (bound "
        f"{MB_OVER_BASE_MAX:g}); after the warm-up {grown:+.1f} MB in {days:.1f} virtual days "
        f"(bound {mb_allowed(days):.1f})"
    )
    longest = sorted(last.held.items(), key=lambda one: -one[1])[:6]
    yield "longest in memory: " + ", ".join(f"{name} {length:,}" for name, length in longest)


if __name__ == "__main__":
    sys.exit(main())
