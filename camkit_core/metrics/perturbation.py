"""What metrics do to images: rank their pixels, blur them, take some away and fill the gaps."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ..errors import InputError
from ..maps import blurred

_NEIGHBOURS = [[1 / 12, 1 / 6, 1 / 12], [1 / 6, 0.0, 1 / 6], [1 / 12, 1 / 6, 1 / 12]]


def ranks(heatmap: Tensor, seed: int) -> Tensor:
    """The place of each pixel of a map (H, W) in falling order, from 0: (H * W,).

    Equal pixels are in random order: in that of their places, a uniform map would be a gradient
    from the top.
    """
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randperm(heatmap.numel(), generator=generator).to(heatmap.device)
    order = mixed[torch.argsort(heatmap.flatten()[mixed], descending=True, stable=True)]
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order), device=order.device)
    return places


def soft(image: Tensor) -> Tensor:
    """An image (C, H, W), of any rank, under a Gaussian of 5 pixels in 224."""
    sigma = 5 * max(image.shape[1:]) / 224
    return blurred(image[None], int(3 * sigma) + 1, sigma)[0]


def filled(image: Tensor, known: Tensor, noise: float, seed: int, exact: float = 1e-4) -> Tensor:
    """Versions of an image (C, H, W) of which only `known` pixels (M, H, W) are left: (M, C, H, W).

    Noisy linear imputation (Rong et al. 2022, arXiv 2202.00449, section 4.2): each missing pixel is
    the weighted mean of its eight neighbours, 1/6 beside and 1/12 across, which are missing
    themselves or not; plus Gaussian noise.

    Args:
        image: what is to be filled.
        known: what is left of it, in each version something.
        noise: the deviation of the noise.
        seed: of the noise.
        exact: the residual at which the equations count as solved, of their right side.

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
    drawn = torch.randn(images.shape, generator=generator).to(images)
    smooth = _smooth(images, given, exact) + (1 - given) * noise * drawn
    return torch.where(known[:, None], image, smooth.to(image))


def _smooth(values: Tensor, given: Tensor, exact: float) -> Tensor:
    """The equations of the missing pixels solved, from the solution of a picture half as large.

    Args:
        values: (M, C, H, W), zero where nothing is given.
        given: (M, 1, H, W), one or zero.
        exact: as for `filled`.
    """
    if bool((given > 0).all()):
        return values
    half = [
        F.avg_pool2d(one, 2, ceil_mode=True, count_include_pad=False) for one in (values, given)
    ]
    known = (half[1] > 0).to(given)
    coarse = _smooth(half[0] / half[1].clamp(min=1e-9) * known, known, exact)
    start = F.interpolate(coarse, values.shape[2:], mode="bilinear", align_corners=False)
    missing, kernel = 1 - given, values.new_tensor(_NEIGHBOURS)[None, None]

    def around(maps: Tensor) -> Tensor:
        return F.conv2d(maps.flatten(0, 1)[:, None], kernel, padding=1).view(maps.shape)

    weight = around(torch.ones_like(given))  # less than one at the border

    def equations(maps: Tensor) -> Tensor:
        return missing * (weight * maps - around(maps))

    return values + _solved(equations, missing * around(values), missing * start, exact)


def _solved(
    equations: Callable[[Tensor], Tensor], right: Tensor, start: Tensor, exact: float
) -> Tensor:
    """The solutions of M systems at once, by conjugate gradients."""
    axes = (1, 2, 3)
    values, rest = start, right - equations(start)
    direction, size = rest, (rest**2).sum(axes, keepdim=True)
    enough = exact**2 * (right**2).sum(axes, keepdim=True)
    for _ in range(1000):
        open_ = size > enough
        if not bool(open_.any()):
            break
        answer = equations(direction)
        along = (direction * answer).sum(axes, keepdim=True)
        step = torch.where(open_, size / along, 0.0)
        values, rest = values + step * direction, rest - step * answer
        before, size = size, torch.where(open_, (rest**2).sum(axes, keepdim=True), 0.0)
        direction = rest + torch.where(open_, size / before, 0.0) * direction
    return values
