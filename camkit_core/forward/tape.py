"""What a model computes after the target layer, noted call by call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..pytree import all_in, map_tensors, tensors_in
from .untouched import version

Kind = tuple[torch.dtype, torch.device]


@dataclass(slots=True)
class Slot:
    """The place of a tensor that depends on the target layer; slot 0 is the layer's output."""

    index: int


def slots_in(tree: Any) -> list[int]:
    """The index of each slot in `tree`, in order."""
    return [slot.index for slot in all_in(tree, Slot)]


@dataclass(slots=True)
class Call:
    """One noted torch call; its tensors are slots where they depend on the layer."""

    function: Callable[..., Any]
    args: Any
    kwargs: Any
    results: tuple[int, ...]


class Tape(TorchFunctionMode):
    """Notes the torch calls that depend on the target layer, from `start` to `stop`.

    Attributes:
        calls: the calls, in order.
        written: slot and earlier value of tensors from before the layer that a call wrote into.
        output: the model's output with slots for its tensors; None until `stop`.
        sizes: the shape of the tensor in each slot.
        kinds: the dtype and device of each noted one.
        constants: the other tensors that the calls read, each with its version.
        handed_on: the slot that a tensor had before, where a call gave what it got.
        reads_values: whether the model's code looked at values, so that it may run other calls
            when the values are others.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.written: dict[int, Tensor] = {}
        self.output: Any = None
        self.reads_values = False
        self.sizes: list[torch.Size] = []
        self.kinds: list[Kind] = []
        self.handed_on: dict[int, int] = {}
        self._slots: dict[int, tuple[int, ref[Tensor]]] = {}  # by identity
        self.constants: list[tuple[Tensor, int]] = []
        self._running = False

    def start(self, activations: Tensor) -> None:
        """Begin noting; `activations` is what the target layer passes on."""
        self._take_slot(activations)
        self._running = True
        self.__enter__()  # type: ignore[no-untyped-call]

    def stop(self, output: Any = None) -> None:
        """Stop noting; `output` is what the model returned, None after an error."""
        if not self._running:
            return
        self._running = False
        self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self.output, _ = self._with_slots(output)
        self._slots = {}

    def like(self, output: Any) -> Tape:
        """A tape without calls, of the same slots and constants, with this output."""
        tape = Tape()
        tape.output, tape.written, tape.reads_values = output, self.written, self.reads_values
        tape.sizes, tape.constants = [*self.sizes], self.constants
        return tape

    def new_slot(self, shape: torch.Size) -> Slot:
        """A slot that no call has yet given."""
        self.sizes.append(shape)
        return Slot(len(self.sizes) - 1)

    @property
    def complete(self) -> bool:
        """Whether the tape can be run: the output depends on it, and no constant has changed.

        A single number in the output may be a constant of the model, such as a temperature.
        """
        outputs = [tensor for tensor in tensors_in(self.output) if tensor.ndim]
        unchanged = all(version(tensor) == before for tensor, before in self.constants)
        return bool(slots_in(self.output)) and not outputs and unchanged and not self.reads_values

    @cached_property
    def last_uses(self) -> dict[int, list[int]]:
        """The slots that no call after this one reads, by this call's position."""
        last: dict[int, int] = {}
        for position, call in enumerate(self.calls):
            last.update(dict.fromkeys(slots_in((call.args, call.kwargs)), position))
            for index in call.results:
                last.setdefault(index, position)
        for index in slots_in(self.output):
            last.pop(index, None)
        by_position: dict[int, list[int]] = {}
        for index, position in last.items():
            by_position.setdefault(position, []).append(index)
        return by_position

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        noted = self._noted(func, args, kwargs)
        result = func(*args, **kwargs)
        if noted is not None:
            results = tuple(map(self._take_slot, tensors_in(result)))
            if results or writes(func):
                self.calls.append(Call(func, noted[0], noted[1], results))
        return result

    def _noted(self, func: Any, args: Any, kwargs: Any) -> Any:
        """The arguments with slots, or None where none of them depends on the layer."""
        noted, constants = self._with_slots([args, kwargs])
        if noted is None:
            return None
        if writes(func) and isinstance(noted[0][0], Tensor):
            self.written[self._take_slot(args[0])] = args[0].detach().clone()
            noted, constants = self._with_slots([args, kwargs])
        self.constants += constants
        self.reads_values |= function_name(func) in READS
        return noted

    def _take_slot(self, tensor: Tensor) -> int:
        index = len(self.sizes)
        if (before := self._slot(tensor)) is not None:
            self.handed_on[index] = before
        self._slots[id(tensor)] = index, ref(tensor)
        self.sizes.append(tensor.shape)
        self.kinds.append((tensor.dtype, tensor.device))
        return index

    def _slot(self, tensor: Tensor) -> int | None:
        index, alive = self._slots.get(id(tensor), _NOWHERE)
        return index if alive is not None and alive() is tensor else None

    def _with_slots(self, tree: Any) -> tuple[Any, list[tuple[Tensor, int]]]:
        """`tree` with slots, or None without any; and its other tensors, with their versions."""
        constants: list[tuple[Tensor, int]] = []
        depends = False

        def place(tensor: Tensor) -> Any:
            nonlocal depends
            index = self._slot(tensor)
            if index is None:
                constants.append((tensor, version(tensor)))
                return tensor
            depends = True
            return Slot(index)

        placed = map_tensors(place, tree)
        return (placed if depends else None), constants


_NOWHERE: tuple[int | None, ref[Tensor] | None] = (None, None)
# Calls that tell Python a tensor's values.
READS = {
    "item",
    "tolist",
    "numpy",
    "equal",
    "allclose",
    "is_nonzero",
    "__bool__",
    "__int__",
    "__float__",
    "__complex__",
    "__index__",
    "__contains__",
    "__array__",
}


def function_name(func: Any) -> str:
    """The name of a function; empty if it has none."""
    return getattr(func, "__name__", "")


@lru_cache(maxsize=1024)
def writes(func: Any) -> bool:
    """Whether a function writes into its first argument."""
    name = function_name(func)
    return (
        name == "__setitem__"
        or (name.endswith("_") and not name.endswith("__"))
        or (name.startswith("__i") and name not in ("__invert__", "__index__", "__int__"))
    )
