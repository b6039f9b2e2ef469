"""Findings: what a check of the doctor says, and how it is written."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is: only FAIL keeps `run` from working."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Say what was found about a subject, and, where it is not well, how to mend it."""

    subject: str
    verdict: Verdict
    sentence: str

    @property
    def line(self) -> str:
        """Write the finding as one line, the verdict first."""
        return f"{self.verdict:<5} {self.subject}: {' '.join(self.sentence.split())}"


def ok(subject: str, sentence: str) -> Finding:
    """Find that something works."""
    return Finding(subject=subject, verdict=Verdict.OK, sentence=sentence)


def warn(subject: str, sentence: str) -> Finding:
    """Find something that works and deserves a look."""
    return Finding(subject=subject, verdict=Verdict.WARN, sentence=sentence)


def fail(subject: str, sentence: str) -> Finding:
    """Find something that must be mended first."""
    return Finding(subject=subject, verdict=Verdict.FAIL, sentence=sentence)
