"""SESS (Tursun et al. 2022), https://arxiv.org/abs/2207.01769."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal

import torch
import torch.nn.functional as F  # noqa: N812
from annotated_types import Interval
from torch import Tensor

from camkit_core import ArgumentError, Method, Probe, TargetError, blurred, unit_range, upsample

Pixels = Annotated[int, Interval(ge=1, le=1_000_000)]
_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
_PLACES = "the windows and the blur know places"


@Method(
    group="gradient",
    cost="122 runs",
    based=True,
    expected_failures={"place": _PLACES, "layouts": _PLACES},
)
def sess(
    probe: Probe,
    *,
    base_method: str | Callable[..., Tensor] = "gradcam",
    num_scales: Annotated[int, Interval(ge=1, le=1000)] = 12,
    scale_step: Annotated[float, Interval(gt=0, le=100)] = 2 / 7,
    scales: Sequence[Pixels] = (),
    window: Pixels | None = None,
    stride: Pixels | None = None,
    pre_filter: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    theta: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    pool: Literal["mean", "max"] = "mean",
    smooth: bool = True,
    score: Literal["probability", "score"] = "probability",
) -> Tensor:
    """Fuse a method's maps of windows that slide over the image at several scales.

    arXiv 2207.01769, section 3: each window's map, brought to [0, 1] and weighted by the window's
    probability of the class, is put where the window was; a pixel is the mean of those above theta.

    Args:
        probe: the forward pass.
        base_method: the method of the windows' maps, by its name or as a function.
        num_scales: how many scales; the first is the image as it is.
        scale_step: by how much of the window each scale is larger than the one before.
        scales: the shorter sides of the scaled images, in pixels, in place of these.
        window: the window's side in pixels; None for a window of the image's own shape.
        stride: how far the window slides; None for its own size.
        pre_filter: the share of windows, those of the lowest scores, that is left out.
        theta: values up to this one do not count in the mean.
        pool: "mean", or "max" for the greatest of the weighted maps.
        smooth: blur the result by a Gaussian of 11 pixels.
        score: what a window weighs: its "probability", or the "score" where that is positive. For
            a target that is no class it is the score.

    Returns:
        The map (N, H, W), at the images' size; never negative.

    Raises:
        ArgumentError: for a scale smaller than the window.
        TargetError: for a target about a place, which has no meaning in a window.
    """
    if any(getattr(each, "follows_places", False) for each in probe.targets.functions):
        raise TargetError("sess slides windows, in which a target about a place has no meaning")
    size, least = probe.images.shape[2:], window or min(probe.images.shape[2:])
    shape = [window] * len(size) if window else list(size)
    step = round(least * scale_step)
    sides = list(scales) or [least + step * index for index in range(num_scales)]
    if min(sides) < least:
        raise ArgumentError(f"sess takes scales= of at least its window, {least}; got {min(sides)}")
    classes = score == "probability" and probe.targets.categories is not None
    fused = []
    for index, image in enumerate(probe.images):
        windows = [each for side in sides for each in _windows(image, side, shape, stride)]
        if left_out := int(len(windows) * pre_filter):
            scoring = probe.of_probabilities() if classes else probe
            seen = scoring.input_scores(index, (each.pixels for each in windows), len(windows))
            windows = [windows[each] for each in seen.argsort(stable=True)[left_out:].tolist()]
        cams: list[Tensor] = []
        scores: list[Tensor] = []
        for chunk in probe.versions(index, (each.pixels for each in windows), len(windows)):
            cams += torch.split(chunk.by(base_method).relu(), 1)
            scores.append((chunk.of_probabilities() if classes else chunk).scores)
        weights = torch.cat(scores).clamp(min=0)
        weights = torch.where(weights.max() > 0, weights / weights.max(), torch.ones_like(weights))
        placed = (
            each.placed(weight * unit_range(upsample(cam, shape))[0], size)
            for each, weight, cam in zip(windows, weights, cams, strict=True)
        )
        fused.append(_greatest(placed) if pool == "max" else _mean(placed, theta))
    cam = torch.stack(fused)
    return blurred(cam[:, None], 5, 5.0)[:, 0] if smooth else cam


@dataclass(frozen=True, eq=False)
class Window:
    """A part of the scaled image.

    Attributes:
        pixels: (C, h, w).
        starts: where it begins along each axis.
        scaled: the size of the scaled image.
    """

    pixels: Tensor
    starts: tuple[int, ...]
    scaled: tuple[int, ...]

    def placed(self, cam: Tensor, size: Sequence[int]) -> Tensor:
        """The window's map (h, w) in the image of that size, zero around it."""
        canvas = cam.new_zeros(self.scaled)
        pairs = zip(self.starts, cam.shape, strict=True)
        canvas[tuple(slice(start, start + side) for start, side in pairs)] = cam
        return upsample(canvas[None], size)[0]


def _windows(
    image: Tensor, side: int, shape: Sequence[int], stride: int | None
) -> Iterator[Window]:
    """The windows over an image (C, H, W) whose shorter side is scaled to `side`."""
    size = image.shape[1:]
    scaled = tuple(side * each // min(size) for each in size)
    large = F.interpolate(image[None], scaled, mode=_LINEAR[len(size)], align_corners=False)[0]
    along = [_starts(*axis, stride) for axis in zip(scaled, shape, strict=True)]
    for starts in product(*along):
        part = tuple(slice(start, start + each) for start, each in zip(starts, shape, strict=True))
        yield Window(large[(slice(None), *part)], starts, scaled)


def _starts(length: int, window: int, stride: int | None) -> list[int]:
    """Where windows begin along an axis; the last is moved back into the image."""
    count = 1 + math.ceil((length - window) / (stride or window))
    return [min(index * (stride or window), length - window) for index in range(count)]


def _mean(maps: Iterator[Tensor], theta: float) -> Tensor:
    total: Tensor | float = 0.0
    count: Tensor | float = 0.0
    for cam in maps:
        above = cam > theta
        total, count = total + cam * above, count + above.to(cam)
    return torch.as_tensor(total) / torch.as_tensor(count).clamp(min=1)


def _greatest(maps: Iterator[Tensor]) -> Tensor:
    greatest = next(maps)
    for cam in maps:
        greatest = torch.maximum(greatest, cam)
    return greatest
