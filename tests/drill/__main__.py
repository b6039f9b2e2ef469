"""Run the drill: `make drill`, or `python -m tests.drill --orders 200 --kills 3 --seed 7`."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.drill.course import course
from tests.drill.judge import Verdict, judged


async def drilled(folder: Path, *, orders: int, kills: int, seed: int) -> Verdict:
    """Send orders while everything goes wrong, let it settle, and judge what is left."""
    async with course(folder, seed) as made:
        await made.begin()
        await made.run(orders=orders, kills=kills)
        await made.rest()
        assert await made.console.terminate() == 0, made.console.log[-2000:]
        return await judged(made)


def main() -> int:
    """Give 0 when every promise was kept, otherwise 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        verdict = asyncio.run(
            drilled(Path(folder), orders=chosen.orders, kills=chosen.kills, seed=chosen.seed)
        )
    ended = "FAILED" if verdict.objections else "PASS"
    lines = (*verdict.lines, f"{ended} in {time.monotonic() - begun_s:.0f} s")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if verdict.objections else 0


if __name__ == "__main__":
    sys.exit(main())
