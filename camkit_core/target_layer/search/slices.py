"""Which part of a tensor a call takes: `x[..., 2:-2]`, `x.narrow(2, 1, 6)`."""

from __future__ import annotations

from ...forward.tape import Call
from .flow import argument, name_of


def slices(call: Call, axes: int) -> tuple[slice, ...]:
    """What is taken of each axis, in order; () for any other kind of index."""
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
