"""Which part of a tensor a call takes: `x[..., 2:-2]`, `x.narrow(2, 1, 6)`."""

from __future__ import annotations

from collections.abc import Sequence

from ...forward.tape import Call, Slot
from .flow import argument, name_of


def slices(call: Call, shape: Sequence[int]) -> tuple[slice, ...]:
    """What is taken of each axis of that shape, in order; () for any other kind of index."""
    taken = _taken(call, len(shape))
    if any(isinstance(end, Slot) for each in taken for end in (each.start, each.stop)):
        return ()
    whole = slice(None)
    return tuple(
        whole if each.indices(side) == (0, side, 1) else each
        for each, side in zip(taken, shape, strict=False)
    )


def _taken(call: Call, axes: int) -> tuple[slice, ...]:
    if name_of(call) == "narrow":
        return _narrowed(call, axes)
    index = argument(call, 1, "indices")
    index = index if isinstance(index, tuple) else (index,)
    dots = [at for at, each in enumerate(index) if each is ...]
    if len(dots) == 1:
        whole = [slice(None)] * (axes - len(index) + 1)
        index = (*index[: dots[0]], *whole, *index[dots[0] + 1 :])
    index = (*index, *[slice(None)] * (axes - len(index)))
    simple = all(isinstance(each, slice) and each.step in (None, 1) for each in index)
    return index if simple and len(index) == axes else ()


def _narrowed(call: Call, axes: int) -> tuple[slice, ...]:
    names = enumerate(("dim", "start", "length"), 1)
    given = [argument(call, at, name) for at, name in names]
    if not all(isinstance(each, int) for each in given):
        return ()
    dim, start, length = given
    index = [slice(None)] * axes
    index[dim % axes] = slice(start, start + length) if start >= 0 else slice(start, None)
    return tuple(index) if start >= 0 or length == -start else ()
