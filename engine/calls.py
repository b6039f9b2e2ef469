"""Calls: how many questions a venue was asked lately, and how many of them it left unanswered."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTally:
    """Count a venue's calls over the last seconds; `oldest` is the age of the first of them."""

    calls: int
    errors: int
    oldest: timedelta
