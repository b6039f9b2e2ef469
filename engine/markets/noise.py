"""Value noise on time: a path that looks like a price's, known at any moment without its past.

Integers only, from SHA-256: the same seed gives the same path on every platform and after every
restart. Each octave draws a value for every multiple of its period and glides between them; an
octave's height grows with the root of its period, as a random walk's does, and the longest period
bounds the whole.
"""

import hashlib
from functools import lru_cache

# From a second to three days, each four times the one before, so that heights double.
PERIODS_S = tuple(4**power for power in range(10))
HOUR_S = 3600
ONE = 1_000_000


@lru_cache(maxsize=4096)
def drawn(seed: str, octave: int, index: int) -> int:
    """Draw a number from -ONE to ONE for one lattice point of one octave."""
    thrown = hashlib.sha256(f"{seed} {octave} {index}".encode()).digest()
    return int.from_bytes(thrown[:8], "big") % (2 * ONE + 1) - ONE


def noise(seed: str, time_ms: int, *, octaves: tuple[int, ...] = tuple(range(10))) -> int:
    """Give the path's height at a time, in millionths of a typical hour's move.

    Bounded by the sum of the octaves' heights, about 17 hours' moves for all ten.
    """
    total = 0
    for octave in octaves:
        period_ms = PERIODS_S[octave] * 1000
        index, rest = divmod(time_ms, period_ms)
        share = rest * ONE // period_ms
        # smoothstep, so that the path has no corners where two glides meet
        glide = share * share * (3 * ONE - 2 * share) // (ONE * ONE)
        left, right = drawn(seed, octave, index), drawn(seed, octave, index + 1)
        value = left + (right - left) * glide // ONE
        # the root of the period in hours: 2 ** octave seconds' root over 60
        total += value * 2**octave // 60
    return total
