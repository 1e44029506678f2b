"""What came of a check of tier 0 for one method: an outcome with a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "FAILED", "leak", "does not apply"]


@dataclass(frozen=True)
class MeasuredOutcome:
    """What came of one check for one method.

    Attributes:
        method: the method's name.
        check: the check's name.
        verdict: "ok" or "FAILED"; "leak" for a number that is reported and has no bound; "does
            not apply" where the method refuses such a model, or the check says nothing about it.
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


def passed_or_failed(
    method: str, check: str, passed: bool, number: float, told: str
) -> MeasuredOutcome:
    """The outcome of a check that has a bound."""
    return MeasuredOutcome(method, check, "ok" if passed else "FAILED", number, told)


def inapplicable(method: str, check: str, why: str) -> MeasuredOutcome:
    """The outcome of a check that says nothing about the method."""
    return MeasuredOutcome(method, check, "does not apply", float("nan"), why)
