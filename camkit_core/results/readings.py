"""The numbers that say how to read a map, taken from the device that the model is on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

Best = tuple[list[list[float]], list[list[int]]]  # scores and classes of each image


class Readings(NamedTuple):
    """Numbers of N images.

    Attributes:
        scores: the score of each image's target.
        ranges: the lowest and the highest value of each map; nan if any value is.
        best: the scores and the classes of the two best classes of each image; None without any.
    """

    scores: list[float]
    ranges: list[tuple[float, float]]
    best: Best | None


def readings(cam: Tensor, scores: Tensor, logits: Tensor | None) -> Readings:
    """The numbers of maps (N, h, w), scores (N,) and class scores (N, K)."""
    best = two_best(logits)
    of_scores, low, high, *two = on_cpu(scores, *cam.flatten(1).aminmax(dim=1), *best)
    ranges = list(zip(low.tolist(), high.tolist(), strict=True))
    return Readings(of_scores.tolist(), ranges, (two[0].tolist(), two[1].tolist()) if two else None)


def two_best(logits: Tensor | None) -> tuple[Tensor, ...]:
    """Scores and classes (N, 2) of the two best classes; empty where there are none."""
    return () if logits is None or logits.shape[1] < 2 else tuple(logits.detach().topk(2, 1))


def on_cpu(*tensors: Tensor) -> list[Tensor]:
    """The same tensors on the CPU.

    From a GPU they come in one copy, as each copy waits until all work before it is done. Integers
    among numbers of float32 are exact up to 2^24.
    """
    if all(map(on_the_cpu, tensors)):
        return list(tensors)
    if len({tensor.device for tensor in tensors}) > 1:
        return [tensor.cpu() for tensor in tensors]
    whole = torch.cat([tensor.flatten() for tensor in tensors]).cpu()
    parts = torch.split(whole, [tensor.numel() for tensor in tensors])
    pairs = zip(parts, tensors, strict=True)
    return [part.view(tensor.shape).to(tensor.dtype) for part, tensor in pairs]


def on_the_cpu(tensor: Tensor) -> bool:
    """Whether a tensor is on the CPU."""
    return tensor.is_cpu
