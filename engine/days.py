"""Days: when a trading day begins, and which one a moment belongs to."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import InvalidInput

MIDNIGHT = "00:00"
_WRITTEN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?: +(\S+))?")
"""A time of day and, after a space, a zone; without one it is UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStart:
    """Say at which time of day, and of which zone, a trading day begins."""

    at: time
    zone: tzinfo = UTC

    def day_of(self, now: datetime) -> date:
        """Give the day that a moment belongs to: the zone's date when that day began."""
        local = now.astimezone(self.zone)
        today = local.date()
        return today if local.time() >= self.at else today - timedelta(days=1)

    def last(self, now: datetime) -> datetime:
        """Give when the day of a moment began, in UTC."""
        began = datetime.combine(self.day_of(now), self.at, tzinfo=self.zone)
        return began.astimezone(UTC)

    def next(self, now: datetime) -> datetime:
        """Give when the next day begins, in UTC."""
        after = self.day_of(now) + timedelta(days=1)
        return datetime.combine(after, self.at, tzinfo=self.zone).astimezone(UTC)


def day_start_of(text: str) -> DayStart:
    """Read `22:00` (UTC) or `00:00 Europe/Berlin`. Raises: InvalidInput."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise InvalidInput("give a time of day, such as 22:00 (UTC) or 00:00 Europe/Berlin.")
    hour, minute, zone = found.groups()
    try:
        # UTC needs no database of zones; a small host may have none.
        where: tzinfo = UTC if zone in (None, "UTC") else ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"there is no time zone {zone[:40]!r}: Europe/Berlin is one.") from None
    return DayStart(at=time(int(hour), int(minute)), zone=where)
