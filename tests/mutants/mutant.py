"""A mutant: one mistake of a few lines, as data, and how it is planted into a text."""

import ast
from dataclasses import dataclass

PROMISES = frozenset(f"I{number}" for number in range(1, 19))
"""The invariants of EXECUTION 11 by number; what none of them covers names its paragraph."""


class OriginalGone(Exception):
    """The text that a mutant replaces is not there exactly once: write the mutant anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace one piece of a file; `original` stands there exactly once."""

    path: str
    original: str
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """Name a mistake.

    `breaks` is the invariant that it breaks (or DESIGN or EXECUTION with a paragraph), `mistake`
    says what somebody got wrong, `suites` are the narrow tests that should catch it.
    """

    name: str
    breaks: str
    mistake: str
    edits: tuple[Edit, ...]
    suites: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Give the files that it changes, each once, in order."""
        return tuple(dict.fromkeys(edit.path for edit in self.edits))


def planted(text: str, mutant: Mutant, path: str) -> str:
    """Give a file's text with the mutant's edits made. Raises: OriginalGone."""
    for edit in mutant.edits:
        if edit.path != path:
            continue
        found = text.count(edit.original)
        if found != 1:
            first = edit.original.strip().partition("\n")[0]
            raise OriginalGone(f"{mutant.name}: {path} has {first!r} {found} times, not once.")
        text = text.replace(edit.original, edit.replacement)
    return text


def behaviour(text: str) -> str:
    """Give what a file does, without comments, layout and docstrings. Raises: SyntaxError."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=body)
                | ast.ClassDef(body=body)
                | ast.FunctionDef(body=body)
                | ast.AsyncFunctionDef(body=body)
            ) if body and isinstance(body[0], ast.Expr):
                body.pop(0)
            case _:
                continue
    return ast.dump(tree)
