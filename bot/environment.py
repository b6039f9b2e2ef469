"""The variables a process was started with: environment, `.env` below it, files of secrets."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

FILE: Final = "_FILE"
FILE_BYTES_MAX: Final = 16_384
SECRETS: Final = ("TELEGRAM_BOT_TOKEN", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "METRICS_TOKEN")
SECRETS_OF_VENUES: Final = ("_API_KEY", "_API_SECRET", "_API_PASSWORD")


class EnvironmentFileError(ValueError):
    """Refuse an unreadable `.env`; `faults` holds a sentence for each line, none shows a value."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


def read_environment(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    """Read `.env` if it is there and lay the environment over it, which wins.

    Nothing is interpolated: a `$` in a password is a `$`. A secret may lie in a file of its own,
    which `NAME_FILE` names, as Docker, Kubernetes and systemd hand them out.
    Raises: EnvironmentFileError.
    """
    return _with_files(_merged(environ, dotenv))


def _merged(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
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


def _with_files(variables: Mapping[str, str]) -> dict[str, str]:
    """Put what `NAME_FILE` names in the place of `NAME`."""
    found, faults = dict(variables), []
    for name, place in variables.items():
        secret = name.removesuffix(FILE)
        is_ours = secret in SECRETS or secret.endswith(SECRETS_OF_VENUES)
        if not name.endswith(FILE) or not is_ours or not place.strip():
            continue
        del found[name]
        if variables.get(secret, "").strip():
            faults.append(f"{secret} and {name} are both set: give one of them.")
            continue
        try:
            found[secret] = _content(Path(place.strip()))
        except _Unfit as unfit:
            faults.append(f"{name} names a file that {unfit}.")
    if faults:
        raise EnvironmentFileError(tuple(faults))
    return found


class _Unfit(ValueError):
    """Say why a file is no secret's."""


def _content(path: Path) -> str:
    """Read a secret's file. Raises: _Unfit, also for one that everybody may write into."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _Unfit("is no plain file")
        if status.st_mode & stat.S_IWOTH:
            raise _Unfit("anybody may write into: chmod 600 it")
        if status.st_size > FILE_BYTES_MAX:
            raise _Unfit(f"is longer than {FILE_BYTES_MAX:,} bytes")
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _Unfit(f"cannot be read ({type(error).__name__})") from error
    if not text:
        raise _Unfit("is empty")
    return text
