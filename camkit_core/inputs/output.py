"""Which part of a model's output targets read, where the user says so: `output=`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import ref

from torch import Tensor

from ..errors import TargetError, TargetTypeError, shown
from ..pytree import has_samples, outline, parts

Output = str | int | Callable[[Any], Any]


@dataclass(frozen=True)
class OutputPart:
    """From what a model returns to what targets read.

    Args:
        key: the name of a part, of a dict or an object; the position of one, of a tuple or list; or
            a function of all that the model returns.

    Raises:
        TargetError: for any other key; when called, for an output without such a part.
    """

    key: Output

    def __post_init__(self) -> None:
        usable = isinstance(self.key, (str, int)) or callable(self.key)
        if not usable or isinstance(self.key, bool):
            raise TargetTypeError(
                f"expected output= as a key, a position or a function of the model's output, got "
                f"{shown(self.key)}"
            )

    def __call__(self, output: Any) -> Any:
        """The part of `output`, the model's output for all images."""
        if callable(self.key):
            return _applied(self.key, output)
        keys = [] if has_samples(output) else [key for key, _ in parts(output)]
        try:
            return _item(output, self.key)
        except (KeyError, IndexError, TypeError, AttributeError):
            raise TargetError(_no_part(output, self.key, keys)) from None

    @property
    def identity(self) -> Hashable:
        """What tells this part from others, for memories; it keeps no function alive."""
        if not callable(self.key):
            return self.key
        try:
            return ref(self.key)
        except TypeError:  # such as an `operator.itemgetter`
            return id(self.key)


def _applied(function: Callable[[Any], Any], output: Any) -> Any:
    try:
        return function(output)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise TargetError(
            f"the function output= failed on what the model returns, {outline(output)}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _item(output: Any, key: str | int) -> Any:
    """The part with that key; a KeyError, IndexError or AttributeError if there is none."""
    if isinstance(output, Tensor) or has_samples(output):
        raise KeyError(key)  # the first axis is the images
    if isinstance(output, Mapping) or isinstance(key, int):
        return output[key]
    value = getattr(output, key)
    if callable(value):
        raise AttributeError(key)  # a method, such as the `index` of a tuple
    return value


def _no_part(output: Any, key: str | int, keys: list[Any]) -> str:
    """What is said of a key that the output does not have."""
    given = f"output={shown(key)} is no part of what the model returns, {outline(output)}"
    if keys:
        return f"{given}; pass {' or '.join(f'output={each!r}' for each in keys[:6])}"
    if isinstance(output, Tensor) and isinstance(key, int) and output.ndim > 2:
        return (
            f"{given}; the first axis of a tensor is the images, but where it is not, pass "
            f"output=lambda output: output[{key if abs(key) < len(output) else -1}]"
        )
    return f"{given}, which has no parts by that name; leave output= out, or pass a function of it"
