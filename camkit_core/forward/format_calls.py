"""Calls that give the same values whatever the memory format of what they read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import NoneType
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from torch._ops import OpOverloadPacket
from torch.overrides import TorchFunctionMode

from ..pytree import PLAIN, tensors_in
from .operations import AFFINE, ELEMENTWISE, HANDED_ON, MAP_TO_MAP, MAXIMA, SAME_SHAPE, named

_OTHERS = named(
    """
    size dim numel __len__ is_floating_point is_complex __get__ scaled_dot_product_attention bmm
    addmm baddbmm mm outer cumsum norm var std topk sort argsort argmax amin min where eq ne gt lt
    ge le zeros ones arange empty full zeros_like ones_like full_like new_zeros new_ones tensor
    linspace meshgrid tile unfold_copy glu _set_grad_enabled get_default_dtype is_grad_enabled
    _is_view is_inference _assert
    copy_ multi_head_attention_forward __rpow__ __invert__
    logical_not logical_and logical_or __and__ __or__ round floor ceil sign cos sin erf exp2
    """
)
_NOTHING = nullcontext()
_TENSORS = {Tensor, nn.Parameter}
_FLAT = _TENSORS | PLAIN
_TOLD = {bool, int, torch.Size, torch.dtype, torch.device, NoneType}  # of a tensor, by most calls
_SAFE = ELEMENTWISE | SAME_SHAPE | MAP_TO_MAP | AFFINE | HANDED_ON | MAXIMA | _OTHERS


class FormatCalls(TorchFunctionMode):
    """While active, notes whether every call gives the same in any memory format.

    A tensor that no call made which the mode saw may come from a call that torch does not show,
    and such a call may read memory in its order.

    Args:
        known: the tensors that are there before: images, parameters, buffers.

    Attributes:
        safe: whether all calls so far do; None before the model runs.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.safe: bool | None = None
        self._known: dict[int, ref[Tensor]] = {id(tensor): ref(tensor) for tensor in known}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **kwargs) if kwargs else func(*args)
        if self.safe:
            operator = isinstance(func, OpOverloadPacket)  # which may be anybody's
            self.safe = getattr(func, "__name__", "") in _SAFE and not operator
            if self.safe and type(result) not in _TOLD:
                self._note(args, kwargs, result)
        return result

    def _note(self, args: Any, kwargs: Any, result: Any) -> None:
        """Note what a call read and gave; most of it is flat, which is quick."""
        read = [value for value in args if type(value) in _TENSORS]
        for value in (*args, kwargs):
            if type(value) not in _FLAT:
                read += tensors_in(value)
        self.safe = all(map(self._is_known, read))
        for tensor in (result,) if type(result) is Tensor else tensors_in(result):
            self._known[id(tensor)] = ref(tensor)

    def __enter__(self) -> Any:
        self.safe = self.safe in (None, True)
        return super().__enter__()  # type: ignore[no-untyped-call]

    def exchanged(self, before: Tensor, now: Tensor) -> None:
        """Note that a tensor has the values of another one, by calls that no mode sees."""
        if self._is_known(before):
            self._known[id(now)] = ref(now)

    def _is_known(self, tensor: Tensor) -> bool:
        known = self._known.get(id(tensor))
        return known is not None and known() is tensor


_looking: ContextVar[FormatCalls | None] = ContextVar("looking", default=None)


@contextmanager
def looking(calls: FormatCalls) -> Iterator[None]:
    """Inside, `calls` are those of the model's runs, by which a recording is made."""
    token = _looking.set(calls)
    try:
        yield
    finally:
        _looking.reset(token)


def looked_at() -> AbstractContextManager[Any]:
    """Inside, the model runs, and nothing else; its calls are noted if somebody is `looking`."""
    return _looking.get() or _NOTHING


def exchanged(before: Tensor, now: Tensor) -> None:
    """Tell who is `looking` that `now` has the values of `before`, by calls that no mode sees."""
    if calls := _looking.get():
        calls.exchanged(before, now)
