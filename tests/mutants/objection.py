"""An objection: what a session of the simulation was ended by, in a line and in a word."""

import re

SAID_MAX = 160
WORD_MAX = 60
NO_END = "no end"


def first_of(fault: BaseException) -> str:
    """Give the first line of the fault at the bottom of nested groups."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault).strip().partition("\n")[0][:SAID_MAX]


def promise_of(said: str) -> str:
    """Give the invariant that an objection names, or else what it says, without names."""
    found = re.search(r"\bI(\d{1,2})\b", said)
    if found is not None:
        return f"I{found[1]}"
    if said.startswith(NO_END):
        return NO_END
    kind, _, text = said.partition(": ")
    if "the engine stopped" in text:
        return "the engine stops itself"
    words = re.sub(r"\S*\d\S*", "...", text).strip()
    return words[:WORD_MAX].strip() or kind
