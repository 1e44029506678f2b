"""Arithmetic on maps: weigh channels, resize, bring to [0, 1].

(h, w) stands for any grid: (l) of signals, (h, w) of images, (d, h, w) of volumes and videos.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

Kernel = Callable[[Tensor], Tensor]
AXES = {1: "l", 2: "h, w", 3: "d, h, w"}  # of a grid, as messages name them
_LINEAR = {1: "linear", 3: "trilinear"}


def full(values: Tensor) -> Tensor:
    """Values as float32, or float64 as they are: sums over many values need more than half."""
    return values if values.dtype == torch.float64 else values.float()


def weighted_sum(weights: Tensor, activations: Tensor) -> Tensor:
    """The map that `weights` (N, C) make of `activations` (N, C, h, w): (N, h, w), signed."""
    sums = torch.bmm(weights.unsqueeze(1), activations.flatten(2))
    return sums.view(-1, *activations.shape[2:])


def spatial_axes(maps: Tensor, first: int) -> tuple[int, ...]:
    """The axes of the positions: all axes from `first` on."""
    return tuple(range(first, maps.ndim))


def upsample(maps: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    """Maps (N, h, w) resized to (N, H, W): linearly, bilinearly or trilinearly."""
    if len(size) == 2:
        return _bilinear(maps, size[0], size[1], align_corners)
    mode, size = _LINEAR[len(size)], tuple(size)
    large = F.interpolate(maps.unsqueeze(1), size, mode=mode, align_corners=align_corners)
    return large.squeeze(1)


def _bilinear(maps: Tensor, height: int, width: int, align_corners: bool) -> Tensor:
    """The rows made wide, then the columns long.

    The wide rows are handed over as channels, which lie side by side in memory: torch resizes these
    many at once, but the pixels of a map with one channel each on its own.
    """
    of = partial(F.interpolate, mode="bilinear", align_corners=align_corners)
    wide = of(full(maps).unsqueeze(1), (maps.shape[1], width)).squeeze(1)
    long = of(wide.transpose(1, 2).unsqueeze(2), (1, height)).squeeze(2)
    return long.transpose(1, 2).to(maps.dtype)


def blurred(images: Tensor, radius: int, sigma: float) -> Tensor:
    """Images (N, C, H, W) under a Gaussian, mirrored at their edges.

    Args:
        images: of any rank.
        radius: of the kernel in pixels; cut to the image's side less one.
        sigma: the kernel's standard deviation, in pixels.
    """
    for axis in spatial_axes(images, 2):
        side = images.shape[axis]
        half = min(radius, side - 1)
        distances = torch.arange(-half, half + 1, device=images.device).to(images)
        weights = torch.exp(-(distances**2) / (2 * sigma**2))
        rows = images.movedim(axis, -1)
        padded = F.pad(rows.reshape(-1, 1, side), (half, half), mode="reflect")
        smooth = F.conv1d(padded, (weights / weights.sum()).view(1, 1, -1))
        images = smooth.view(rows.shape).movedim(-1, axis)
    return images


def unit_range(maps: Tensor) -> Tensor:
    """Each map of (N, h, w) stretched to [0, 1]; a constant map becomes zero."""
    axes = spatial_axes(maps, 1)
    low = maps.amin(axes, keepdim=True)
    spread = maps.amax(axes, keepdim=True) - low
    return torch.where(spread > 0, (maps - low) / spread, torch.zeros_like(maps))


def heatmaps(cam: Tensor, size: Sequence[int]) -> Tensor:
    """Evidence in [0, 1] at input size: (N, h, w) to (N, H, W), float32.

    ReLU, linear resizing (align_corners=False), division by each map's own maximum. Maps without
    positive values and values that are not finite become zero.
    """
    finite = torch.nan_to_num(cam, nan=0.0, posinf=0.0, neginf=0.0)
    large = upsample(finite.relu_(), size)
    top = large.amax(spatial_axes(large, 1), keepdim=True)
    # A map whose maximum is zero is zero everywhere, and stays so.
    return large.div_(top.clamp_(min=torch.finfo(top.dtype).smallest_normal)).float()


def principal_map(evidence: Tensor, kernel: Kernel | None = None) -> Tensor:
    """The first principal component of `evidence` (N, C, h, w) over its channels: (N, h, w).

    The component's sign is arbitrary, so it is chosen to agree with the plain sum over channels.
    Where that sum is near zero, as behind a layer norm, the strongest response is made positive.

    Args:
        evidence: each position is an observation.
        kernel: from an image's positions (h * w, C), less their mean, to their inner products
            (h * w, h * w) in another space; None for the space of the channels.

    Evidence that is not finite gives a map of nan.
    """
    finite = evidence.flatten(1).isfinite().all(1)
    if not bool(finite.all()):
        whole = evidence.where(_as_rows(finite, evidence), torch.zeros_like(evidence))
        cam = principal_map(whole, kernel)
        return cam.where(_as_rows(finite, cam), torch.full_like(cam, torch.nan))
    rows = evidence.flatten(2).transpose(1, 2)
    rows = rows - rows.mean(1, keepdim=True)
    if kernel:
        projected = torch.stack([_kernel_component(kernel(image)) for image in rows])
    else:
        axes: Tensor = torch.linalg.svd(rows, full_matrices=False).Vh[:, :1]
        projected = (rows * axes).sum(2)
    agreement = (projected * rows.sum(2)).sum(1, keepdim=True)
    strongest = projected.gather(1, projected.abs().argmax(1, keepdim=True))
    size = projected.norm(dim=1, keepdim=True) * rows.flatten(1).norm(dim=1, keepdim=True)
    signed = torch.where(agreement.abs() > 1e-4 * size, agreement, strongest)
    sign = torch.where(signed < 0, -1.0, 1.0).to(projected)
    return (projected * sign).view(len(evidence), *evidence.shape[2:])


def _as_rows(values: Tensor, like: Tensor) -> Tensor:
    """One value for each image (N,), with as many axes as `like` has."""
    return values.view(-1, *[1] * (like.ndim - 1))


def _kernel_component(products: Tensor) -> Tensor:
    """Positions (p,) along the axis of greatest variance, from their products (p, p)."""
    centred = products - products.mean(0) - products.mean(1, keepdim=True) + products.mean()
    values, axes = torch.linalg.eigh(centred)
    component: Tensor = axes[:, -1] * values[-1].clamp(min=0).sqrt()
    return component


def unit_size(cam: Tensor) -> Tensor:
    """Each map of (N, ...) divided by its own largest absolute value; zero where it is zero."""
    size = cam.abs().amax(spatial_axes(cam, 1), keepdim=True)
    return torch.where(size > 0, cam / size, torch.zeros_like(cam))
