"""How hypothesis searches: the same cases in every `make test`, new ones in every `make fuzz`."""

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


@pytest.fixture(autouse=True)
def _logs_are_written() -> None:
    """Undo what a command line run by an earlier test of this process has switched off."""
    logging.disable(logging.NOTSET)
