"""What is explained, under pytorch-grad-cam's names: functions of one sample's output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor
from torchvision.ops import box_iou


def _of_class(scores: Tensor, category: int) -> Tensor:
    return scores[category] if scores.ndim == 1 else scores[:, category]


class ClassifierOutputTarget:
    """The score of a class: of (K,), or of each row of (N, K)."""

    def __init__(self, category: int) -> None:
        self.category = category

    def __call__(self, model_output: Tensor) -> Tensor:
        return _of_class(model_output, self.category)


class ClassifierOutputSoftmaxTarget(ClassifierOutputTarget):
    """The softmax probability of a class."""

    def __call__(self, model_output: Tensor) -> Tensor:
        return _of_class(model_output.softmax(-1), self.category)


class ClassifierOutputReST(ClassifierOutputTarget):
    """The residual softmax of ShapleyCAM: logit plus logarithm of the probability."""

    def __call__(self, model_output: Tensor) -> Tensor:
        return _of_class(model_output + model_output.log_softmax(-1), self.category)


class BinaryClassifierOutputTarget:
    """The only score of a model: for class 1, or with the sign turned for any other."""

    def __init__(self, category: int) -> None:
        self.category = category

    def __call__(self, model_output: Tensor) -> Tensor:
        return model_output if self.category == 1 else -model_output


class SoftmaxOutputTarget:
    """All probabilities, for metrics."""

    def __call__(self, model_output: Tensor) -> Tensor:
        return model_output.softmax(-1)


class RawScoresOutputTarget:
    """The output as it is: of a regression, or for metrics."""

    def __call__(self, model_output: Tensor) -> Tensor:
        return model_output


class SemanticSegmentationTarget:
    """The sum of a class's scores over a mask, of an output (K, H, W).

    Args:
        category: the class.
        mask: an array (H, W), or a tensor.
    """

    def __init__(self, category: int, mask: Any) -> None:
        self.category = category
        self.mask = mask if isinstance(mask, Tensor) else torch.from_numpy(np.asarray(mask))

    def __call__(self, model_output: Tensor) -> Tensor:
        return (model_output[self.category] * self.mask.to(model_output.device)).sum()


class FasterRCNNBoxScoreTarget:
    """How well an image's detections match given boxes: overlap plus score, summed over the boxes.

    A box counts if the detection that overlaps it most does so by more than the threshold, and has
    its label.

    Args:
        labels: of the boxes.
        bounding_boxes: arrays (4,).
        iou_threshold: the least overlap.
    """

    def __init__(
        self, labels: Sequence[int], bounding_boxes: Sequence[Any], iou_threshold: float = 0.5
    ) -> None:
        self.labels = labels
        self.bounding_boxes = bounding_boxes
        self.iou_threshold = iou_threshold

    def __call__(self, model_outputs: Mapping[str, Tensor]) -> Tensor:
        boxes = model_outputs["boxes"]
        total = boxes.new_zeros(1)
        if not len(boxes):
            return total
        for box, label in zip(self.bounding_boxes, self.labels, strict=False):
            overlaps = box_iou(torch.as_tensor(box[None]).to(boxes), boxes)[0]
            best = overlaps.argmax()
            if overlaps[best] > self.iou_threshold and model_outputs["labels"][best] == label:
                total = total + overlaps[best] + model_outputs["scores"][best]
        return total


class FinerWeightedTarget:
    """How far a class lies above others, weighted by their probabilities, as Finer-CAM asks."""

    def __init__(
        self, main_category: int, comparison_categories: Sequence[int], alpha: float
    ) -> None:
        self.main_category = main_category
        self.comparison_categories = comparison_categories
        self.alpha = alpha

    def __call__(self, model_output: Tensor) -> Tensor:
        others = list(self.comparison_categories)
        shares = F.softmax(model_output, -1)[..., others]
        above = model_output[..., [self.main_category]] - self.alpha * model_output[..., others]
        return (shares * above).sum(-1) / (shares.sum(-1) + 1e-9)
