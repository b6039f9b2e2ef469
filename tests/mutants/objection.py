"""An objection: what a session of the simulation was ended by, in a line and in a word."""

import re

SAID_MAX = 160


def first_of(fault: BaseException) -> str:
    """Give the first line of the fault at the bottom of nested groups."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault).strip().partition("\n")[0][:SAID_MAX]


def promise_of(said: str) -> str:
    """Give the invariant that an objection names, or in a word what ended the session."""
    found = re.search(r"\bI(\d{1,2})\b", said)
    if found is not None:
        return f"I{found[1]}"
    if "the engine stopped" in said:
        return "the engine stops"
    return "no end" if said.startswith("no end") else said.partition(": ")[2][:60] or said
