"""How hypothesis searches: the same cases in every `make test`, new ones in every `make fuzz`.

And how a process of many tests collects garbage: a fifth of the suite's time went into walking
through everything that was ever imported. And in which context numbers are reckoned: each test
begins with what ccxt leaves behind, so that what is not reckoned in ours is seen at once.
"""

import gc
import logging
import os
from decimal import ROUND_HALF_UP, Context, Underflow, setcontext

import pytest
from hypothesis import HealthCheck, settings

# Time is the machine's affair: a busy one must fail no test.
settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, max_examples=100
)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=3000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_collection_finish() -> None:
    """Set aside what collecting the tests has made, and look through the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _numbers_are_reckoned_as_ccxt_leaves_it() -> None:
    context = Context(rounding=ROUND_HALF_UP)
    context.traps[Underflow] = True
    setcontext(context)


@pytest.fixture(autouse=True)
def _logs_are_written() -> None:
    """Undo what a command line run by an earlier test of this process has switched off."""
    logging.disable(logging.NOTSET)
