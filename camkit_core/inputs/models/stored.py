"""Tensors in a file: known by their shapes, and read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .inert import Noted

_DTYPES = {
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexDouble": torch.complex128,
    "ComplexFloat": torch.complex64,
    "Untyped": torch.uint8,
}
_AROUND = (  # the tensor is their first argument
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
)
_TENSORS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
_MOST_REPEATED = 1_000_000


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        shape: its shape.
        read: reads it.
    """

    shape: tuple[int, ...]
    read: Callable[[], Tensor]


class Storage(NamedTuple):
    """The numbers that tensors of a file share: their name there, their dtype and how many."""

    key: str
    dtype: torch.dtype
    length: int


def storage(persistent_id: Any) -> Storage:
    """The storage of a persistent id of torch: ('storage', class, key, location, count).

    Raises:
        ValueError: if the id is another one, as those of views in files of PyTorch 0.3 are.
    """
    tag, kind, key, _, count, *view = persistent_id
    if tag != "storage" or type(key) is not str or not _is_class(kind):
        raise ValueError("a reference to what is no storage")
    name = kind.name.rpartition(".")[2].removesuffix("Storage")
    if name not in _DTYPES or view not in ([], [None]) or not _counts(count):
        raise ValueError(f"a storage of another kind, {kind.name}")
    return Storage(key, _DTYPES[name], count)


def stored_tensor(noted: Any, read: Callable[[Storage], Tensor]) -> StoredTensor | None:
    """The tensor that `noted` would be built to; None if it is something else.

    Args:
        noted: any value of the pickle.
        read: the numbers of a storage, in one dimension.

    Raises:
        ValueError: if the tensor is not inside its storage.
    """
    for _ in range(4):  # a parameter, of a type of its own, around the tensor
        if not isinstance(noted, Noted) or not noted.args:
            return None
        if noted.name == "torch._tensor._rebuild_from_type_v2" and len(noted.args) > 2:
            kind, _, inner = noted.args[:3]
            noted = kind(*inner) if _is_class(kind) and isinstance(inner, tuple) else None
        elif noted.name in _AROUND:
            noted = noted.args[0]
        elif noted.name in (*_TENSORS, "torch._utils._rebuild_tensor_v3"):
            return _described(noted, read)
        else:
            return None
    return None


def _described(noted: Noted, read: Callable[[Storage], Tensor]) -> StoredTensor | None:
    where, offset, shape, strides, *rest = noted.args
    with_dtype = noted.name.endswith("v3")
    if any(rest[3:] if with_dtype else rest[2:]):
        return None  # conjugated or negated when it is read
    if with_dtype:
        where = _typed(where, rest[2])
    if not isinstance(where, Storage):
        raise ValueError("a tensor without a storage")
    shape, strides = _sizes(shape), _sizes(strides)
    _check_inside(where, offset, shape, strides)

    def tensor() -> Tensor:
        return read(where).as_strided(shape, strides, offset)

    return StoredTensor(shape, tensor)


def _typed(where: Any, kind: Any) -> Storage:
    dtype = getattr(torch, kind.name.removeprefix("torch."), None)
    if not isinstance(where, Storage) or not isinstance(dtype, torch.dtype):
        raise ValueError("a tensor of another dtype than torch has here")
    return Storage(where.key, dtype, where.length // dtype.itemsize)


def _sizes(sizes: Any) -> tuple[int, ...]:
    if isinstance(sizes, Noted) and sizes.args:  # torch.Size
        sizes = sizes.args[0]
    if not isinstance(sizes, (tuple, list)) or not all(map(_counts, sizes)):
        raise ValueError("a tensor without a shape")
    return tuple(sizes)


def _is_class(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Noted)


def _counts(number: Any) -> bool:
    return type(number) is int and 0 <= number < 1 << 62


def _check_inside(
    where: Storage, offset: Any, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    if len(shape) != len(strides) or not _counts(offset):
        raise ValueError("a tensor without a shape")
    reach = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True)) + 1
    if 0 not in shape and reach > where.length:
        raise ValueError("a tensor that is larger than its storage")
    if prod(shape) > max(where.length, _MOST_REPEATED):  # by strides of 0
        raise ValueError("a tensor of more numbers than the file has")
