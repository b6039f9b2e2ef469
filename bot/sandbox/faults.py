"""Faults on demand: what the next calls of a method suffer."""

from dataclasses import dataclass, replace
from enum import StrEnum

FAULTS_MAX = 1000


class FaultKind(StrEnum):
    """What can go wrong between a bot and Telegram."""

    FLOOD = "flood"  # 429 with retry_after
    REFUSE = "refuse"  # any code and description
    INTERNAL = "internal"  # 500, as JSON
    BAD_GATEWAY = "bad_gateway"  # 502, an HTML page
    HANG = "hang"  # executed late
    DROP_BEFORE = "drop_before"  # connection cut, nothing executed
    DROP_AFTER = "drop_after"  # executed, the answer is lost
    GARBAGE = "garbage"  # executed, the answer is no JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault for the next `count` calls of a method; "*" is every one but getUpdates."""

    method: str
    kind: FaultKind
    count: int = 1
    retry_after_s: int = 5
    hang_s: float = 5.0
    code: int = 400
    description: str = "Bad Request"
    chat_id: int | None = None

    def hits(self, method: str, chat_id: int | None) -> bool:
        """Say whether this call is meant."""
        named = self.method.lower() == method.lower()
        anything = self.method == "*" and method.lower() != "getupdates"
        return (named or anything) and self.chat_id in (None, chat_id)


class Faults:
    """Planned faults, first planned first used, and the switch of the whole network."""

    def __init__(self) -> None:
        self.network_up = True
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        """Add a fault. Raises: ValueError for a count that is not positive, or too many faults."""
        if fault.count < 1 or len(self._planned) >= FAULTS_MAX:
            raise ValueError("a fault hits 1 call or more, and at most 1000 faults are planned")
        self._planned.append(fault)

    def take(self, method: str, chat_id: int | None) -> Fault | None:
        """Use up one call's worth of the first fault that means this call."""
        for index, fault in enumerate(self._planned):
            if fault.hits(method, chat_id):
                if fault.count == 1:
                    del self._planned[index]
                else:
                    self._planned[index] = replace(fault, count=fault.count - 1)
                return fault
        return None

    def heal(self) -> None:
        """Forget every planned fault and bring the network back."""
        self._planned.clear()
        self.network_up = True
