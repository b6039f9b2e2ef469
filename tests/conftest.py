"""How hypothesis searches: the same cases in every `make test`, new ones in every `make fuzz`.

And how a process of many tests collects garbage: a fifth of the suite's time went into walking
through everything that was ever imported.
"""

import gc
import logging
import os

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
def _logs_are_written() -> None:
    """Undo what a command line run by an earlier test of this process has switched off."""
    logging.disable(logging.NOTSET)
