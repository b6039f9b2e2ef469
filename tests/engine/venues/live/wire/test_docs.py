"""docs/venues.md, held against the capability table."""

import re
from pathlib import Path

import pytest

from engine.instruments import InstrumentKind
from engine.venues.live import capabilities
from engine.venues.live import capabilities_terms as terms
from tests.engine.venues.live.wire.cells import VENUES

TEXT = (Path(__file__).parents[5] / "docs" / "venues.md").read_text()
FLAT = re.sub(r"\s+", " ", TEXT)
ROWS = {
    cells[0]: cells
    for line in TEXT.splitlines()
    if line.startswith("| ")
    for cells in [[each.strip() for each in line.strip("|").split("|")]]
}


@pytest.mark.parametrize("venue", VENUES)
def test_the_row_of_a_venue_says_what_its_table_says(venue: str) -> None:
    table = capabilities.of(venue)
    _, tried, spot, swaps, rests, *_ = ROWS[venue]
    is_deep = table.tested is terms.Tested.DEEP
    assert tried.startswith("deep") if is_deep else tried == "wire, untested against the venue"
    assert (spot, swaps) == ("yes", "no" if table.swap is None else "yes")
    resting = [each for each in table.segments if each.stop.form is not terms.StopForm.NONE]
    names = {InstrumentKind.SPOT: "spot", InstrumentKind.SWAP: "swaps"}
    wanted = ", ".join(names[each.kind] for each in resting) or "nothing"
    if any(each.stop.form is terms.StopForm.LIMIT for each in resting):
        wanted += ", with a limit"
    assert rests == wanted


@pytest.mark.parametrize("venue", VENUES)
def test_every_refusal_stands_there_in_its_own_words(venue: str) -> None:
    table = capabilities.of(venue)
    told = [] if table.swap is not None else [table.swap_refusal]
    told += [each.stop.refusal for each in table.segments if each.stop.refusal]
    for sentence in told:
        assert sentence in FLAT


def test_the_venues_with_a_bound_on_arrival_are_named() -> None:
    bound = [venue for venue in VENUES if capabilities.of(venue).receive_window_ms is not None]
    assert sorted(bound) == ["binance", "bybit", "kraken", "mexc", "okx"]
    assert "refused by Binance, Bybit, MEXC, OKX and Kraken: 5 s" in FLAT
    windows = {venue: capabilities.of(venue).receive_window_ms for venue in bound}
    assert windows == dict.fromkeys(bound, 5000) | {"binance": 10_000}
