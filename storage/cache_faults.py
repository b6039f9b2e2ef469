"""Faults of Redis; none of them ever reaches who puts a record in, looks one up, or trades.

CacheFault
  CacheAway: it does not answer, or does not let us in
  CacheRefused: it answers, and does not do what it was asked
    GroupGone: it has no consumer group by that name (any more); make it anew
All mean the same to a task: keep what there is, and try again later.
"""


class CacheFault(Exception):
    """Say in a few words what is wrong; never with an address or a password."""


class CacheAway(CacheFault):
    """Nothing can be read or written."""


class CacheRefused(CacheFault):
    """Something could not be read or written; the rest can."""


class GroupGone(CacheRefused):
    """The streams' consumer group is not there: Redis is new, or was flushed."""
