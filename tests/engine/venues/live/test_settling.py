"""Absence counts only once a late create could no longer arrive."""

from engine.venues.live.capabilities import TABLE
from engine.venues.live.settling import settle_by_venue


def test_the_window_is_longer_than_all_that_can_delay_a_create() -> None:
    windows = settle_by_venue(sorted(TABLE), submit_timeout_s=5.0)

    for venue, capabilities in TABLE.items():
        window_ms = capabilities.receive_window_ms
        if window_ms is None:
            assert windows[venue] == 60
        else:
            assert windows[venue] > 2 + 5 + window_ms / 1000
    assert windows["binance"] == 18
