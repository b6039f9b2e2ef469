"""Uploaded files and the ids under which Telegram keeps them."""

import secrets
import struct
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from bot.sandbox.archive import Archive
from bot.sandbox.refusals import bad_request

KEPT_MAX = 500
SIZE_BYTES_MAX = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file as getFile tells of it; the bytes lie in the archive."""

    file_id: str
    unique_id: str
    path: str
    name: str
    mime_type: str
    size_bytes: int


class Files:
    """The last 500 files."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        stored = [StoredFile(**record) for record in archive.all("file").values()]
        stored.sort(key=lambda one: _number(one.path))
        self._files = OrderedDict((one.file_id, one) for one in stored)
        self._next = max((_number(one.path) for one in stored), default=-1) + 1

    def keep(self, *, content: bytes, name: str, mime_type: str, folder: str) -> StoredFile:
        """Store an upload. Raises: Refusal for an empty or too large file."""
        if not content:
            raise bad_request("file must be non-empty")
        if len(content) > SIZE_BYTES_MAX:
            raise bad_request("file is too big")
        suffix = PurePosixPath(name).suffix[:8] or ".bin"
        stored = StoredFile(
            file_id=f"BQAC{secrets.token_urlsafe(32)}",
            unique_id=f"AgAD{secrets.token_urlsafe(8)}",
            path=f"{folder}/file_{self._next}{suffix}",
            name=name,
            mime_type=mime_type,
            size_bytes=len(content),
        )
        self._next += 1
        self._files[stored.file_id] = stored
        self._archive.put("file", stored.file_id, asdict(stored))
        self._archive.put_content(stored.file_id, content)
        while len(self._files) > KEPT_MAX:
            gone, _ = self._files.popitem(last=False)
            self._archive.drop("file", gone)
            self._archive.drop_content(gone)
        return stored

    def by_id(self, file_id: str) -> StoredFile | None:
        """Find a file by its id."""
        return self._files.get(file_id)

    def by_path(self, path: str) -> StoredFile | None:
        """Find a file by the path that getFile gave."""
        return next((one for one in self._files.values() if one.path == path), None)

    def content(self, stored: StoredFile) -> bytes:
        """Read a file's bytes."""
        return self._archive.content(stored.file_id)


def _number(path: str) -> int:
    return int(PurePosixPath(path).stem.removeprefix("file_"))


def picture_type(content: bytes) -> str:
    """Name the type of a picture by its first bytes."""
    if content[:2] == b"\xff\xd8":
        return "image/jpeg"
    return "image/gif" if content[:4] == b"GIF8" else "image/png"


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Read width and height in pixels of a PNG, JPEG or GIF; None where it is none of them."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    if content[:6] in (b"GIF87a", b"GIF89a") and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return int(width), int(height)
    if content[:2] == b"\xff\xd8":
        return _jpeg_size(content)
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + int(struct.unpack(">H", content[at + 2 : at + 4])[0])
    return None
