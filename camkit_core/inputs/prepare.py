"""One way in: a model and all arguments of its call, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from ..arguments import as_python, checked
from ..errors import InputError, InputTypeError
from .forward_args import NO_ARGS, ForwardArgs, split
from .images import as_batch
from .known_names import refuse_unknown_names
from .model import note_of_wrapper, unwrapped
from .output import Output, OutputPart

_KINDS = (InputError, InputTypeError)
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
