"""Settling: how long an order must have been found nowhere before it counts as never accepted."""

import math
from collections.abc import Iterable
from typing import Final

from engine.venues.live.capabilities import of

GATE_S: Final = 2
"""An entry older than this is withheld before the socket."""
SETTLE_S: Final = 60
"""Where the venue knows no receive window, a create may arrive late."""
MARGIN_S: Final = 1


def settle_s(venue: str, *, submit_timeout_s: float) -> int:
    """Give the settle window of a venue in seconds.

    Longer than gate, submit timeout and receive window together: later than that the venue refuses
    what arrives. 60 s where it has no such window.
    """
    window_ms = of(venue).receive_window_ms
    if window_ms is None:
        return SETTLE_S
    return GATE_S + math.ceil(submit_timeout_s) + math.ceil(window_ms / 1000) + MARGIN_S


def settle_by_venue(venues: Iterable[str], *, submit_timeout_s: float) -> dict[str, int]:
    """Give the settle window of each venue."""
    return {each: settle_s(each, submit_timeout_s=submit_timeout_s) for each in venues}
