"""The weights of a checkpoint that are a model's own, found by the names of the model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from ...errors import InputError, in_brief
from .checkpoints import Checkpoint, Weights

Shapes = Mapping[str, tuple[int, ...]]

# Where weights are there twice, the first of these is meant, and an average only where asked for.
_USUAL = ("", "state_dict", "model_state_dict", "model", "net")
_AVERAGES = {"ema", "swa", "averaged", "average", "shadow"}
# What training leaves beside a network: parts of the loss, metrics, counters.
_TRAINING = re.compile(
    r"criterion|loss|metric|accuracy|auroc|confusion|f1|(^|_)(acc|auc|iou)(_|\d|$)"
)
_COUNTERS = ("total_ops", "total_params", "n_averaged")
_LONGEST_NAME = 500
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)")


@dataclass(frozen=True)
class Fit:
    """Weights for a model, from a checkpoint.

    Attributes:
        weights: by the model's names.
        label: where they are in the file: keys and prefix, joined by dots.
        left_out: weights beside them that are not the network's.
        others: the labels of other weights in the file that fit the model.
    """

    weights: Weights
    label: str
    left_out: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def mark(self, checkpoint: Checkpoint) -> str:
        """What follows the file's name in a record, where it has more than one set of weights."""
        return f"#{self.label}" if self.label and (self.others or checkpoint.label) else ""

    def notes(self, checkpoint: Checkpoint) -> tuple[str, ...]:
        """What a reader should know of the choice."""
        notes, name = [], checkpoint.path.name
        if self.others and checkpoint.label is None:
            notes.append(
                f"{name} has weights at {self.label or 'its top'}, which are used, and at "
                f"{', '.join(self.others)}; to use those: --weights "
                f"{checkpoint.at(self.others[0])}"
            )
        if self.left_out:
            few = ", ".join(self.left_out[:3])
            more = f" and {len(self.left_out) - 3} more" if len(self.left_out) > 3 else ""
            notes.append(f"{name} has more than the network's weights; left out: {few}{more}")
        return tuple(notes)


@dataclass(frozen=True)
class _Place:
    """A dict of a checkpoint, and a prefix of names there that are the model's."""

    weights: Weights
    prefix: str
    label: str
    found: int
    complete: bool

    def own(self, name: str) -> str | None:
        """The name without the prefix; None if it has another."""
        return name[len(self.prefix) :] if name.startswith(self.prefix) else None


def fit(checkpoint: Checkpoint, model: nn.Module, name: str) -> Fit:
    """The weights that fit the model, without the prefixes that wrappers gave them.

    Weights fit if all of the model's are there, in its shapes but for the number of classes. If
    none do, those with the most of the model's names are given.

    Args:
        checkpoint: what the file holds.
        model: the architecture.
        name: what to call the model in an error.

    Raises:
        InputError: if several weights fit and none of them is the usual one, if none are at the
            label that was asked for, or if others beside them may be a part of the network.
    """
    shapes = _shapes(model, name)
    parts = checkpoint.parts.items()
    places = [place for part, weights in parts for place in _places(part, weights, shapes)]
    complete = sorted((place for place in places if place.complete), key=_rank)
    if not complete and checkpoint.label is None:
        best = min(places, key=lambda place: (-place.found, _rank(place)))
        return _fit(best, {}, [])
    fitting = _labelled(checkpoint, complete, name)
    _check_one_is_meant(checkpoint, fitting, name)
    chosen, others = fitting[0], [place for place in complete if place is not fitting[0]]
    beside = {key: _role(key, chosen, others, shapes) for key in chosen.weights}
    if checkpoint.label is None:
        _check_no_part(checkpoint, chosen, [key for key, role in beside.items() if role == "part"])
    return _fit(chosen, beside, others)


def _shapes(model: nn.Module, name: str) -> Shapes:
    try:
        state = model.state_dict()
        return {key: tuple(value.shape) for key, value in state.items() if hasattr(value, "shape")}
    except Exception as error:  # of a model's own rules, or of weights without a shape yet
        reason = in_brief(error)
        raise InputError(f"the weights of {name} cannot be listed ({reason})") from error


def _fit(chosen: _Place, roles: Mapping[str, str], others: list[_Place]) -> Fit:
    weights = {}
    for key, value in chosen.weights.items():
        own = chosen.own(key)
        if own is not None and roles.get(key, "own") == "own":
            weights[own] = value
    left_out = tuple(key for key, role in roles.items() if role in ("part", "training"))
    return Fit(weights, chosen.label, left_out, tuple(place.label for place in others))


