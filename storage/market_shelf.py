"""The market shelf: where a venue's markets lie between two runs, on disk or in Redis.

Losing it is never wrong: what cannot be read is loaded from the venue, what cannot be written is
loaded again next time. Implements the port `engine.venues.live.market_store.Shelf`.
"""

import asyncio
import logging
import os
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storage.cache_faults import CacheFault
from storage.cache_records import Entry

if TYPE_CHECKING:
    from storage.cache_wire import RedisWire

# A pack of 3,000 markets is 1.6 MB, and 150 KB when it is compressed.
CONTENT_BYTES_MAX: Final = 32_000_000
ANSWER_S: Final = 2.0
PREFIX: Final = "quarterdeck:"
_log = logging.getLogger(__name__)


class DiskShelf:
    """Keep each content in a file of its own, which is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Take a folder, which is made when something is written."""
        self._folder = folder

    async def read(self, name: str) -> bytes | None:
        """Give what was written last; None where there is none, or it cannot be read."""
        return await asyncio.to_thread(self._read, name)

    async def write(self, name: str, content: bytes, *, keep_s: int) -> None:
        """Put content in place of what was there; `keep_s` is for who counts its age."""
        del keep_s
        await asyncio.to_thread(self._write, name, content)

    def _read(self, name: str) -> bytes | None:
        try:
            with (self._folder / name).open("rb") as file:
                return _whole(file.read(CONTENT_BYTES_MAX))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as fault:
            _log.info("stored markets cannot be read", extra={"fault": fault.strerror})
            return None

    def _write(self, name: str, content: bytes) -> None:
        draft: Path | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._folder, prefix=f".{name}.", delete=False
            ) as file:
                draft = Path(file.name)
                file.write(zlib.compress(content, 1))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
        except OSError as fault:
            _log.info("markets cannot be stored", extra={"fault": fault.strerror})
            if draft is not None:
                draft.unlink(missing_ok=True)


class RedisShelf:
    """Keep each content under a key that expires; a connection lasts for one call."""

    def __init__(self, url: str) -> None:
        """Take an address; nothing is connected yet."""
        self._url = url

    async def read(self, name: str) -> bytes | None:
        """Give what was written last; None where there is none, or Redis does not give it soon."""
        try:
            wire = self._wire()
            try:
                found = await wire.read(PREFIX + name)
            finally:
                await wire.close()
        except CacheFault as fault:
            _log.debug("stored markets cannot be read", extra={"fault": str(fault)})
            return None
        return None if found is None else await asyncio.to_thread(_whole, found)

    async def write(self, name: str, content: bytes, *, keep_s: int) -> None:
        """Put content in place of what was there, for so long."""
        payload = await asyncio.to_thread(zlib.compress, content, 1)
        try:
            wire = self._wire()
            try:
                await wire.write([Entry(name=PREFIX + name, payload=payload, ttl_s=keep_s)])
            finally:
                await wire.close()
        except CacheFault as fault:
            _log.debug("markets cannot be stored", extra={"fault": str(fault)})

    def _wire(self) -> "RedisWire":
        # redis-py takes 8 MB and 0.1 s; who has set REDIS_URL pays it anyway.
        from storage.cache_wire import RedisWire  # noqa: PLC0415 - see above

        return RedisWire(self._url, answer_s=ANSWER_S)


def _whole(compressed: bytes) -> bytes | None:
    """Give the content; None for what is none of ours, or too much."""
    reading = zlib.decompressobj()
    try:
        content = reading.decompress(compressed, CONTENT_BYTES_MAX)
    except zlib.error:
        _log.warning("stored markets are damaged")
        return None
    return content if reading.eof else None
