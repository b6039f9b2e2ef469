"""Where the emergency file of a journal lies."""

import hashlib
from pathlib import Path
from typing import Final

from bot.side_door import database_file

SUFFIX: Final = ".emergency"
_IN_MEMORY: Final = ("sqlite://", "sqlite:///", "sqlite:///:memory:")


def emergency_path(database_url: str, configured: Path | None = None) -> Path | None:
    """Give the path: as configured, else beside the database's file, else in this folder.

    The last is for a server, and is named by its address. A journal in memory has none.
    """
    if configured is not None:
        return configured.absolute()
    file = database_file(database_url)
    if file is not None:
        return file.with_name(file.name + SUFFIX)
    if database_url in _IN_MEMORY:
        return None
    name = hashlib.sha256(database_url.encode()).hexdigest()[:12]
    return Path(f"quarterdeck-{name}{SUFFIX}").absolute()
