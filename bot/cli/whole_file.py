"""A file that is written whole or not at all; only its owner may read it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bot.cli.refusal import CommandRefused


@contextmanager
def written_whole(output: Path, *, overwrites: bool = True) -> Iterator[IO[bytes]]:
    """Write beside the file; at the end, durable, it takes the file's place.

    Raises: CommandRefused when it cannot be written, or when it is there and must not be replaced.
    """
    draft: Path | None = None
    try:
        if not overwrites:
            _check_free(output)
        with tempfile.NamedTemporaryFile(
            dir=output.parent, prefix=f".{output.name}.", delete=False
        ) as file:
            draft = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not overwrites:
            _check_free(output)
        draft.replace(output)
        _keep_name(output)
    except OSError as fault:
        raise CommandRefused(f"{output} cannot be written: {fault.strerror or fault}.") from fault
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _check_free(output: Path) -> None:
    if os.path.lexists(output):
        raise CommandRefused(f"{output} is there already. Name another file, or say --overwrite.")


def _keep_name(output: Path) -> None:
    """Have the folder's entry on the disk, too: a power cut would take the name otherwise."""
    folder = os.open(output.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
