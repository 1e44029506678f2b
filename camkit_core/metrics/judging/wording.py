"""Numbers and names as the verdict and the report write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .bootstrap import Interval


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: "a", "a and b", "a, b and c"."""
    return " and ".join(", ".join(names).rsplit(", ", 1)) if len(names) > 1 else "".join(names)


def number(value: float, beside: float = 0.0) -> str:
    """A number with about three significant digits; "none" for nan.

    Args:
        value: the number.
        beside: another one, whose digits it has if that is the larger one.
    """
    if not math.isfinite(value):
        return "none"
    largest = max(abs(value), abs(beside))
    for limit, digits in ((10, 3), (1000, 1)):
        if largest < limit:
            return f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0: there is no -0
    return f"{value:.3g}"


def times(ratio: float) -> str:
    """A ratio as people say it: "3.4 times", "40 times"."""
    return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:.0f} times"


def between(interval: Interval) -> str:
    """An interval's bounds, after a comma: ", 95% 0.10 to 0.20"."""
    bounds = bounds_of(interval)
    return f", 95% {bounds}" if bounds else ""


def bounds_of(interval: Interval) -> str:
    """An interval's bounds, "0.10 to 0.20"; "" if there are none, or both are written alike."""
    low, high = number(interval.low, interval.high), number(interval.high, interval.low)
    return f"{low} to {high}" if math.isfinite(interval.low) and low != high else ""


def spaced(name: str) -> str:
    """A metric's name in words: "average drop"."""
    return name.replace("_", " ")


def better_is(higher: bool) -> str:
    """Which way a metric counts, in words: "lower is better"."""
    return f"{'higher' if higher else 'lower'} is better"


def does(names: Sequence[str], verb: str, several: str) -> str:
    """Names and the verb in the number that fits: "a is", "a and b are"."""
    return f"{listed(names)} {verb if len(names) == 1 else several}"
