"""Deep feature factorization (Collins et al. 2018), https://arxiv.org/abs/1806.10206."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Interval
from numpy.linalg import norm
from torch import Tensor

from camkit_core import ArgumentError, Concepts, Method, Probe, TargetError

Array = np.ndarray[Any, np.dtype[np.float64]]
Count = Annotated[int, Interval(ge=1, le=1000)]
STEPS, CHANGE = 200, 1e-5
NOTHING, TINY = 1e-6, 1e-300


@Method(
    group="gradient-free",
    cost="1 run, tail per concept",
    needs="tail",
    needs_class=False,
    concepts=True,
)
def dff(
    probe: Probe,
    *,
    concepts: Count = 5,
    concept: Annotated[int, Interval(ge=0, le=999)] | Literal["target"] = 0,
    together: bool = False,
) -> Tensor:
    """Take the activations apart into a few concepts, each at its places.

    arXiv 1806.10206, equation 1: A = sum of H_k V_k, none of them negative, as near as K products
    come; V_k are a concept's activations and H_k is its map. All K maps, with what the model
    says of each concept alone, are `concepts` of the explanation.

    Args:
        probe: the forward pass.
        concepts: how many, K; those beyond the number of channels or positions are empty.
        concept: whose map it is, 0 for that of the largest share; "target" for the one that the
            model, if it were all it sees, takes for the target the most.
        together: find the same concepts in all images of the batch, as the paper does for a set;
            else each image has its own.

    Returns:
        The map (N, h, w) of one concept, in [0, 1].

    Raises:
        ArgumentError: for a `concept` that is none of them.
    """
    finite = probe.activations.isfinite().flatten(1).all(1)
    activations = probe.activations.where(finite[:, None, None, None], 0)
    number = 0 if concept == "target" else concept
    if number >= concepts:
        raise ArgumentError(f"dff takes concept= below concepts={concepts}; got {number}")
    sets = [activations] if together else torch.split(activations, 1)
    found = [factorized(each, concepts) for each in sets]
    features = torch.cat([one.expand(len(cams), -1, -1) for one, cams in found])
    maps = torch.cat([cams for _, cams in found])
    maps[~finite] = torch.nan
    pairs = zip(sets, found, strict=True)
    shares = torch.cat([_shares(one - _least(each)[0, :, 0], cams) for each, (one, cams) in pairs])
    vectors = features.unbind(1)
    scores = _class_scores(probe, vectors)
    chosen = torch.full((len(maps),), number, device=maps.device)
    if concept == "target" and probe.scored:
        chosen = _of_target(probe, scores, vectors).argmax(1)
    probe.concepts = Concepts(maps, features, shares, scores, chosen)
    probe.note(
        f"dff shows one of {concepts} concepts; Explanation.concepts has all of them, and the "
        f"renderer concepts draws them"
    )
    return maps[torch.arange(len(maps)), chosen]


def factorized(activations: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Activations of a set of images as products of features and maps, by the share they explain.

    Negative activations are lifted by their channel's least value first, and the features lowered
    by it again.

    Args:
        activations: (N, C, h, w), finite.
        count: how many products, K.

    Returns:
        Features (K, C), and maps (N, K, h, w) in [0, 1]; where a map is 1, the activations are the
        concept's features, as far as it alone stands there.
    """
    lifted = (activations.flatten(2) - _least(activations)).movedim(1, 0).flatten(1)
    rows = lifted.detach().cpu().double().numpy()
    features, maps = map(torch.from_numpy, _nonnegative(rows, count))
    top = maps.amax(1).clamp(min=TINY)
    features, maps = features * top[:, None], maps / top[:, None]
    shares = features.sum(1) * maps.sum(1)
    maps[shares <= NOTHING * shares.sum()] = 0  # of a concept that there is not
    order = shares.argsort(descending=True, stable=True)
    grids = maps[order].view(count, len(activations), *activations.shape[2:]).movedim(1, 0)
    return features[order].to(activations) + _least(activations)[0, :, 0], grids.to(activations)


def _least(activations: Tensor) -> Tensor:
    """The least value of each channel in a set of images, at most zero: (1, C, 1)."""
    return activations.flatten(2).amin((0, 2))[None, :, None].clamp(max=0)


def _nonnegative(rows: Array, count: int) -> tuple[Array, Array]:
    """Features (K, C) and maps (K, P) whose product is nearest to rows (C, P), all not negative.

    One factor after the other is set to its best value (hierarchical alternating least squares).
    The start is made of the singular vectors' parts of one sign (Boutsidis & Gallopoulos 2008), so
    that nothing is random.
    """
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    features, maps = np.zeros((count, len(rows))), np.zeros((count, rows.shape[1]))
    for index in range(min(count, len(values))):
        pairs = [(sign * left[:, index], sign * right[index]) for sign in (1, -1)]
        parts = [(feature.clip(min=0), cam.clip(min=0)) for feature, cam in pairs]
        feature, cam = max(parts, key=lambda part: norm(part[0]) * norm(part[1]))
        size = np.sqrt(values[index] / max(norm(feature) * norm(cam), TINY))
        features[index], maps[index] = size * feature, size * cam
    for _ in range(STEPS):
        before = maps.copy()
        _improve(maps, features @ rows, features @ features.T)
        _improve(features, maps @ rows.T, maps @ maps.T)
        if norm(maps - before) <= CHANGE * norm(maps):
            break
    return features, maps


def _improve(factors: Array, products: Array, gram: Array) -> None:
    for index, size in enumerate(gram.diagonal()):
        if size > 0:
            change = (products[index] - gram[index] @ factors) / size
            np.maximum(factors[index] + change, 0, out=factors[index])


def _shares(lifted: Tensor, maps: Tensor) -> Tensor:
    """How much each concept makes of all of them, by its lifted features (K, C): (N, K)."""
    parts = lifted.sum(1).clamp(min=0) * maps.flatten(2).sum(2)
    return parts / parts.sum(1, keepdim=True).clamp(min=torch.finfo(parts.dtype).tiny)


def _class_scores(probe: Probe, vectors: tuple[Tensor, ...]) -> Tensor | None:
    try:
        return probe.logits_of_vectors(vectors).movedim(0, 1)
    except TargetError:
        return None


def _of_target(probe: Probe, scores: Tensor | None, vectors: tuple[Tensor, ...]) -> Tensor:
    """What the model's score of the target is for each concept alone: (N, K)."""
    classes = probe.targets.classes
    if scores is None or classes is None or scores.shape[2] == 1:
        return probe.scores_of_vectors(vectors).T
    picked = classes.to(scores.device).view(-1, 1, 1).expand(-1, scores.shape[1], 1)
    return scores.log_softmax(2).gather(2, picked)[..., 0]
