"""What torch itself cannot do, said with what to do about it; and what it gets wrong, put right."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import CamkitError, InputError, LayerError, RunError
from ..pytree import tensors_in

WITHOUT_CHECKPOINTING = (
    "turn checkpointing off, e.g. by model.set_grad_checkpointing(False) or "
    "model.gradient_checkpointing_disable(), or make it checkpoint(..., use_reentrant=False)"
)
_AXIS = (
    "A model of sound or of grey pictures may add the axis of channels itself: give it what has "
    "the axis, images[:, None], inside a module with forward(self, images): "
    "return self.model(images[:, 0])"
)
_PADDED = "the sound of which the model makes a spectrum has another number of axes than it takes"
# By words of torch's message: the kind of error, and our words.
_LIMITS: dict[str, tuple[type[CamkitError], str]] = {
    "use_reentrant": (
        LayerError,
        f"the model is run with reentrant checkpointing, which hides the graph inside it; "
        f"{WITHOUT_CHECKPOINTING}",
    ),
    "Expected more than 1 value per channel": (
        InputError,
        "a layer of the model normalises by the statistics of the images it is given together, "
        "also in evaluation mode, and takes no single one; give two images or more",
    ),
    "(batched) input to conv": (
        InputError,
        f"a convolution of the model gets another number of axes than it takes. {_AXIS}",
    ),
    "not supported for 4D input tensor": (InputError, f"{_PADDED}. {_AXIS}"),
    "expected a 1D or 2D tensor": (InputError, f"{_PADDED}. {_AXIS}"),
    "set_stance in a torch.compile region": (
        RunError,
        "camkit is called inside a function that torch.compile runs; call it outside, or put "
        "@torch.compiler.disable before the function that calls it",
    ),
    "its base or another view of its base has been modified inplace": (
        RunError,
        "the model writes into weights of which torch still needs views for gradients, as FSDP "
        "with use_orig_params=True does; explain the module before it is sharded, or make it "
        "FSDP(..., use_orig_params=False) or fully_shard(...)",
    ),
    "meta tensor": (
        InputError,
        "a tensor of the model has no values, as it is on the meta device; give the model's "
        "weights values, and create tensors in its code on the device of its images",
    ),
}


def explain_limit(error: Exception) -> None:
    """Raise camkit's error, which has torch's words, for one that tells of a limit of torch."""
    if isinstance(error, CamkitError) or not isinstance(error, (RuntimeError, ValueError)):
        return  # some of camkit's are ValueErrors
    for words, (kind, text) in _LIMITS.items():
        if words in str(error):
            raise kind(f"{text}. Torch says: {error}") from error


def no_gradient(layer: str) -> LayerError:
    """The error for a score that autograd cannot follow back to a layer."""
    return LayerError(
        f"the score has no gradient at layer {layer!r}: the model's output does not depend on it, "
        f"or the graph between them is cut, by detach() or by an autograd function such as "
        f"reentrant checkpointing; choose another layer, or {WITHOUT_CHECKPOINTING}"
    )


def put_batch_norms_right(scores: Tensor, plain: Any = None) -> None:
    """Let the batch norms in the graph of scores (..., N) read gradients of a single image right.

    A score () may be that of a single image, too.

    On a CPU, torch 2.14 mixes up the elements of a gradient (1, C, h, w) there if its channels lie
    side by side, as they do where tokens are made of a grid, and those of the activations do not.

    Args:
        scores: with their graph.
        plain: tensors that the scores are made of, in whose graphs no batch norm is.
    """
    several = scores.ndim > 0 and scores.shape[-1] != 1
    if several or scores.device.type != "cpu" or scores.grad_fn is None:
        return
    for node in batch_norms(scores, plain):
        node.register_prehook(_in_order)


def batch_norms(output: Any, plain: Any = None) -> list[Any]:
    """The nodes of batch norms in the graph of an output, but for the graphs of `plain` tensors."""
    seen = {tensor.grad_fn for tensor in tensors_in(plain)} | {None}
    nodes: list[Any] = []
    for tensor in tensors_in(output):
        if tensor.grad_fn not in seen:
            seen.add(tensor.grad_fn)
            nodes.append(tensor.grad_fn)
    for node in nodes:
        for following, _ in node.next_functions:
            if following not in seen:
                seen.add(following)
                nodes.append(following)
    return [node for node in nodes if "BatchNorm" in type(node).__name__]


def _in_order(gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    return tuple(None if each is None else each.contiguous() for each in gradients)


def total(scores: Tensor) -> Tensor:
    """The sum of scores, with its graph.

    Its gradient is that of the scores with a cotangent of ones. But for a cotangent that is given,
    torch imports the algebra of symbols, which takes half a second.
    """
    if scores.numel() == 1:
        return scores
    with torch.enable_grad():
        return scores.sum()
