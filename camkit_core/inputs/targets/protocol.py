"""What a target is: a function of one sample's output, and what it may state of itself."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

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


@dataclass(frozen=True)
class ModelCall:
    """A call of a model, as a target may need it.

    Attributes:
        model: the model.
        arguments: all arguments of its call by name, the images as the caller gave them.
        images: how many images there are.
        output: whether the caller says which part of the output targets read.
    """

    model: Any
    arguments: Mapping[str, Any]
    images: int
    output: bool = False


class PlaceTarget(ScoreFunction, Protocol):
    """A target about a place in the image, which has no meaning in a mirrored image.

    Attributes:
        follows_places: True; `aug_smooth` then refuses the target.
    """

    follows_places: bool


class ModelTarget(ScoreFunction, Protocol):
    """A target that has to know the model, as one named by a word: a class, or what a text says.

    It is asked once for each call, before the model runs on the images.
    """

    def of_model(self, model: nn.Module, adapter: Any, /) -> Any:
        """The target to use for this model, as `target` of `explain` takes it.

        Args:
            model: in evaluation mode, without gradients; whatever changes in it is put back.
            adapter: the `Adapter` that knows the model, of which `layer` may be None; None if no
                adapter does.
        """


# These read an attribute, as `isinstance` with a protocol overlooks what `__getattr__` passes on.
def settled(function: Score, sample: Any) -> Score:
    """What a target settles on the plain image's output; the target itself if it has no `fixed`."""
    fixed = getattr(function, "fixed", None)
    return fixed(sample) if callable(fixed) else function


def needs_call(target: Any) -> bool:
    """Whether a target needs the other arguments of the call, or one of a list of targets does."""
    targets = target if isinstance(target, (list, tuple)) else [target]
    return any(callable(getattr(function, "of_call", None)) for function in targets)


def follows_places(target: Any) -> bool:
    """Whether a target is about a place in the image, or one of a list of targets is."""
    targets = target if isinstance(target, (list, tuple)) else [target]
    return any(getattr(function, "follows_places", False) for function in targets)


def everywhere(target: Any) -> Any:
    """The same question about all places, of a target that is read off maps; None of others.

    The layer is then the same whatever the part, and lies before the head, which makes the maps.
    """
    made = getattr(target, "everywhere", None)
    return made() if callable(made) else None


def for_model(target: Any, model: nn.Module, adapter: Any) -> Any:
    """What a target, or each of a list of targets, becomes for a model; the same if it needs none.

    To be called where the model is left `untouched`.
    """
    if isinstance(target, (list, tuple)):
        made = [for_model(each, model, adapter) for each in target]
        return target if all(map(operator.is_, made, target)) else made
    of_model = getattr(target, "of_model", None)
    return of_model(model, adapter) if callable(of_model) else target
