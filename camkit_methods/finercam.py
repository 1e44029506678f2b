"""Finer-CAM (Zhang et al. 2025), https://arxiv.org/abs/2501.11309."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval, MinLen
from torch import Tensor

from camkit_core import ArgumentError, Method, Probe

Count = Annotated[int, Interval(ge=1, le=1_000_000)]
Chosen = Annotated[Sequence[int | Callable[..., Tensor]], MinLen(1)]


@Method(group="gradient", cost="1 run", based=True)
def finercam(
    probe: Probe,
    *,
    base_method: str | Callable[..., Tensor] = "gradcam",
    alpha: Annotated[float, Interval(gt=-float("inf"), lt=float("inf"))] = 0.6,
    references: Count | Chosen = 3,
    variant: Literal["mean", "weighted"] = "mean",
) -> Tensor:
    """Grad-CAM of what sets the class apart from those whose logits are the nearest.

    arXiv 2501.11309: the score is y_c - alpha y_d, averaged over the references d.

    Args:
        probe: the forward pass.
        base_method: the method that explains this score, by its name or as a function.
        alpha: the factor of the references that are subtracted; with 0 it is the base method.
        references: how many classes it is compared with, all others if there are fewer; or these
            themselves, classes or callables from one sample's output to a scalar.
        variant: "mean" weights all references alike; "weighted" by the softmax probability, which
            has a gradient, too, as in the authors' code and in pytorch-grad-cam.

    Returns:
        The map (N, h, w), signed. A target that is no class has no nearest classes: without
        references of one's own it gets the base method's map, and a warning.

    Raises:
        ArgumentError: for weights of references that are no classes, or of a target that is none.
    """
    known = probe.targets.categories is not None
    given = None if isinstance(references, int) else list(references)
    if given is None and not known:
        probe.warn("Finer-CAM compares classes; of a target that is none it gave Grad-CAM")
        return probe.by(base_method)
    others = [probe.of_target(each).targets.functions for each in given or ()]
    if given is None or (known and not any(map(callable, given))):
        return probe.of_logits(partial(_contrast, alpha, references, variant)).by(base_method)
    if variant == "weighted":
        raise ArgumentError(
            "finercam weights classes by their probability; for references= or a target that are "
            "no classes take variant='mean'"
        )
    pairs = zip(probe.targets.functions, zip(*others, strict=True), strict=True)
    contrasts = [partial(_difference, alpha, own, of_image) for own, of_image in pairs]
    return probe.of_target(contrasts).by(base_method)


def _contrast(
    alpha: float, references: int | Sequence[Any], variant: str, logits: Tensor, category: int
) -> Tensor:
    if isinstance(references, int):
        distance = (logits.detach() - logits.detach()[category]).abs()
        distance[category] = float("inf")
        near = distance.topk(min(references, len(logits) - 1), largest=False).indices
    else:
        near = torch.tensor([int(each) for each in references], device=logits.device)
    shares = logits.softmax(0)[near] if variant == "weighted" else torch.ones_like(logits[near])
    return (shares * (logits[category] - alpha * logits[near])).sum() / shares.sum()


def _difference(
    alpha: float,
    own: Callable[[Any], Tensor],
    others: Sequence[Callable[[Any], Tensor]],
    sample: Any,
) -> Tensor:
    return own(sample) - alpha * torch.stack([other(sample) for other in others]).mean()
