"""Faults on demand: what can go wrong between us and a venue, scripted or random, repeatable."""

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """What is asked of the venue; STREAM is each message of its stream."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    LOOKUP = "lookup"
    FILLS = "fills"
    OPEN_ORDERS = "open_orders"
    SNAPSHOT = "snapshot"
    STREAM = "stream"


class FaultKind(StrEnum):
    """How it goes wrong.

    For requests: DROPPED never arrives and the line breaks; SWALLOWED never arrives and nothing
    answers; LOST arrives, and the line breaks instead of an answer; HANGING arrives and nothing
    answers; LATE arrives after `delay_s`, and then answers; REFUSED (submit) is a definitive
    refusal; NOT_FOUND (cancel) is refused so though the order exists; INCOMPLETE (lookup) asked not
    every source; STALE (lookup, fills, snapshot) does not show the newest yet.
    For stream messages: DROPPED, DUPLICATED, REORDERED (after the next one).
    """

    DROPPED = "dropped"
    SWALLOWED = "swallowed"
    LOST = "lost"
    HANGING = "hanging"
    LATE = "late"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    INCOMPLETE = "incomplete"
    STALE = "stale"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"


_K, _O = FaultKind, Operation
_LINE = frozenset({_K.DROPPED, _K.SWALLOWED, _K.LOST, _K.HANGING, _K.LATE})
POSSIBLE: Mapping[Operation, frozenset[FaultKind]] = {
    _O.SUBMIT: _LINE | {_K.REFUSED},
    _O.CANCEL: _LINE | {_K.NOT_FOUND},
    _O.LOOKUP: _LINE | {_K.INCOMPLETE, _K.STALE},
    _O.FILLS: _LINE | {_K.STALE},
    _O.OPEN_ORDERS: _LINE,
    _O.SNAPSHOT: _LINE | {_K.STALE},
    _O.STREAM: frozenset({_K.DROPPED, _K.DUPLICATED, _K.REORDERED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; `delay_s` belongs to LATE, `code` and `text` to REFUSED."""

    kind: FaultKind
    delay_s: float = 0.0
    code: str = "refused_by_script"
    text: str = "The venue refused the order."


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRate:
    """How often a fault happens by itself: `per_mille` of the operations."""

    operation: Operation
    fault: Fault
    per_mille: int


class PaperFaults:
    """Decide what goes wrong: first what was scripted, then by the dice of the seed.

    The same seed and the same order of operations give the same faults on every platform.
    """

    def __init__(self, *, seed: int = 0, rates: tuple[FaultRate, ...] = ()) -> None:
        for rate in rates:
            _check(rate.operation, rate.fault)
        self.rates = rates
        self._seed = seed
        self._rolls = 0
        self._scripts: dict[Operation, deque[Fault | None]] = {each: deque() for each in Operation}
        self._is_down = False

    @property
    def is_down(self) -> bool:
        """Tell whether the venue is unreachable."""
        return self._is_down

    def go_down(self) -> None:
        """Make the venue unreachable and its stream silent; on the far side it goes on matching."""
        self._is_down = True

    def come_up(self) -> None:
        """Make the venue reachable again."""
        self._is_down = False

    def script(self, operation: Operation, *faults: Fault | None) -> None:
        """Let the next operations of this kind go so, in order; None lets one go well.

        Raises: ValueError for a fault that the operation cannot have.
        """
        for fault in faults:
            if fault is not None:
                _check(operation, fault)
        self._scripts[operation].extend(faults)

    def calm(self) -> None:
        """Forget scripts and rates: from now on everything goes well."""
        self.rates = ()
        for script in self._scripts.values():
            script.clear()

    def draw(self, operation: Operation) -> Fault | None:
        """Give what goes wrong with this operation; None when it goes well."""
        script = self._scripts[operation]
        if script:
            return script.popleft()
        for rate in self.rates:
            if rate.operation is operation and self._roll() < rate.per_mille:
                return rate.fault
        return None

    def _roll(self) -> int:
        self._rolls += 1
        thrown = hashlib.sha256(f"{self._seed} {self._rolls}".encode()).digest()
        return int.from_bytes(thrown[:8], "big") % 1000


def _check(operation: Operation, fault: Fault) -> None:
    if fault.kind not in POSSIBLE[operation]:
        raise ValueError(f"{operation} cannot go wrong as {fault.kind}")
