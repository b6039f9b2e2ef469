"""Memory: what a process holds, and which of its imports hold it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

from tests.system.console import environment

# In the order in which a starting console comes upon them; each is counted over the ones before.
IMPORTS = ("asyncio", "telegram", "sqlmodel", "engine", "storage.journal", "aiohttp", "bot.app")
PROGRAM = """
import importlib, sys
def resident():
    with open("/proc/self/status") as status:
        return next(int(each.split()[1]) for each in status if each.startswith("VmRSS"))
before = resident()
print("python", before * 1024 / 1e6)
for name in sys.argv[1:]:
    importlib.import_module(name)
    now = resident()
    print(name, (now - before) * 1024 / 1e6)
    before = now
"""


def resident_mb(process_id: int) -> float:
    """Give the resident memory of a process, in megabytes of a million bytes."""
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    (line,) = (each for each in status.splitlines() if each.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


async def imports_mb(folder: Path) -> str:
    """Say how much each of the console's larger imports holds."""
    process = await create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *IMPORTS,
        cwd=folder, env=environment(folder), stdout=PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    parts = [line.split() for line in out.decode().splitlines()]
    return "imports hold: " + ", ".join(f"{name} {float(mb):.0f} MB" for name, mb in parts)


async def import_times(folder: Path) -> str:
    """Say which imports a start spends its time in."""
    process = await create_subprocess_exec(
        sys.executable, "-X", "importtime", "-c", "import bot.__main__, bot.running, bot.demo",
        cwd=folder, env=environment(folder), stderr=PIPE,
    )  # fmt: skip
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    spent_us: dict[str, int] = {}
    for line in err.decode().splitlines():
        parts = line.removeprefix("import time:").split("|")
        if len(parts) == 3 and parts[0].strip().isdigit():
            root = parts[2].strip().partition(".")[0]
            spent_us[root] = spent_us.get(root, 0) + int(parts[0])
    largest = sorted(spent_us.items(), key=lambda each: -each[1])[:6]
    return "imports take: " + ", ".join(f"{name} {us / 1000:.0f} ms" for name, us in largest)