def _places(part: str, weights: Weights, shapes: Shapes) -> list[_Place]:
    """Each prefix where the model's weights are complete, or else the one where most are."""
    weights = _renamed(weights, shapes)
    counts = _prefixes(weights, shapes) or Counter([""])
    needed = [name for name in shapes if not name.endswith("num_batches_tracked")]
    places = []
    for prefix, found in counts.items():
        label = ".".join(filter(None, (part, prefix.rstrip("."))))
        complete = found >= len(needed) and all(
            f"{prefix}{name}" in weights and _alike(weights[f"{prefix}{name}"].shape, shapes[name])
            for name in needed
        )
        places.append(_Place(weights, prefix, label, found, complete))
    most = max(places, key=lambda place: place.found)
    return [place for place in places if place.complete] or [most]


def _renamed(weights: Weights, shapes: Shapes) -> Weights:
    # torchvision's own DenseNet files have older names than its models.
    if any(_DENSE_LAYER.search(name) for name in shapes):
        return weights
    return {_DENSE_LAYER.sub(r"\1\2", name): value for name, value in weights.items()}


def _prefixes(weights: Weights, shapes: Shapes) -> Counter[str]:
    """How many names of the model follow each prefix."""
    counts: Counter[str] = Counter()
    for name in weights:
        starts = [0, *(dot.end() for dot in re.finditer(r"\.", name[:_LONGEST_NAME]))]
        counts.update(name[:start] for start in starts if name[start:] in shapes)
    return counts


def _alike(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and shape[1:] == wanted[1:]


def _rank(place: _Place) -> tuple[bool, int]:
    """Which weights are meant where several fit; equal ranks are for the user to choose from."""
    first = place.label.partition(".")[0]
    words = set(re.split(r"[^a-z]+", place.label.lower()))
    return bool(words & _AVERAGES), _USUAL.index(first) if first in _USUAL else len(_USUAL)


def _labelled(checkpoint: Checkpoint, complete: list[_Place], name: str) -> list[_Place]:
    label = checkpoint.label
    if label is None:
        return complete
    exact = [place for place in complete if place.label == label]
    below = exact or [place for place in complete if place.label.startswith(f"{label}.")]
    if not below:
        there = ", ".join(repr(place.label) for place in complete) or "none of them"
        raise InputError(
            f"{checkpoint.path.name} has no weights of {name} at {label!r}; it has them at: {there}"
        )
    return below


def _check_one_is_meant(checkpoint: Checkpoint, fitting: list[_Place], name: str) -> None:
    if len(fitting) > 1 and _rank(fitting[0]) == _rank(fitting[1]):
        labels = [place.label for place in fitting]
        raise InputError(
            f"{checkpoint.path.name} has weights of {name} more than once, at {', '.join(labels)}; "
            f"choose, as in --weights {checkpoint.at(labels[0])}"
        )


def _role(key: str, chosen: _Place, others: list[_Place], shapes: Shapes) -> str:
    """What a weight in the same dict is: "own", "other" (one of `others`), "training" or "part"."""
    own = chosen.own(key)
    if own in shapes:
        return "own"
    if any(p.weights is chosen.weights and p.own(key) in shapes for p in others):
        return "other"
    if _is_of_training(key, chosen, shapes):
        return "training"
    if own is not None:
        return "own"  # it is refused when the weights are loaded, as one too many
    return "part" if len(chosen.weights[key].shape) > 1 else "training"


def _is_of_training(key: str, chosen: _Place, shapes: Shapes) -> bool:
    words, prefix = key.split("."), chosen.prefix.split(".")[:-1]
    while prefix and words[1:] and words[0] == prefix[0]:
        words, prefix = words[1:], prefix[1:]
    of_network = any(name.partition(".")[0] == words[0] for name in shapes)
    training = _TRAINING.search(words[0].lower()) is not None
    return words[-1] in _COUNTERS or (training and not of_network)


def _check_no_part(checkpoint: Checkpoint, chosen: _Place, parts: list[str]) -> None:
    if parts:
        more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
        raise InputError(
            f"{checkpoint.path.name} has weights beside those at {chosen.label!r} that may be a "
            f"part of the network: {', '.join(parts[:3])}{more}. If they are not, say so: "
            f"--weights {checkpoint.at(chosen.label)}"
        )
