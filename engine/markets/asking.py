"""Asking: what goes wrong with a public question, as one fault with a plain sentence."""

import asyncio
from collections.abc import Awaitable, Mapping
from decimal import Decimal
from typing import Any

from engine.markets.metadata import number
from engine.numbers import ZERO
from engine.ports import VenueUnavailable
from engine.venues.ccxt_library import fault_classes

# What ccxt's parsers raise by themselves on a body that is not what they expect.
PARSING = (TypeError, KeyError, AttributeError, ValueError, IndexError, ArithmeticError)
RETRY_AFTER_S_MAX = Decimal(300)


async def asked(venue: str, question: Awaitable[Any], *, timeout_s: float) -> Any:
    """Await ccxt's answer. Raises: VenueUnavailable, with a sentence without an address."""
    try:
        async with asyncio.timeout(timeout_s):
            return await question
    except TimeoutError as fault:
        raise VenueUnavailable(f"{venue} did not answer in time.") from fault
    except fault_classes().BaseError as fault:
        raise VenueUnavailable(sentence(venue, fault)) from fault
    except PARSING as fault:
        raise VenueUnavailable(f"{venue} sent an answer that makes no sense.") from fault


def sentence(venue: str, fault: BaseException) -> str:
    """Say what one of ccxt's faults means for somebody who asked."""
    faults = fault_classes()
    if isinstance(fault, faults.DDoSProtection | faults.RateLimitExceeded):
        return f"{venue} asks us to slow down."
    if isinstance(fault, faults.RequestTimeout):
        return f"{venue} did not answer in time."
    if isinstance(fault, faults.ExchangeNotAvailable):
        return f"{venue} is not reachable, or is out of service."
    return f"{venue} sent an answer that makes no sense."


def retry_after_s(headers: Mapping[str, object] | None) -> float:
    """Give how long an answer asked us to wait; zero when it did not."""
    lowered = {str(name).lower(): value for name, value in (headers or {}).items()}
    wait_s = number(lowered.get("retry-after")) or ZERO
    return float(max(ZERO, min(wait_s, RETRY_AFTER_S_MAX)))
