"""Whether a model's forward takes the inputs that it is given, by their names and their number."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import Parameter, signature

from torch import nn

from ..errors import InputError, shown
from .forward_args import ForwardArgs

_EITHER = Parameter.POSITIONAL_OR_KEYWORD


def refuse_unknown_names(model: nn.Module, args: ForwardArgs) -> None:
    """Raise InputError for inputs that forward does not take: other names, or too many."""
    names = [*args.kwargs, *([args.place] if isinstance(args.place, str) else [])]
    if not names and not args.args:
        return
    try:
        taken = signature(model.forward).parameters
    except (TypeError, ValueError):
        return
    _refuse_too_many(model, len(args.args) + isinstance(args.place, int), taken.values())
    if any(each.kind is each.VAR_KEYWORD for each in taken.values()):
        return
    for name in names:
        if name not in taken:
            raise InputError(
                f"{type(model).__name__} has no input named {shown(name)}; its forward takes "
                f"{', '.join(taken) or 'nothing'}"
            )


def _refuse_too_many(model: nn.Module, given: int, taken: Iterable[Parameter]) -> None:
    """Raise InputError for more inputs by position than the model's forward has places."""
    kinds = [each.kind for each in taken]
    places = sum(kind in (Parameter.POSITIONAL_ONLY, _EITHER) for kind in kinds)
    if given > places and Parameter.VAR_POSITIONAL not in kinds:
        raise InputError(
            f"got {given} inputs by position for {type(model).__name__}, whose forward takes "
            f"{places}; pass as many, in a tuple"
        )
