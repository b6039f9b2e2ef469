"""The version of this program, as it was installed."""

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("quarterdeck")
    except PackageNotFoundError:
        # Run from a checkout that was never installed.
        return "0+checkout"


VERSION = _installed()
