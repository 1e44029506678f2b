"""One way in: a model and all arguments of its call, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..arguments import as_python, checked
from ..errors import InputError, InputTypeError, RunError
from .forward_args import NO_ARGS, ForwardArgs, split
from .images import as_batch
from .known_names import refuse_unknown_names
from .model import note_of_wrapper, unwrapped
from .output import Output, OutputPart

_KINDS = (InputError, InputTypeError)
_FAKE = torch._C._TorchDispatchModeKey.FAKE
Arguments = Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True, eq=False)
class Inputs:
    """A model, its images, and the other arguments of its call.

    Attributes:
        model: eager, and not inside a wrapper.
        images: (N, C, H, W), on the model's device and in its dtype; signals are (N, C, L), volumes
            and videos (N, C, D, H, W).
        forward_args: the other arguments of the model's call.
        notes: what a reader of the explanation should know of the model.
    """

    model: nn.Module
    images: Tensor
    forward_args: ForwardArgs = NO_ARGS
    notes: tuple[str, ...] = ()


def prepare(
    model: nn.Module,
    images: Tensor | Arguments,
    image_input: int | str | None = None,
    output: Output | None = None,
) -> Inputs:
    """The user's model and images, checked; the images are copied.

    Images that come with other arguments are left as they were given: how they are pictures, an
    adapter may have to say (`target_layer.pictures.pictured`).

    Args:
        model: any eager model, also inside `torch.compile` or `DataParallel`.
        images: see `explain`; or all arguments of the model's call, by name or by position.
        image_input: which of several arguments are the images; None for the only one that can be.
        output: which part of what the model returns targets read; None for all of it.

    Raises:
        TargetError: for an `output` that can be no part.
        InputError: for a model, images or arguments that cannot be used, saying what they were.
    """
    _refuse_recording()
    module = unwrapped(model)
    if image_input is not None:
        image_input = checked("camkit", "image_input", image_input, int | str, _KINDS)
    given, forward_args = split(images, image_input)
    refuse_unknown_names(module, forward_args)
    if output is not None:
        forward_args = replace(forward_args, output=OutputPart(as_python(output)))
    notes = note_of_wrapper(model, module)
    if forward_args.args or forward_args.kwargs:
        return Inputs(module, given, forward_args, tuple(notes))
    return Inputs(module, as_batch(given, module), forward_args, tuple(notes))


def _refuse_recording() -> None:
    """Raise RunError where torch runs code to record or transform it, so that nothing has values.

    A recorded call would be wrong for other images, and torch.jit.trace ends the process over it.
    """
    kinds = {  # each of this thread; first the compiler's, which reads the others in its own way
        "torch.compile": torch.compiler.is_dynamo_compiling(),
        "torch.func, as vmap or grad": torch._C._functorch.peek_interpreter_stack() is not None,
        "torch.jit.trace": torch._C._get_tracing_state() is not None,
        "torch.export or a FakeTensorMode": torch._C._get_dispatch_mode(_FAKE) is not None,
    }
    for kind, recording in kinds.items():
        if recording:
            raise RunError(
                f"camkit is called inside {kind}, where tensors have no values to read; call it "
                f"outside, and hand its maps in"
            )
