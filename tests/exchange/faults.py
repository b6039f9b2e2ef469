"""What goes wrong between a client and the test exchange, on demand and by the seed."""

import random
from collections import Counter
from dataclasses import dataclass, field

KINDS = frozenset(
    "create cancel query open closed trades balance positions leverage time markets keys book"
    " stream any".split()
)
# Before the ledger: dropped, late (booked once the client has gone). After: the rest.
NAMES = frozenset(
    "dropped lost late stall truncated html empty {} garbage stale partial race"
    " duplicate reorder drop cut".split()
)
REFUSING = frozenset(("418", "429", "-1021", "10002"))


@dataclass(slots=True, kw_only=True)
class Planned:
    """Hold one fault: `name` as in NAMES, an HTTP status, or a venue's code.

    It strikes `count` times, each with `chance`; None is for ever. `booked` says whether an order
    reaches the ledger first.
    """

    kind: str
    name: str
    count: int | None = 1
    chance: float = 1.0
    booked: bool = True
    retry_after_s: int | None = None
    skip: int = 0


@dataclass(slots=True)
class Faults:
    """Decide what befalls each request and each stream message; one seed, one course."""

    rng: random.Random = field(default_factory=lambda: random.Random(7))
    planned: list[Planned] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        kind: str,
        *names: str,
        count: int | None = 1,
        chance: float = 1.0,
        booked: bool = True,
        retry_after_s: int | None = None,
        skip: int = 0,
    ) -> None:
        """Plan faults for an endpoint kind, one after another. Raises: ValueError."""
        for name in names:
            if kind not in KINDS or not (name in NAMES or name.lstrip("-").isdigit()):
                raise ValueError(f"no fault {name!r} at {kind!r}")
            self.planned.append(
                Planned(
                    kind=kind,
                    name=name,
                    count=count,
                    chance=chance,
                    booked=booked and name not in REFUSING,
                    retry_after_s=retry_after_s,
                    skip=skip,
                )
            )

    def clear(self) -> None:
        self.planned.clear()

    def seed(self, number: int) -> None:
        self.rng.seed(number)

    def strike(self, kind: str) -> Planned | None:
        """Give what befalls this one, and count it."""
        for planned in self.planned:
            general = planned.kind == "any" and kind not in ("stream", "time", "markets")
            if planned.kind != kind and not general:
                continue
            if planned.skip:
                planned.skip -= 1
                continue
            if planned.chance < 1 and self.rng.random() >= planned.chance:
                continue
            if planned.count is not None:
                planned.count -= 1
                if not planned.count:
                    self.planned.remove(planned)
            self.struck[f"{kind} {planned.name}"] += 1
            return planned
        return None
