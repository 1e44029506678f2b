"""Whether what ran after the target layer is affine in the layer's output.

If it is, a score for edited activations is exact in closed form: the score, plus the gradient
times the change. The torch calls that ran decide it, never the names of modules.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from ...forward.random_states import noise_like
from ...forward.tape import Call, Tape, slots_in
from ...pytree import tensors_in
from .proof import proved

if TYPE_CHECKING:
    from ...forward.recording import Recording


def _functions(names: str, owners: tuple[Any, ...] = (torch, Tensor, F)) -> frozenset[Any]:
    """The functions with these names in torch, `torch.Tensor` and `torch.nn.functional`."""
    return frozenset(
        getattr(owner, name) for name in names.split() for owner in owners if hasattr(owner, name)
    )


# Affine in the first argument, if no other argument depends on the layer.
_IN_THE_FIRST = _functions(
    "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d avg_pool1d avg_pool2d avg_pool3d "
    "flatten unflatten reshape view permute transpose swapaxes movedim contiguous squeeze "
    "unsqueeze clone mean sum select narrow chunk split unbind expand flip roll __getitem__ "
    "linear conv1d conv2d conv3d pixel_shuffle div __truediv__ div_ __itruediv__ true_divide neg "
    "__neg__ float double"
)
# Sums and concatenations: affine in all arguments together.
_IN_ALL = _functions(
    "add sub add_ sub_ __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ cat concat stack hstack"
)
# Products: affine if a single factor depends on the layer.
_IN_ONE = _functions("mul mul_ __mul__ __rmul__ __imul__ matmul __matmul__ bmm mm")
# Affine in evaluation mode.
_IN_EVALUATION = _functions(
    "dropout dropout2d dropout3d alpha_dropout feature_alpha_dropout batch_norm", owners=(F,)
)
_RELU = _functions("relu relu_")


def proved_affine(recording: Recording, positive: bool) -> bool:
    """Whether the output is affine in the layer's output: by the calls, and proved by a full run.

    The proof finds gradients that are not those of the forward pass, as custom ones may be.

    Args:
        recording: the forward pass.
        positive: see `is_affine`.
    """
    tape = recording.tape
    if not tape.complete or not is_affine(tape, positive):
        return False
    return proved(recording, f"affine {positive}", _affine_error)


def _affine_error(recording: Recording, edited: Tensor, slow: Tensor) -> float:
    """The error of the output's predicted change, in one made-up direction of unit length."""
    with torch.enable_grad():
        parts = [t.flatten() for t in tensors_in(recording.output) if t.requires_grad]
        values = torch.cat(parts)
        if values.numel() != slow.numel():
            return torch.inf  # a part of the output has no gradient
        known = (slow + values.detach()).isfinite()  # an image with nan in it proves nothing
        direction = (noise_like(values) - 0.5)[known]
        score = (values[known] * direction).sum()
    slope, raw = recording.gradients([score])[0], recording.raw.detach()
    predicted = (slope * (edited - raw)).where(raw.isfinite(), torch.zeros_like(raw)).sum()
    actual = ((slow - values.detach())[known] * direction).sum()
    return float((predicted - actual).abs() / direction.norm())


def is_affine(tape: Tape, positive: bool) -> bool:
    """Whether every call on the tape is affine in the target layer's output.

    Args:
        tape: what ran after the layer.
        positive: whether the layer's output is positive everywhere and the edits are not
            negative; a ReLU right after the layer then changes neither.
    """
    unchanged = {0} if positive else set()  # slots that hold the layer's output as it is
    for call in tape.calls:
        first = slots_in(call.args[0]) if call.args else []
        if call.function in _RELU and first and set(first) <= unchanged:
            unchanged |= set(call.results)
        elif not affine_call(call):
            return False
    return not tape.written


def affine_call(call: Call) -> bool:
    """Whether a call is affine in what it reads of the layer's output."""
    function, slots = call.function, slots_in((call.args, call.kwargs))
    if function in _IN_ALL:
        return not slots_in(call.kwargs)
    only_first = bool(call.args) and slots == slots_in(call.args[0])
    if function in _IN_ONE:
        return len(slots) == 1
    if function in _IN_EVALUATION:
        return only_first and not _training(call)
    if call.kwargs.get("rounding_mode"):
        return False
    return only_first and function in _IN_THE_FIRST


def _training(call: Call) -> bool:
    # Bound to the function's own signature, because `training` may come by position.
    bound = inspect.signature(call.function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return bool(bound.arguments["training"])
