"""Reasons to doubt a map, whatever it shows: a tie, probabilities, an untrained model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary, ref

from torch import Tensor, nn

from ..inputs.model_memory import ModelMemory
from ..inputs.targets.classification import is_probability
from ..inputs.targets.heads import looks_like_features
from ..inputs.targets.probabilities import are_probabilities
from ..inputs.writes import versions
from .readings import Best

TIE = 0.05  # between two logits: odds of 51 to 49
UNTRAINED = (
    "the model looks untrained: its first batch norm is as it was built; load its weights, or read "
    "the map as that of a random network"
)
UNTRAINED_HEAD = (
    "the model looks untrained: it scores all classes alike, as a head does that was never "
    "trained; load its weights, as no map of it explains anything"
)
PROBABILITIES = (
    "the output looks like probabilities, whose gradient vanishes where the model is sure; "
    "explain the logits: pass the model without its softmax or sigmoid"
)
SINGLE_PROBABILITY = (
    "the only score looks like a probability, that of class 1; class 0 has the rest, and is the "
    "top class below 0.5. Its gradient vanishes where the model is sure; explain the logit: pass "
    "the model without its sigmoid, or softmax"
)
FEATURES = (
    "the output looks like features, not class scores: it is the layer's channels, pooled, and "
    "other layers have as many. Where the classifier is gone, explain a similarity by "
    "SimilarityTarget, or pass the model with its classifier"
)
# By model: its first batch norm, as a weak reference; None if there is none.
_first_norms: ModelMemory[Any] = ModelMemory()
# By batch norm: the state of its tensors, and whether they had the values they were built with.
_checked_norms: WeakKeyDictionary[nn.Module, tuple[list[int], bool]] = WeakKeyDictionary()


def caveats(
    model: nn.Module,
    logits: Tensor | None,
    classes: Tensor | None,
    best: Best | None,
    where: str = "output",
) -> list[str]:
    """A note for each reason to doubt, with its cause and what to do.

    Args:
        model: the explained model.
        logits: (N, K), its class scores, with their graph; None if it has none.
        classes: (N,), the targets; None if the targets are no classes.
        best: scores and classes of the two best classes of each image; None without any.
        where: the expression that gets one sample's class scores of its `output`.
    """
    if untrained(model):
        return [UNTRAINED]
    if logits is None:
        return []
    if best is None:
        return [SINGLE_PROBABILITY] if is_probability(logits) else []
    scores, best_classes = best
    if scores[0][0] == scores[0][1] and scored_alike(logits[0]):
        return [UNTRAINED_HEAD]
    probabilities = 0 <= scores[0][0] <= 1 and are_probabilities(logits)
    notes = [PROBABILITIES] if probabilities else []
    if classes is not None:
        notes += [FEATURES] if looks_like_features(model, logits) else []
        tie = TIE / 4 if probabilities else TIE
        notes += _ties(scores, best_classes, classes.tolist(), tie, where)
    return notes


def scored_alike(logits: Tensor) -> bool:
    """Whether all classes (K,) of an image have one and the same score, and there are three."""
    return len(logits) > 2 and bool((logits == logits[0]).all())


def _ties(
    scores: list[list[float]],
    best_classes: list[list[int]],
    targets: list[int],
    tie: float,
    where: str,
) -> Iterator[str]:
    """A note for each image whose two best classes differ by less than `tie`."""
    rows = zip(scores, best_classes, targets, strict=True)
    for index, ((highest, next_highest), (first, second), target) in enumerate(rows):
        if target in (first, second) and highest - next_highest < tie:
            yield (
                f"image {index}: classes {first} and {second} score almost alike ({highest:.3g} "
                f"and {next_highest:.3g}), and the map of one says little of why not the other; "
                f"explain both, or target=lambda output: {where}[{first}] - {where}[{second}]"
            )


def untrained(model: nn.Module) -> bool:
    """Whether the first batch norm has seen no batch and has the values it was built with.

    A model without batch norms counts as trained: a false alarm is worse than none.
    """
    first = _first_norms.of(model)
    if "norm" not in first:
        kind = nn.modules.batchnorm._BatchNorm
        norms = [module for module in model.modules() if isinstance(module, kind)]
        first["norm"] = ref(norms[0]) if norms else None
    return first["norm"] is not None and _as_built(first["norm"]())


def _as_built(norm: Any) -> bool:
    zeros = (norm.running_mean, norm.bias, norm.num_batches_tracked)
    ones = (norm.running_var, norm.weight)
    tensors = [each for each in zeros + ones if isinstance(each, Tensor) and not each.is_meta]
    if len(tensors) < len(zeros + ones):
        return False  # offloaded weights are not loaded for this
    # Compared again only after a write: a comparison waits for the GPU, and takes time on a CPU.
    state = [*map(id, tensors), *versions(tensors)]
    before, as_built = _checked_norms.get(norm, ([], False))
    if before != state:
        as_built = not any(zero.any() for zero in zeros) and all((one == 1).all() for one in ones)
        _checked_norms[norm] = state, bool(as_built)
    return bool(as_built)
