"""Spans: stretches of time as a sorted list, and what joining and cutting them gives; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Give a stretch [begin, end)."""

    begin: datetime
    end: datetime


def joined(spans: Iterable[Span]) -> list[Span]:
    """Give the same stretches with those that meet or overlap made one, and the empty left out."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.begin):
        if span.begin >= span.end:
            continue
        if found and span.begin <= found[-1].end:
            found[-1] = Span(begin=found[-1].begin, end=max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def cut(spans: Iterable[Span], away: Iterable[Span]) -> list[Span]:
    """Give what is left of the stretches when others are taken away."""
    left: list[Span] = []
    holes = joined(away)
    first = 0
    for span in joined(spans):
        while first < len(holes) and holes[first].end <= span.begin:
            first += 1
        begin = span.begin
        for hole in islice(holes, first, None):
            if hole.begin >= span.end:
                break
            left.append(Span(begin=begin, end=hole.begin))
            begin = hole.end
        left.append(Span(begin=begin, end=span.end))
    return joined(left)


def within(spans: Iterable[Span], bounds: Span) -> list[Span]:
    """Give the parts of the stretches that lie within bounds."""
    return joined(
        Span(begin=max(span.begin, bounds.begin), end=min(span.end, bounds.end)) for span in spans
    )
