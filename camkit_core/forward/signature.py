"""What tells the calls on one tape from those on another."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from .tape import Slot, Tape, slots_in

# Values that stay what they are. Other objects count by their class, so that none is kept alive.
_VALUES = (
    bool,
    int,
    float,
    complex,
    str,
    type(None),
    torch.dtype,
    torch.device,
    torch.layout,
    torch.memory_format,
)


def signature(tape: Tape) -> Hashable:
    """Equal for tapes of the same calls with the same arguments, but for the values of tensors.

    An axis, a size or a flag may decide whether a call treats rows alike.
    """
    calls = tuple(
        (hash(call.function), call.results, *_parts((call.args, call.kwargs)))
        for call in tape.calls
    )
    return calls, tuple(slots_in(tape.output))


def _parts(tree: Any) -> Iterator[Hashable]:
    """The leaves of a call's arguments, and where a list or dict of them begins."""
    if isinstance(tree, Slot):
        yield Slot, tree.index
    elif isinstance(tree, Tensor):
        yield Tensor, tree.shape, tree.dtype
    elif isinstance(tree, (tuple, list)):
        yield len(tree)
        for item in tree:
            yield from _parts(item)
    elif isinstance(tree, Mapping):
        for name, value in tree.items():
            yield str(name)
            yield from _parts(value)
    elif isinstance(tree, slice):
        yield from _parts((slice, tree.start, tree.stop, tree.step))
    elif isinstance(tree, _VALUES):
        yield type(tree), tree
    else:
        yield type(tree).__qualname__
