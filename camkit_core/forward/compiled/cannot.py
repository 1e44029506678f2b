"""Why a pass is not compiled; it then runs eagerly, and the explanation says so."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...errors import in_brief

_INSIDE = (
    "leave compile= out, or change the model's code there: values that decide what runs, lists of "
    "numbers made of tensors and numpy cannot be followed"
)


class CannotCompile(Exception):
    """The reason, in words for the explanation's notes."""


def several_levels() -> CannotCompile:
    """For a pass that is cut at several layers at once."""
    return CannotCompile(
        "one pass is cut at several layers here; name one of them by layer= to have it compiled"
    )


def more_inputs() -> CannotCompile:
    """For a model that takes more than images."""
    return CannotCompile("the model is given more than images; leave compile= out")


def hooks() -> CannotCompile:
    """For a model with hooks of the user's own."""
    return CannotCompile(
        "the model has hooks, which compiled code would not run; remove them, or leave compile= out"
    )


def autocast() -> CannotCompile:
    """For a pass within torch.autocast, of which the code knows nothing."""
    return CannotCompile(
        "torch.autocast is on; call the explainer outside of it, with dtype= at camkit.prepare for "
        "less precision, or leave compile= out"
    )


def other_shape(shape: torch.Size, known: Sequence[torch.Size]) -> CannotCompile:
    """For images of another shape than the example's."""
    code = f"code for {tuple(known[0])}" if known else "an explainer without code"
    return CannotCompile(
        f"images of shape {tuple(shape)} came to {code}; give batches of that shape, or prepare "
        f"another explainer with an example of this one"
    )


def not_followed(error: Exception) -> CannotCompile:
    """For a model that torch.export does not follow."""
    return CannotCompile(f"torch.export does not follow the model ({in_brief(error)}); {_INSIDE}")


def not_compiled(error: Exception) -> CannotCompile:
    """For a model that the compiler fails on."""
    return CannotCompile(
        f"torch.compile fails ({in_brief(error)}); see whether it compiles anything at all here, "
        f"for which it needs a C++ compiler, and Triton on a GPU, or leave compile= out"
    )


def changes_something(what: str) -> CannotCompile:
    """For a model whose pass does more than to compute its output."""
    return CannotCompile(f"the model {what} as it runs; leave compile= out")


def another_map(error: float) -> CannotCompile:
    """For compiled code that computes something else."""
    return CannotCompile(
        f"compiled code gave a map that differs by {error:.1g} of the eager one's maximum; the "
        f"model may keep something that its code asks for; leave compile= out"
    )
