"""The variables a process was started with: the environment, and `.env` below it."""

from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream


class EnvironmentFileError(ValueError):
    """Refuse an unreadable `.env`; `faults` holds a sentence for each line, none shows a value."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


def read_environment(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    """Read `.env` if it is there and lay the environment over it, which wins.

    Nothing is interpolated: a `$` in a password is a `$`.
    Raises: EnvironmentFileError.
    """
    if not dotenv.is_file():
        return dict(environ)
    try:
        with dotenv.open(encoding="utf-8-sig") as file:
            bindings = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(
            (f"{dotenv.name} cannot be read ({type(error).__name__}): it must be UTF-8 text.",)
        ) from error
    faults = tuple(
        f"Line {binding.original.line} of {dotenv.name} is not understood: "
        "write NAME=value, and put a value with spaces in quotes."
        for binding in bindings
        if binding.error or (binding.key is not None and binding.value is None)
    )
    if faults:
        raise EnvironmentFileError(faults)
    held = {b.key: b.value for b in bindings if b.key is not None and b.value is not None}
    return {**held, **environ}
