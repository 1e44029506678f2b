"""RISE (Petsiuk et al. 2018), https://arxiv.org/abs/1806.07421."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe, upsample

_MASKS = "the masks stay where they are when the image moves"
_BLOCK = 16  # masks made at once


@Method(
    group="gradient-free",
    cost="4,000 runs",
    costly=True,
    reads_layer=False,
    expected_failures={"place": _MASKS, "layouts": _MASKS},
)
def rise(
    probe: Probe,
    *,
    samples: Annotated[int, Interval(ge=2, le=1_000_000)] = 4000,
    grid: Annotated[int, Interval(ge=1, le=10_000)] = 7,
    keep: Annotated[float, Interval(gt=0, lt=1)] = 0.5,
    score: Literal["probability", "score"] = "probability",
    baseline: Literal["mean", "zero"] = "mean",
    seed: Annotated[int, Interval(ge=-(2**63), lt=2**64)] = 0,
    fast: str | Sequence[str] = (),
) -> Tensor:
    """Average random masks, each weighted by the score of the image seen through it.

    arXiv 1806.07421, equation 6. It reads no layer and no gradient, so it checks the methods that
    do. A note tells the map's standard error, which falls with the root of the samples.

    Args:
        probe: the forward pass.
        samples: how many masks.
        grid: cells of a mask along each side, before it is enlarged and shifted.
        keep: the probability that a cell is kept.
        score: "probability" for the class's softmax probability, as in the paper; "score" for the
            target's score. A target that is no class always takes its score.
        baseline: "mean" subtracts the mean score, so that the map is the score gained where a
            position is kept; "zero" is the paper's equation, the mean score where it is kept.
        seed: of the masks; all images get the same masks.
        fast: as for `scorecam`.

    Returns:
        The map (N, H, W), at the images' size.
    """
    classes = probe.targets.classes is not None
    scoring = probe.of_probabilities() if score == "probability" and classes else probe
    share = ("rise", samples, grid, keep, seed, str(fast))
    maps = []
    for index, image in enumerate(probe.images):
        masks = random_masks(image, samples, grid, keep, seed)
        edits = (image * mask for block in masks for mask in block)
        scores = scoring.input_scores(index, edits, samples, share, fast)
        gains = scores - scores.mean() if baseline == "mean" else scores
        again = random_masks(image, samples, grid, keep, seed)
        cam, error = _weighted_mean(gains / keep, again)
        probe.note(f"image {index}: the map's standard error is {error:.1%} of its largest value")
        maps.append(cam)
    return torch.stack(maps)


def random_masks(
    image: Tensor, samples: int, grid: int, keep: float, seed: int
) -> Iterator[Tensor]:
    """Masks (M, H, W) in [0, 1] for an image (C, H, W), some at a time."""
    generator = torch.Generator().manual_seed(seed)
    size = image.shape[1:]
    cells = [ceil(side / grid) for side in size]
    large = [(grid + 1) * cell for cell in cells]
    for start in range(0, samples, _BLOCK):
        count = min(_BLOCK, samples - start)
        draws = torch.rand(
            count, *[grid] * len(size), generator=generator, dtype=torch.float32, device="cpu"
        )
        masks = upsample((draws < keep).float().to(image.device), large)
        shifts = [
            torch.randint(cell, (count,), generator=generator, device="cpu").tolist()
            for cell in cells
        ]
        yield torch.stack(
            [
                mask[tuple(slice(s, s + side) for s, side in zip(shift, size, strict=True))]
                for mask, *shift in zip(masks, *shifts, strict=True)
            ]
        ).to(image)


def _weighted_mean(weights: Tensor, blocks: Iterator[Tensor]) -> tuple[Tensor, float]:
    """The mean of masks times their weights, and its standard error by its largest value."""
    sums: Tensor | float = 0.0
    squares: Tensor | float = 0.0
    for part, masks in zip(torch.split(weights, _BLOCK), blocks, strict=True):
        masks = masks.to(part)
        sums = sums + torch.tensordot(part, masks, 1)
        squares = squares + torch.tensordot(part.square(), masks.square(), 1)
    count = len(weights)
    cam = torch.as_tensor(sums) / count
    variance = (torch.as_tensor(squares) / count - cam.square()).clamp(min=0) / count
    return cam, float(variance.mean().sqrt() / cam.abs().max().clamp(min=1e-30))
