"""Stretches of time, compared with the plain sets of minutes that they stand for."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.spans import Span, cut, joined, within

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTES = st.integers(0, 40)
SPANS = st.lists(
    st.builds(
        lambda begin, end: Span(begin=BEGIN + begin * MINUTE, end=BEGIN + end * MINUTE),
        MINUTES,
        MINUTES,
    ),
    max_size=8,
)


def minutes(spans: list[Span]) -> set[int]:
    return {
        minute
        for span in spans
        for minute in range(41)
        if span.begin <= BEGIN + minute * MINUTE < span.end
    }


def is_tidy(spans: list[Span]) -> bool:
    """Tell whether stretches are in order, not empty, and meet nowhere."""
    ends = [BEGIN - MINUTE, *(span.end for span in spans)]
    return all(before < span.begin < span.end for before, span in zip(ends, spans, strict=False))


@given(SPANS)
def test_joining_keeps_every_minute(spans: list[Span]) -> None:
    assert minutes(joined(spans)) == minutes(spans)
    assert is_tidy(joined(spans))


@given(SPANS, SPANS)
def test_cutting_takes_away_exactly_what_is_named(spans: list[Span], away: list[Span]) -> None:
    assert minutes(cut(spans, away)) == minutes(spans) - minutes(away)
    assert is_tidy(cut(spans, away))


@given(SPANS, MINUTES, MINUTES)
def test_what_lies_within_bounds_is_kept(spans: list[Span], begin: int, end: int) -> None:
    bounds = Span(begin=BEGIN + begin * MINUTE, end=BEGIN + end * MINUTE)
    assert minutes(within(spans, bounds)) == minutes(spans) & minutes([bounds])
