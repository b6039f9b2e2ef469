"""The clock of the process: the one place where the time is asked for."""

import time
from datetime import UTC, datetime, tzinfo


class SystemClock:
    """Tell the machine's time; fits the engine's port `Clock`."""

    def now(self) -> datetime:
        """Give the wall clock's time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds that never go back."""
        return time.monotonic()


def local_zone() -> tzinfo:
    """Give the machine's time zone, in which cards show times."""
    return datetime.now(UTC).astimezone().tzinfo or UTC
