"""SESS (Tursun et al. 2022, https://arxiv.org/abs/2207.01769), under pytorch-grad-cam's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms.functional import resize

from camkit_core import untouched
from camkit_core.image import opencv

from .activations_and_gradients import Reshape
from .base_cam import BaseCAM, Targets
from .grad_cam import GradCAM
from .probing import Array
from .utils.image import scale_cam_image
from .utils.model_targets import ClassifierOutputTarget

Self = TypeVar("Self", bound="SESS")
Corner = tuple[int, int, int, int]  # left, top, and the scaled image's width and height


class SESS:
    """The heatmaps of windows over the scaled image, fused; see `camkit_methods.sess`.

    Each window's heatmap is weighted by the window's score as a share of the best window's.

    Args:
        model: any eager PyTorch model.
        target_layers: modules of it.
        reshape_transform: from a layer's output to (N, C, h, w).
        base_method: the class that makes the windows' heatmaps.
        scales: the shorter sides of the scaled images; None for `num_scales` from the window's on.
        num_scales: how many.
        scale_step_ratio: by how much of the window each is larger than the one before.
        window_size: the side of the square windows; None for the image's shorter side.
        step_size: how far they slide; None for their own size.
        pre_filter_ratio: the share of windows, those of the lowest scores, that is left out.
        theta: values up to this one do not count in the mean.
        pool: "mean" or "max".
        smooth: whether the result is blurred.
        use_softmax_scores: whether scores are those of the softmax of the model's output.
        batch_size: windows in one run.
        kwargs: further arguments of the base method.

    Raises:
        ValueError: for a pool of another name, a share outside [0, 1), or no scale.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module],
        reshape_transform: Reshape | None = None,
        base_method: type[BaseCAM] = GradCAM,
        scales: Sequence[int] | None = None,
        num_scales: int = 12,
        scale_step_ratio: float = 2.0 / 7.0,
        window_size: int | None = None,
        step_size: int | None = None,
        pre_filter_ratio: float = 0.0,
        theta: float = 0.0,
        pool: str = "mean",
        smooth: bool = True,
        use_softmax_scores: bool = True,
        batch_size: int = 32,
        **kwargs: Any,
    ) -> None:
        if pool not in ("mean", "max") or not 0 <= pre_filter_ratio < 1 or num_scales < 1:
            raise ValueError(
                f"SESS takes pool='mean' or 'max', pre_filter_ratio in [0, 1) and num_scales of at "
                f"least 1; got {pool!r}, {pre_filter_ratio} and {num_scales}"
            )
        self.base_cam = base_method(model, target_layers, reshape_transform, **kwargs)
        self.model = self.base_cam.model
        self.device = self.base_cam.device
        self.scales = scales
        self.num_scales = num_scales
        self.scale_step_ratio = scale_step_ratio
        self.window_size = window_size
        self.step_size = step_size
        self.pre_filter_ratio = pre_filter_ratio
        self.theta = theta
        self.pool = pool
        self.smooth = smooth
        self.use_softmax_scores = use_softmax_scores
        self.batch_size = batch_size

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """As `forward`."""
        return self.forward(*args, **kwargs)

    def forward(
        self, input_tensor: Tensor, targets: Targets = None, eigen_smooth: bool = False
    ) -> Array:
        """The heatmaps (N, H, W), float32 in [0, 1].

        Raises:
            ValueError: unless there is a target for each image.
        """
        images = input_tensor.detach().to(self.device)
        if targets is not None and len(targets) != len(images):
            raise ValueError(
                f"got {len(targets)} targets for {len(images)} images; pass one for each image"
            )
        asked: Sequence[Any] = targets or [None] * len(images)
        maps = [
            self.forward_single_image(images[i : i + 1], each, eigen_smooth)
            for i, each in enumerate(asked)
        ]
        return scale_cam_image(np.asarray(maps, np.float32))

    def forward_single_image(
        self,
        input_tensor: Tensor,
        target: Callable[..., Tensor] | None,
        eigen_smooth: bool = False,
    ) -> Array:
        """The fused map of one image (1, C, H, W): (H, W)."""
        size = input_tensor.shape[-2:]
        window = min(size) if self.window_size is None else self.window_size
        step = window if self.step_size is None else self.step_size
        target = self.get_target(input_tensor) if target is None else target
        patches, corners = self.collect_patches(input_tensor, window, step)
        scores = self.get_scores(patches, target)
        order = np.argsort(scores)[int(len(scores) * self.pre_filter_ratio) :]
        most = scores[order[-1]]
        weights = scores[order] / most if most > 0 else np.ones(len(order), np.float32)
        maps = self._maps([patches[i] for i in order], target, eigen_smooth)
        placed = (
            self.paste_cam(cam * weight, corners[i], tuple(size))
            for cam, weight, i in zip(maps, weights, order, strict=True)
        )
        fused = self._fused(placed, tuple(size))
        if not self.smooth:
            return fused
        blurred: Array = opencv().GaussianBlur(fused, (11, 11), 5.0, 0)
        return blurred

    def _maps(
        self, patches: Sequence[Tensor], target: Callable[..., Tensor], eigen_smooth: bool
    ) -> Iterator[Array]:
        for batch in self._batches(patches):
            yield from self.base_cam(batch, [target] * len(batch), eigen_smooth=eigen_smooth)

    def _batches(self, patches: Sequence[Tensor]) -> Iterator[Tensor]:
        for start in range(0, len(patches), self.batch_size):
            yield torch.cat(list(patches[start : start + self.batch_size]))

    def _fused(self, maps: Iterator[Array], size: tuple[int, ...]) -> Array:
        total, count = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for cam in maps:
            if self.pool == "max":
                total = np.maximum(total, cam)
            else:
                total, count = (
                    total + np.where(cam > self.theta, cam, 0),
                    count + (cam > self.theta),
                )
        return total if self.pool == "max" else total / np.maximum(count, 1)

    def get_scales(self, window_size: int) -> Sequence[int]:
        """The shorter sides of the scaled images."""
        step = round(window_size * self.scale_step_ratio)
        usual = [window_size + step * index for index in range(self.num_scales)]
        return usual if self.scales is None else self.scales

    def collect_patches(
        self, input_tensor: Tensor, window_size: int, step_size: int
    ) -> tuple[list[Tensor], list[Corner]]:
        """All windows (1, C, h, w), and where each was in which scaled image.

        Raises:
            ValueError: for a scale smaller than the window.
        """
        patches, corners = [], []
        for scale in self.get_scales(window_size):
            if scale < window_size:
                raise ValueError(f"scale {scale} is smaller than the window, {window_size}")
            scaled = resize(input_tensor, [scale])
            height, width = scaled.shape[-2:]
            for left, top in sliding_window(height, width, step_size, window_size):
                patches.append(scaled[..., top : top + window_size, left : left + window_size])
                corners.append((left, top, width, height))
        return patches, corners

    def get_target(self, input_tensor: Tensor) -> ClassifierOutputTarget:
        """The class of the greatest score of an image (1, C, H, W)."""
        with untouched(self.model):
            return ClassifierOutputTarget(int(self.model(input_tensor)[0].argmax(-1)))

    def get_scores(self, patches: Sequence[Tensor], target: Callable[..., Tensor]) -> Array:
        """The windows' scores, at least 0: (windows,)."""
        with untouched(self.model):
            outputs = [self.model(batch) for batch in self._batches(patches)]
            every = [each.softmax(-1) if self.use_softmax_scores else each for each in outputs]
            scores = torch.stack([target(row).reshape(()) for each in every for row in each])
        weights: Array = scores.clamp(min=0).cpu().numpy()
        return weights

    def paste_cam(self, cam: Array, coordinates: Corner, target_size: tuple[int, ...]) -> Array:
        """A window's map where it lies in the image: (H, W)."""
        left, top, width, height = coordinates
        canvas = np.zeros((height, width), np.float32)
        canvas[top : top + cam.shape[0], left : left + cam.shape[1]] = cam
        placed: Array = opencv().resize(canvas, target_size[::-1])
        return placed

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.base_cam.__exit__(*raised)


def sliding_window(
    height: int, width: int, step_size: int, window_size: int
) -> list[tuple[int, int]]:
    """The left and top of each window over an image, row by row."""
    across, down = (window_starts(side, step_size, window_size) for side in (width, height))
    return [(left, top) for top in down for left in across]


def window_starts(length: int, step_size: int, window_size: int) -> list[int]:
    """Where windows begin along a side; the last is moved back into the image."""
    last = max(length - window_size, 0)
    return [*range(0, last, step_size), last]
