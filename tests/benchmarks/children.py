"""Children: processes that a benchmark starts, speaks a line to, and sees gone."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.console import environment

BEGIN_S, END_S = 30.0, 10.0


@dataclass(slots=True, kw_only=True)
class Child:
    """A running module of ours; its first line of output is its `word`. It ends with its input."""

    process: Process
    word: str

    def tell(self, line: str) -> None:
        """Write a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())


@asynccontextmanager
async def child(module: str, folder: Path, **settings: str) -> AsyncIterator[Child]:
    """Run a module of the benchmarks until the end of the block."""
    process = await create_subprocess_exec(
        sys.executable, "-m", f"tests.benchmarks.{module}",
        cwd=folder, env=environment(folder, **settings), stdin=PIPE, stdout=PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(BEGIN_S):
            line = await process.stdout.readline()
        assert line, f"{module} ended with {await process.wait()}"
        yield Child(process=process, word=line.decode().strip())
    finally:
        await _ended(process)


async def _ended(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def input_lines() -> AsyncIterator[str]:
    """Give, in a child, the lines that its parent writes, until the parent is gone."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        yield line.decode().strip()


def say(word: str) -> None:
    """Tell, in a child, the parent that it runs."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
