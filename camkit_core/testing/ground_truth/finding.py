"""What a check of tier 0 says of one method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "FAILED", "leak", "does not apply"]


@dataclass(frozen=True)
class Finding:
    """One method under one check.

    Attributes:
        method: its name.
        check: the check's name.
        verdict: "ok" or "FAILED"; "leak" for a number that is told and not judged; "does not
            apply" where the method refuses such a model, or has nothing to do with the check.
        number: what was measured; nan if nothing was.
        told: what the number is, or why there is none.
    """

    method: str
    check: str
    verdict: Verdict
    number: float
    told: str

    def __str__(self) -> str:
        number = f" {self.number:.3g}" if self.number == self.number else ""
        return f"{self.check}: {self.verdict}{number} ({self.told})"


def judged(method: str, check: str, passed: bool, number: float, told: str) -> Finding:
    """A finding that passes or fails."""
    return Finding(method, check, "ok" if passed else "FAILED", number, told)


def inapplicable(method: str, check: str, why: str) -> Finding:
    """A finding where there is nothing to find."""
    return Finding(method, check, "does not apply", float("nan"), why)
