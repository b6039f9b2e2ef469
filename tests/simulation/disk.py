"""The disk: a real database file that outlives the process, and fails as disks do."""

import asyncio
import random
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from engine.errors import AppendUncertain, JournalUnavailable
from storage.database import OPEN_TIMEOUT_S, Database
from storage.emergency_file import EmergencyFile
from tests.simulation.life import Life

R = TypeVar("R")


class DiskFault(Enum):
    """How an access goes wrong: refused, torn in its middle, lost with its answer, or slow."""

    FULL = "full"
    TORN = "torn"
    UNDONE = "undone"
    UNTOLD = "untold"
    STALLED = "stalled"


class Disk:
    """Hold the file and decide how each access goes.

    A transaction that fails may have been refused at once, torn in its middle, lost with its
    answer before the commit or after it; or it only takes long. `is_down` refuses everything.
    """

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.file = folder / "journal.db"
        self.url = f"sqlite:///{self.file}"
        self.emergency = folder / "journal.db.emergency"
        self.fail_share = 0.0
        self.is_down = False
        self.hangs_s = 0.0
        self.commits = 0
        self.on_commit: Callable[[], None] = lambda: None
        self.turn = asyncio.Lock()
        self._dice = dice

    def come_back(self) -> None:
        """Work again."""
        self.is_down = False

    def wait_s(self) -> float:
        """Give how long an access takes."""
        return self._dice.choice((0.0004, 0.0008, 0.002))

    def fault(self) -> DiskFault | None:
        """Throw the dice for one access; None when it goes well."""
        if self.is_down:
            return DiskFault.FULL
        if self.fail_share and self._dice.random() < self.fail_share:
            return self._dice.choice(tuple(DiskFault))
        return None

    def emergency_fails(self) -> bool:
        """Throw the dice for one write of the emergency file, which lies on another disk."""
        return bool(self.fail_share) and self._dice.random() < self.fail_share / 4

    def hang_s(self) -> float:
        """Give how long the next write is to hang, once."""
        hangs_s, self.hangs_s = self.hangs_s, 0.0
        return hangs_s

    def stall_s(self) -> float:
        """Give for how long the disk hangs."""
        return self._dice.uniform(0.02, 0.4)


class SimulatedDatabase(Database):
    """The real database, inline, one access after the other as on its writer's thread."""

    def __init__(self, url: str, *, disk: Disk, life: Life) -> None:
        super().__init__(url, inline=True)
        self._disk = disk
        self._life = life

    async def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        self._life.point("before opening the journal")
        if self._disk.is_down:
            raise JournalUnavailable("the disk is away")
        await super().open(timeout_s)

    async def write(self, function: Callable[[Connection], R]) -> R:
        return await self._life.ask("a write", self._in_turn(function))

    async def read(self, function: Callable[[Connection], R]) -> R:
        return await self._life.ask("a read", self._looked(function))

    async def _in_turn(self, function: Callable[[Connection], R]) -> R:
        async with self._disk.turn:
            fault = self._disk.fault()
            await asyncio.sleep(self._disk.wait_s() + self._disk.hang_s())
            if fault is DiskFault.STALLED:
                await asyncio.sleep(self._disk.stall_s())
            self._life.check()  # what only waited for the disk dies with the process
            match fault:
                case DiskFault.FULL:
                    raise JournalUnavailable("the disk is full")
                case DiskFault.TORN:
                    return await super().write(_torn(function))
                case DiskFault.UNDONE:
                    raise AppendUncertain("the commit was not answered")
                case _:
                    result = await super().write(function)
            self._disk.commits += 1
            self._disk.on_commit()
            self._life.point("after a commit")
            if fault is DiskFault.UNTOLD:
                raise AppendUncertain("the commit was not answered")
            await asyncio.sleep(self._disk.wait_s())
            return result

    async def _looked(self, function: Callable[[Connection], R]) -> R:
        fault = self._disk.fault()
        await asyncio.sleep(self._disk.wait_s())
        self._life.check()
        if fault in (DiskFault.FULL, DiskFault.TORN):
            raise JournalUnavailable("it cannot be read")
        if fault is DiskFault.STALLED:
            await asyncio.sleep(self._disk.stall_s())
            self._life.check()
        return await super().read(function)


class SimulatedEmergency(EmergencyFile):
    """The real emergency file, inline; it may fail, and the process may die around each write."""

    room_bytes = 8192  # a start writes it, and there are many

    def __init__(self, path: Path, *, disk: Disk, life: Life) -> None:
        super().__init__(path, inline=True)
        self._disk = disk
        self._life = life
        # The system closes what a dead process held.
        life.at_death.append(self.close)

    def _write(self, text: bytes, offset: int) -> None:
        self._life.point("before writing the emergency file")
        if self._disk.emergency_fails():
            raise JournalUnavailable("the emergency file's disk is full")
        super()._write(text, offset)
        self._disk.on_commit()
        self._life.point("after writing the emergency file")


def _torn(function: Callable[[Connection], R]) -> Callable[[Connection], R]:
    """Let every statement run, and the disk fail before the commit."""

    def torn(connection: Connection) -> R:
        function(connection)
        raise OperationalError("COMMIT", None, OSError("disk I/O error"))

    return torn
