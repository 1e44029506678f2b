"""What metrics do to images: rank their pixels, blur them, remove pixels and fill the gaps."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ..errors import InputError
from ..maps import blurred

_NEIGHBOURS = [[1 / 12, 1 / 6, 1 / 12], [1 / 6, 0.0, 1 / 6], [1 / 12, 1 / 6, 1 / 12]]


def ranks(heatmap: Tensor, seed: int) -> Tensor:
    """The rank of each pixel of a map (H, W), the highest value first, from 0: (H * W,).

    Pixels of equal value are in random order. In the order of their positions, a uniform map would
    rank the image from the top to the bottom.
    """
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randperm(heatmap.numel(), generator=generator, device="cpu").to(heatmap.device)
    order = mixed[torch.argsort(heatmap.flatten()[mixed], descending=True, stable=True)]
    rank_of = torch.empty_like(order)
    rank_of[order] = torch.arange(len(order), device=order.device)
    return rank_of


def soft(image: Tensor) -> Tensor:
    """An image (C, H, W), signal or volume, blurred by a Gaussian of 5 pixels in 224."""
    sigma = 5 * max(image.shape[1:]) / 224
    return blurred(image[None], int(3 * sigma) + 1, sigma)[0]


def filled(image: Tensor, known: Tensor, noise: float, seed: int, exact: float = 1e-4) -> Tensor:
    """Versions of an image (C, H, W) of which only `known` pixels (M, H, W) are left: (M, C, H, W).

    Noisy linear imputation (Rong et al. 2022, arXiv 2202.00449, section 4.2): each missing pixel is
    the weighted mean of its eight neighbours, plus Gaussian noise. A neighbour weighs 1/6 beside
    and 1/12 across. Neighbours may be missing themselves, so the means solve linear equations.

    Args:
        image: the whole image.
        known: which pixels are left; each version needs at least one.
        noise: the standard deviation of the noise.
        seed: of the noise.
        exact: the residual, relative to the equations' right side, at which they count as solved.

    Raises:
        InputError: for signals and volumes.
    """
    if image.ndim != 3:
        raise InputError(
            f"gaps are filled in images (C, H, W) alone, this is {tuple(image.shape)}; choose "
            f"metrics other than road"
        )
    given = known[:, None].float()
    images = given * image.float()
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(images.shape, generator=generator, dtype=torch.float32, device="cpu").to(
        images
    )
    smooth = _smooth(images, given, exact) + (1 - given) * noise * normal
    return torch.where(known[:, None], image, smooth.to(image))


def _smooth(values: Tensor, given: Tensor, exact: float) -> Tensor:
    """The missing pixels' values, solved from a start: the solution of a picture half as large.

    Args:
        values: (M, C, H, W), zero where nothing is given.
        given: (M, 1, H, W), one where a pixel is left, else zero.
        exact: as for `filled`.
    """
    if bool((given > 0).all()):
        return values
    half, share = (
        F.avg_pool2d(maps, 2, ceil_mode=True, count_include_pad=False) for maps in (values, given)
    )
    known = (share > 0).to(given)
    coarse = _smooth(half / share.clamp(min=1e-9) * known, known, exact)
    start = F.interpolate(coarse, values.shape[2:], mode="bilinear", align_corners=False)
    missing, kernel = 1 - given, values.new_tensor(_NEIGHBOURS)[None, None]

    def neighbours(maps: Tensor) -> Tensor:
        return F.conv2d(maps.flatten(0, 1)[:, None], kernel, padding=1).view(maps.shape)

    weight = neighbours(torch.ones_like(given))  # less than one at the border

    def equations(maps: Tensor) -> Tensor:
        return missing * (weight * maps - neighbours(maps))

    return values + _solved(equations, missing * neighbours(values), missing * start, exact)


def _solved(
    equations: Callable[[Tensor], Tensor], right: Tensor, start: Tensor, exact: float
) -> Tensor:
    """The solutions of M systems at once, by conjugate gradients."""
    axes = (1, 2, 3)
    values, residual = start, right - equations(start)
    direction, size = residual, (residual**2).sum(axes, keepdim=True)
    tolerance = exact**2 * (right**2).sum(axes, keepdim=True)
    for _ in range(1000):
        unsolved = size > tolerance
        if not bool(unsolved.any()):
            break
        product = equations(direction)
        curvature = (direction * product).sum(axes, keepdim=True)
        step = torch.where(unsolved, size / curvature, 0.0)
        values, residual = values + step * direction, residual - step * product
        before, size = size, torch.where(unsolved, (residual**2).sum(axes, keepdim=True), 0.0)
        direction = residual + torch.where(unsolved, size / before, 0.0) * direction
    return values
