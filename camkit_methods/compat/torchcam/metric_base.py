"""What torch-cam's metrics share: each input is explained, and its map brought to its size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from camkit_core import ArgumentError, ArgumentTypeError, upsample

from .methods._utils import evaluating
from .methods.scoring import (
    NotForwarded,
    OutputTarget,
    class_scores,
    resolve_targets,
    target_scores,
)


@dataclass
class Explained:
    """Inputs (N, C, H, W), their maps (N, H, W) and scores (N,), and whose scores these are."""

    inputs: Tensor
    maps: Tensor
    scores: Tensor
    classes: list[int] | None
    targets: list[OutputTarget] | None

    def score(self, output: Any) -> Tensor:
        """The scores (N,) of another output; of one input's only, (M,) of M versions of it."""
        if self.targets is not None:
            alone = len(self.targets) == 1
            return target_scores(output, self.targets[0] if alone else self.targets)
        assert self.classes is not None
        return class_scores(output, self.classes[0] if len(self.classes) == 1 else self.classes)

    def one(self, index: int) -> Explained:
        """One of the inputs."""
        at = slice(index, index + 1)
        classes = None if self.classes is None else self.classes[at]
        targets = None if self.targets is None else self.targets[at]
        return Explained(self.inputs[at], self.maps[at], self.scores[at], classes, targets)


class Metric:
    """A metric that is updated by batches.

    Args:
        cam_extractor: an extractor of `methods`.
        logits_fn: from the model's output to scores, such as a softmax.
    """

    def __init__(self, cam_extractor: Any, logits_fn: Callable[[Any], Any] | None = None) -> None:
        self.cam_extractor, self.logits_fn = cam_extractor, logits_fn
        self.reset()

    def reset(self) -> None:
        """Forget all inputs."""
        self.total = self.nan_count = 0

    def update(
        self,
        input_tensor: Tensor,
        class_idx: int | list[int] | None = None,
        *,
        targets: OutputTarget | list[OutputTarget] | None = None,
    ) -> None:
        """Add a batch of inputs; those whose map is not a number are counted in `nan_count`.

        Args:
            input_tensor: prepared for the model.
            class_idx: a class for all, a list of one for each, or None for each input's top class.
            targets: in place of classes: a function from one sample's output to a scalar, or a
                list of one for each.

        Raises:
            ArgumentError: for classes and targets at once, or such that do not fit the inputs.
        """
        if targets is not None and class_idx is not None:
            raise ArgumentError("provide either class_idx or targets, not both")
        with evaluating(self.cam_extractor.model):
            explained = self._explained(input_tensor, class_idx, targets)
            self.nan_count += len(input_tensor) - len(explained.inputs)
            if len(explained.inputs):
                with self.cam_extractor._hooks_off(), torch.inference_mode():
                    self._measure(explained)
        self.total += len(explained.inputs)

    def _explained(self, inputs: Tensor, class_idx: Any, targets: Any) -> Explained:
        output = self._output(inputs)
        classes: list[int] | None = None
        if targets is not None:
            targets = resolve_targets(targets, len(inputs))
            maps = self.cam_extractor(scores=output, targets=targets)
        else:
            classes = classes_of(output, class_idx)
            asked = class_idx if isinstance(class_idx, int) else classes
            maps = self.cam_extractor(asked, output)
        cam = self.cam_extractor.fuse_cams(maps)
        whole = Explained(inputs, cam.detach(), output, classes, targets)
        whole.scores = whole.score(output).detach()
        return _valid(whole)

    def _output(self, inputs: Tensor) -> Any:
        output = self.cam_extractor.model(inputs)
        return output if self.logits_fn is None else self.logits_fn(output)

    def _scores(self, inputs: Tensor, explained: Explained) -> Tensor:
        """The scores (N,) of changed inputs."""
        return explained.score(self._output(inputs))

    def _measure(self, explained: Explained) -> None:
        raise NotImplementedError

    def _check_updated(self) -> None:
        if not self.total:
            raise NotForwarded("you need to update the metric with a valid map before its summary")


def _valid(whole: Explained) -> Explained:
    """Without the inputs whose map is not a number, and with maps at the inputs' size."""
    keep = ~whole.maps.isnan().flatten(1).any(1)
    kept = [index for index, valid in enumerate(keep.tolist()) if valid]
    size = whole.inputs.shape[2:]
    if len(size) not in (1, 2, 3):
        raise ArgumentError(f"got inputs of {len(size)} axes; 1D, 2D and 3D inputs are supported")
    maps = whole.maps[keep]
    return Explained(
        whole.inputs[keep],
        upsample(maps, size) if kept else maps,
        whole.scores[keep],
        None if whole.classes is None else [whole.classes[index] for index in kept],
        None if whole.targets is None else [whole.targets[index] for index in kept],
    )


def classes_of(scores: Tensor, class_idx: Any) -> list[int]:
    """One class for each sample, its top class for None."""
    if class_idx is None:
        top: list[int] = scores.argmax(1).tolist()
        return top
    classes = [class_idx] * len(scores) if isinstance(class_idx, int) else class_idx
    whole = isinstance(classes, list) and all(
        isinstance(each, int) and (each is class_idx or not isinstance(each, bool))
        for each in classes
    )
    if not whole:
        raise ArgumentTypeError("class_idx must be an integer, a list of integers, or None")
    if len(classes) != len(scores):
        raise ArgumentError(f"got {len(classes)} classes for a batch size of {len(scores)}")
    if not all(0 <= each < scores.shape[1] for each in classes):
        raise ArgumentError(f"class_idx is out of range; there are {scores.shape[1]} classes")
    return classes
