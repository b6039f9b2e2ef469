"""Faults of the cache; none of them ever reaches who puts a record in or looks one up.

CacheFault
  CacheAway: it does not answer, or does not let us in
  CacheRefused: it answers, and does not do what it was asked
Both mean the same to the cache's task: keep the records, and try again later.
"""


class CacheFault(Exception):
    """Say in a few words what is wrong; never with an address or a password."""


class CacheAway(CacheFault):
    """Nothing can be read or written."""


class CacheRefused(CacheFault):
    """Something could not be read or written; the rest can."""
