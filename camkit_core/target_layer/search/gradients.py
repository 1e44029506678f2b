"""The gradients of the asked scores at each candidate."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .candidates import Candidate
from .notes import LayerNotes


def give_gradients(
    values: list[Tensor],
    notes: LayerNotes,
    candidates: list[Candidate],
    outputs: list[Tensor],
    graph: bool,
) -> list[Tensor | None]:
    """Give each candidate its gradient; returns those of the outputs."""
    if not graph:
        return [None] * len(outputs)
    kept = [candidate.kept for candidate in candidates]
    values = [value for value in values if value.requires_grad]
    wanted = [t for t in (*kept, *outputs) if t is not None and t.requires_grad]
    found = _summed(values, wanted)
    if values and kept and not any(_nonzero(found.get(id(tensor))) for tensor in kept):
        # A head of zeros: what it reads stands for the score.
        projected = next(_projections(notes.vectors), None)
        if projected is not None:
            found = {**found, **_summed([projected], [t for t in kept if t is not None])}
    for candidate, tensor in zip(candidates, kept, strict=True):
        candidate.gradient = found.get(id(tensor))
        candidate.differentiable = candidate.gradient is not None
        candidate.kept = None
    return [found.get(id(tensor)) for tensor in outputs]


def _summed(values: list[Tensor], wanted: list[Tensor]) -> dict[int, Tensor]:
    """The sum of the absolute gradients, by the tensor's identity."""
    total: dict[int, Tensor] = {}
    for value in values:
        gradients = torch.autograd.grad(value, wanted, allow_unused=True, retain_graph=True)
        for tensor, gradient in zip(wanted, gradients, strict=True):
            if gradient is not None:
                before = total.get(id(tensor))
                total[id(tensor)] = gradient if before is None else before.abs() + gradient.abs()
    return total


def _projections(vectors: list[Tensor]) -> Iterator[Tensor]:
    """A random projection of the last vector that a layer read."""
    for vector in vectors[::-1][:1]:
        generator = torch.Generator().manual_seed(1)
        direction = torch.randn(vector.shape, generator=generator, device="cpu").to(vector)
        with torch.enable_grad():
            yield (vector * direction).sum()


def _nonzero(gradient: Tensor | None) -> bool:
    return gradient is not None and (gradient.is_meta or bool(gradient.any()))
