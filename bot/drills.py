"""Drills: faults of the paper venue that the environment asks for, so that they can be rehearsed.

`PAPER_FAULTS` is a script: `submit:hanging*10,submit:late:5` lets ten submits go unanswered and the
eleventh arrive after five seconds. It belongs to paper mode; nothing like it exists beside money.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bot.variables import Variables, shown, words
from engine.venues.faults import POSSIBLE, Fault, FaultKind, Operation, PaperFaults

NAME: Final = "PAPER_FAULTS"
WELL: Final = "ok"
COUNT_MAX: Final = 1000
LATE_S: Final = 1.0
EXAMPLE: Final = "submit:hanging*10 or submit:late:5"
_STEP = re.compile(r"([a-z]+):([a-z_]+)(?::([0-9]{1,4}(?:\.[0-9]{1,3})?))?(?:\*([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """Let the next `count` operations of a kind go so; `fault` None lets them go well."""

    operation: Operation
    fault: Fault | None
    count: int = 1


def read_drills(at: Variables, *, is_paper: bool) -> tuple[Drill, ...]:
    """Read the script; whatever is wrong with it leaves a fault and gives no drill."""
    value = at.text(NAME)
    if value is None:
        return ()
    if not is_paper:
        at.faults.append(
            f"{NAME} is set, and EXECUTION_MODE is live: faults are drilled on paper only. "
            f"Take {NAME} out."
        )
        return ()
    drills = [_drill(at, step.strip().lower()) for step in value.split(",") if step.strip()]
    at.warnings.append(f"{NAME} is set: this is a drill, and the paper venue will misbehave.")
    return tuple(drill for drill in drills if drill is not None)


def _drill(at: Variables, step: str) -> Drill | None:
    found = _STEP.fullmatch(step)
    if found is None:
        at.faults.append(f"{NAME} holds {shown(step)}: write operation:fault, such as {EXAMPLE}.")
        return None
    name, kind, seconds, count = found.groups()
    if name not in tuple(Operation):
        at.faults.append(f"{NAME} holds {shown(step)}: operations are {words(tuple(Operation))}.")
        return None
    operation = Operation(name)
    kinds = (*sorted(POSSIBLE[operation]), WELL)
    if kind not in kinds:
        at.faults.append(f"{NAME} holds {shown(step)}: a {operation} can be {words(kinds)}.")
        return None
    if seconds is not None and kind != FaultKind.LATE:
        at.faults.append(
            f"{NAME} holds {shown(step)}: only late takes seconds, as in submit:late:5."
        )
        return None
    times = 1 if count is None else int(count)
    if not 1 <= times <= COUNT_MAX:
        at.faults.append(f"{NAME} holds {shown(step)}: repeat it 1 to {COUNT_MAX} times.")
        return None
    if kind == WELL:
        return Drill(operation=operation, fault=None, count=times)
    delay_s = LATE_S if seconds is None else float(seconds)
    fault = Fault(kind=FaultKind(kind), delay_s=delay_s if kind == FaultKind.LATE else 0.0)
    return Drill(operation=operation, fault=fault, count=times)


def scripted(drills: Iterable[Drill], *, seed: int) -> PaperFaults:
    """Give one venue's faults with the drills as their script."""
    faults = PaperFaults(seed=seed)
    for drill in drills:
        faults.script(drill.operation, *(drill.fault for _ in range(drill.count)))
    return faults
