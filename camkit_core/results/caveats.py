"""What makes an answer doubtful whatever the map: a tie, probabilities, an untrained model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from ..forward.untouched import version

TIE = 0.05  # between two logits: odds of 51 to 49
_norms: WeakKeyDictionary[nn.Module, list[Any]] = WeakKeyDictionary()
_fresh: WeakKeyDictionary[nn.Module, tuple[int, bool]] = WeakKeyDictionary()


def caveats(model: nn.Module, logits: Tensor | None, classes: Tensor | None) -> list[str]:
    """A note for each reason to doubt, with its cause and what to do.

    Args:
        model: what was explained.
        logits: (N, K), its class scores; None if it has none.
        classes: (N,), the targets; None if they are no classes.
    """
    if untrained(model):
        return [
            "the model looks untrained: its first batch norm is as it was built; load its weights, "
            "or read the map as that of a random network"
        ]
    if logits is None or logits.shape[1] < 2:
        return []
    best = logits.topk(2, 1)
    values, places = best.values.tolist(), best.indices.tolist()
    probable = 0 <= values[0][0] <= 1 and _probabilities(logits)
    notes = []
    if probable:
        notes.append(
            "the output looks like probabilities, whose gradient vanishes where the model is sure; "
            "explain the logits: pass the model without its softmax"
        )
    if classes is not None:
        notes += _ties(values, places, classes.tolist(), TIE / 4 if probable else TIE)
    return notes


def _probabilities(logits: Tensor) -> bool:
    sums = logits.sum(1)
    return bool((logits >= 0).all() and ((sums - 1).abs() < 1e-3).all())


def _ties(
    values: list[list[float]], places: list[list[int]], classes: list[int], within: float
) -> Iterator[str]:
    for index, ((first, second), pair) in enumerate(zip(values, places, strict=True)):
        if classes[index] in pair and first - second < within:
            one, other = pair
            yield (
                f"image {index}: classes {one} and {other} score almost alike ({first:.3g} and "
                f"{second:.3g}), and the map of one says little of why not the other; explain "
                f"both, or target=lambda output: output[{one}] - output[{other}]"
            )


def untrained(model: nn.Module) -> bool:
    """Whether the first batch norm has seen no batch and has the values it was built with.

    Of a model without batch norms nothing is said: a false alarm is worse than none.
    """
    norms = _norms.get(model)
    if norms is None:
        kind = nn.modules.batchnorm._BatchNorm
        norms = _norms[model] = [one for one in model.modules() if isinstance(one, kind)][:1]
    return bool(norms) and _as_built(norms[0])


def _as_built(norm: Any) -> bool:
    zeros = (norm.running_mean, norm.bias, norm.num_batches_tracked)
    ones = (norm.running_var, norm.weight)
    if not all(isinstance(one, Tensor) for one in (*zeros, *ones)):
        return False
    # Looked at again only after a write: each look waits for a GPU, and takes time on a CPU.
    state = hash(tuple((id(one), version(one)) for one in (*zeros, *ones)))
    if norm not in _fresh or _fresh[norm][0] != state:
        built = not any(one.any() for one in zeros) and all((one == 1).all() for one in ones)
        _fresh[norm] = state, bool(built)
    return _fresh[norm][1]
