"""How far scores change as images are changed by their maps, under pytorch-grad-cam's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from camkit_core import untouched
from camkit_core.image import opencv

Array = np.ndarray[Any, Any]
Targets = Sequence[Callable[..., Tensor]]
PERCENTILES = [10, 20, 30, 40, 50, 60, 70, 80, 90]


class PerturbationConfidenceMetric:
    """The change of the score as each image is changed by its map.

    Args:
        perturbation: from an image (C, H, W) and its map (H, W), both on the CPU, to an image.
    """

    def __init__(self, perturbation: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.perturbation = perturbation

    def __call__(
        self,
        input_tensor: Tensor,
        cams: Array,
        targets: Targets,
        model: nn.Module,
        return_visualization: bool = False,
        return_diff: bool = True,
    ) -> Any:
        """The score of the changed image less that of the plain one: (N,), float32.

        Args:
            input_tensor: the images (N, C, H, W).
            cams: their maps (N, H, W).
            targets: one callable for each image.
            model: the model, which runs in evaluation mode.
            return_visualization: whether to return the changed images, too.
            return_diff: whether to subtract the plain score.
        """
        pairs = zip(input_tensor.cpu(), torch.from_numpy(np.asarray(cams)), strict=True)
        changed = torch.stack([self.perturbation(*pair) for pair in pairs]).to(input_tensor.device)
        with untouched(model):
            result = _scores(model, changed, targets)
            if return_diff:
                result = result - _scores(model, input_tensor, targets)
        return (result, changed) if return_visualization else result


def _scores(model: nn.Module, images: Tensor, targets: Targets) -> Array:
    pairs = zip(targets, model(images), strict=False)
    return np.asarray([target(output).cpu().numpy() for target, output in pairs], np.float32)


class RemoveMostRelevantFirst:
    """Removes what a map ranks the highest, and has the gaps filled.

    Args:
        percentile: the share of the image that stays, in percent; "auto" for Otsu's threshold.
        imputer: from an image and the mask (H, W) of what stays to an image.
    """

    def __init__(
        self, percentile: float | str, imputer: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        self.percentile = percentile
        self.imputer = imputer

    def __call__(self, input_tensor: Tensor, mask: Tensor) -> Tensor:
        """The image (C, H, W) without the highest values of the map (H, W)."""
        values = mask.cpu().numpy()
        if self.percentile == "auto":
            cv2, kind = opencv(), opencv().THRESH_BINARY + opencv().THRESH_OTSU
            kept = cv2.threshold(np.uint8(values * 255), 0, 255, kind)[1]
        else:
            kept = np.float32(values < np.percentile(values, float(self.percentile)))
        return self.imputer(input_tensor, torch.from_numpy(kept).to(mask.device))


class RemoveLeastRelevantFirst(RemoveMostRelevantFirst):
    """Removes what a map ranks the lowest."""

    def __call__(self, input_tensor: Tensor, mask: Tensor) -> Tensor:
        """The image (C, H, W) without the lowest values of the map (H, W)."""
        return super().__call__(input_tensor, 1 - mask)


class AveragerAcrossThresholds:
    """The mean of a metric over several percentiles.

    Args:
        imputer: the metric, made of a percentile.
        percentiles: these.
    """

    def __init__(
        self,
        imputer: Callable[[Any], PerturbationConfidenceMetric],
        percentiles: Sequence[float] = PERCENTILES,
    ) -> None:
        self.imputer = imputer
        self.percentiles = percentiles

    def __call__(
        self, input_tensor: Tensor, cams: Array, targets: Targets, model: nn.Module
    ) -> Array:
        """The mean value of each image: (N,)."""
        each = [self.imputer(p)(input_tensor, cams, targets, model) for p in self.percentiles]
        mean: Array = np.mean(np.asarray(each, np.float32), axis=0)
        return mean
