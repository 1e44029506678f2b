"""The words of a recommendation: losses before wins, each with its metric's direction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import counted
from .bootstrap import LEAST
from .standings import Standing, any_few
from .wording import listed

_PROMISING = 10  # times as many images: what would need more to be told is no promise


def for_and_against(chosen: str, worth: Sequence[str], rankings: Sequence[Standing]) -> str:
    """Why a method is recommended: on which metrics baselines are not beaten, then what it wins.

    Args:
        chosen: the method.
        worth: the methods that could have been recommended.
        rankings: the standings of metrics that rank methods.
    """
    tests = [standing for standing in rankings if standing.beatable]
    won = [standing.directed for standing in tests if not standing.unbeaten(chosen)]
    wins = [f"it beats every baseline on {listed(won)}"] if won else []
    if len(worth) > 1 and not any_few(rankings):
        leads = sum(chosen in standing.leaders for standing in rankings)
        which = f"{leads} of {counted(len(rankings), 'metric')}"
        wins.insert(0, f"it is best or level with the best on {which}")
    alone = len(worth) == 1 and bool(won)
    wins.append("no other method does" if alone else "none as good is much cheaper")
    losses = [_loss(chosen, standing) for standing in tests if standing.unbeaten(chosen)]
    return "; ".join([*losses, _joined(wins)])


def _joined(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])}, and {parts[-1]}" if len(parts) > 1 else parts[0]


def _loss(chosen: str, standing: Standing) -> str:
    """What a method does not beat on one metric: baselines that are better, then level ones."""
    level = standing.unbeaten(chosen)
    better = [name for name in level if standing.ahead(name, chosen)]
    parts = [f"it loses to {listed(better)}"] if better else []
    if rest := [name for name in level if name not in better]:
        noise = "" if standing.few else " beyond noise"
        parts.append(f"{'does not beat' if better else 'it does not beat'} {listed(rest)}{noise}")
    return f"on {standing.directed} {' and '.join(parts)}"


def too_few(standings: Sequence[Standing]) -> str:
    """The start of a sentence: "3 images are too few to tell"."""
    images = max(standing.images for standing in standings)
    verb, least = "is" if images == 1 else "are", f" ({LEAST} are the least)"
    return f"{counted(images, 'image')} {verb} too few{least if images < LEAST else ''} to tell"


class _Promise(NamedTuple):
    """A method that beats every baseline by the mean, and the images that would tell it."""

    images: int
    method: str
    standing: Standing


def undecided(methods: Sequence[str], tests: Sequence[Standing]) -> str:
    """What is said where no method beats every baseline on any metric: that the images are too few
    to tell, if one of them does by the mean; else that no map can be recommended.
    """
    if any_few(tests):
        return (
            f"{too_few(tests)} which map is better, and no map can be recommended: here none beats "
            f"every baseline on any metric."
        )
    promises = [promise for test in tests for name in methods for promise in _promise(name, test)]
    if not promises:
        what = "on no metric does one beat every baseline beyond noise"
        return f"No map can be recommended: {what}."
    best = min(promises, key=lambda promise: promise.images)
    return (
        f"{too_few(tests)} whether a map can be recommended: on no metric does one beat every "
        f"baseline beyond noise. {best.method} comes closest, with a better mean on "
        f"{best.standing.directed}; if that holds, about {best.images} images would tell."
    )


def _promise(name: str, standing: Standing) -> list[_Promise]:
    """How many images would tell a method from all baselines, if its mean is better than theirs.

    An interval narrows with the root of the number of images.
    """
    gains = [standing.gain(name, baseline) for baseline in standing.unbeaten(name)]
    if not all(gain.mean > 0 for gain in gains):
        return []
    times = [((gain.mean - gain.low) / gain.mean) ** 2 for gain in gains]
    if not all(each <= _PROMISING for each in times):  # or it is nan
        return []
    return [_Promise(_rounded_up(max(times) * standing.images), name, standing)]


def _rounded_up(count: float) -> int:
    """To the next ten, as it is an estimate."""
    return 10 * math.ceil(count / 10)
