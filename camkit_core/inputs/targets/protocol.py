"""What a target is: a function of one sample's output, and what it may state of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

Score = Callable[[Any], Tensor]


class ScoreFunction(Protocol):
    """A target: any callable from one sample's output to the score that is explained."""

    def __call__(self, sample: Any, /) -> Tensor:
        """The score, a scalar tensor, of the model's output for one image."""


class FixableTarget(ScoreFunction, Protocol):
    """A target that settles something on the plain image, such as a mask or the best box.

    Methods that edit the image then ask for the same mask or box in each edited one.
    """

    def fixed(self, sample: Any, /) -> ScoreFunction:
        """The target to use from now on, given the model's output for the plain image."""


class PlaceTarget(ScoreFunction, Protocol):
    """A target about a place in the image, which has no meaning in a mirrored image.

    Attributes:
        follows_places: True; `aug_smooth` then refuses the target.
    """

    follows_places: bool


# Both read an attribute, as `isinstance` with a protocol overlooks what `__getattr__` passes on.
def settled(function: Score, sample: Any) -> Score:
    """What a target settles on the plain image's output; the target itself if it has no `fixed`."""
    fixed = getattr(function, "fixed", None)
    return fixed(sample) if callable(fixed) else function


def follows_places(target: Any) -> bool:
    """Whether a target is about a place in the image, or one of a list of targets is."""
    targets = target if isinstance(target, (list, tuple)) else [target]
    return any(getattr(function, "follows_places", False) for function in targets)
