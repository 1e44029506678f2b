"""The targets of a call: each as a score for each image, or as no class for methods without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import TargetError
from ...pytree import first_tensor
from ..prepare import Inputs
from .classification import class_logits
from .found import scores_in
from .heads import refuse_embeddings, refuse_features
from .protocol import ModelCall, needs_call
from .resolve import Rank, Target, resolve
from .scores import Targets
from .sequence import TOKENS


def of_call(targets: Sequence[Target], inputs: Inputs) -> Sequence[Target]:
    """The targets, each that needs the other arguments of the call settled on them.

    Raises:
        TargetError: for what such a target asks and the call has not.
    """
    if not any(map(needs_call, targets)):
        return targets
    args = inputs.forward_args
    arguments = args.by_name(inputs.model, inputs.images)
    call = ModelCall(inputs.model, arguments, len(inputs.images), args.output is not None)
    return [_each_of_call(target, call) if needs_call(target) else target for target in targets]


def _each_of_call(target: Any, call: ModelCall) -> list[Any]:
    targets = list(target) if isinstance(target, (list, tuple)) else [target] * call.images
    return [
        each.of_call(call, image) if needs_call(each) else each
        for image, each in enumerate(targets)
    ]


def score_functions(
    targets: Sequence[Target], inputs: Inputs, output: Any, class_free: bool
) -> list[Targets]:
    """The score functions that each of several targets means.

    Args:
        targets: see `compare`.
        inputs: the model and its images.
        output: the model's output for them.
        class_free: whether no method asks for a class, so that an output without classes will do.

    Raises:
        TargetError: as `resolve`; and for classes of a model that says it has no classifier.
    """
    return [_score_function(target, inputs, output, class_free) for target in targets]


def _score_function(target: Target, inputs: Inputs, output: Any, class_free: bool) -> Targets:
    try:
        if target is None or isinstance(target, (int, Rank)):
            refuse_embeddings(inputs)
        resolved = resolve(target, output, inputs.images.shape[0])
        if resolved.classes is not None:
            part, scores = inputs.forward_args.output, class_logits(output)
            refuse_features(inputs.model, part, output, scores)
        return resolved
    except TargetError:
        if class_free and (target is None or (isinstance(target, Rank) and target == Rank(0))):
            return Targets((no_class,) * len(inputs.images), None)
        if not callable(target) and _is_of_tokens(inputs, output):
            raise _no_token(inputs, target) from None
        raise


def _is_of_tokens(inputs: Inputs, output: Any) -> bool:
    """Whether an output has a row of logits for each token of a text."""
    found = scores_in(output)
    reads_text = any(name in inputs.forward_args.kwargs for name in TOKENS)
    if found is None or found[1].ndim != 3 or not reads_text:
        return False
    sizes = _vocabularies(inputs.model)  # a detector of words has fewer logits, for other things
    return not sizes or found[1].shape[2] in sizes


def _vocabularies(model: Any) -> set[int]:
    """The numbers of tokens that a model of transformers states."""
    config = getattr(model, "config", None)
    parts = config, getattr(config, "text_config", None), getattr(config, "decoder", None)
    sizes = [getattr(each, "vocab_size", None) for each in parts]
    return {size for size in sizes if isinstance(size, int)}


def _no_token(inputs: Inputs, target: Any) -> TargetError:
    token = f", {target}" if isinstance(target, int) else ""
    return TargetError(
        f"{type(inputs.model).__name__} gives logits for each token of a text, none for an image; "
        f"explain the token that is generated next by target=TokenTarget(-1{token}), or the one at "
        f"another position"
    )


def no_class(sample: Any) -> Tensor:
    """The score of no class, for methods that ask for none: 0."""
    tensor = first_tensor(sample)
    return torch.zeros((), device=None if tensor is None else tensor.device)
