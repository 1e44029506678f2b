"""What the model computes from the images, noted call by call: which call reads which tensor."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from torch import Tensor

from ...forward.operations import ELEMENTWISE, named
from ...forward.tape import Call, Slot, Tape, function_name, slots_in, writes

# Calls whose results take a tensor's shape and not its values.
_SHAPE_ALONE = named(
    """
    zeros_like ones_like full_like empty_like rand_like randn_like randint_like new_zeros
    new_ones new_full new_empty new_tensor
    """
)
# Calls that tell Python a number.
_NUMBERS = named("item tolist numpy __int__ __float__ __index__ __array__")
# Positions become frequencies, and back.
SPECTRA = ("fft_fft", "fft_rfft", "fft_hfft", "stft")
BACK = ("fft_ifft", "fft_irfft", "fft_ihfft", "istft")
MIRRORS = named("flip fliplr flipud rot90")
# The result may lie in the memory of what is read.
_VIEWS = named(
    """
    __getitem__ view view_as reshape reshape_as flatten unflatten permute transpose swapaxes
    swapdims movedim narrow select chunk split tensor_split unbind expand expand_as squeeze
    unsqueeze unfold diagonal contiguous detach data T mT H mH real imag to type float double
    """
)
# Calls that say something of a tensor, and make none.
_QUESTIONS = named(
    "__get__ size dim numel __len__ stride is_floating_point is_complex is_contiguous element_size"
)


class Flow(Tape):
    """A tape that begins at the images; slot 0 is what the model was given.

    Args:
        rows: how many images pass.

    Attributes:
        shapes: of the tensor of each slot, as for one image.
        numbers_read: how many calls were noted when the model's code first read a number of what it
            computes from the images; None if it reads none.
    """

    def __init__(self, rows: int = 1) -> None:
        super().__init__()
        self.rows = rows
        self.shapes: dict[int, tuple[int, ...]] = {}
        self.numbers_read: int | None = None

    def slot_of(self, tensor: Tensor) -> int | None:
        """The slot of a tensor; None if no call that the tape saw ties it to the images."""
        return self._slot(tensor)

    def _take_slot(self, tensor: Tensor) -> int:
        index = super()._take_slot(tensor)
        self.shapes[index] = self.shape_of(tensor)
        return index

    def shape_of(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape that a tensor has when one image passes alone."""
        shape = tuple(tensor.shape)
        return (1, *shape[1:]) if shape and shape[0] == self.rows else shape

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in _QUESTIONS and not _is_part(func):
            return func(*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)

    def _noted(self, func: Any, args: Any, kwargs: Any) -> Any:
        if getattr(func, "__name__", "") in _SHAPE_ALONE:
            return None
        noted = super()._noted(func, args, kwargs)
        if noted is not None and self.numbers_read is None and function_name(func) in _NUMBERS:
            self.numbers_read = len(self.calls)
        return noted

    @cached_property
    def reads(self) -> list[tuple[int, ...]]:
        """The slots that each call reads, by its position."""
        return [tuple(slots_in((call.args, call.kwargs))) for call in self.calls]

    @cached_property
    def makers(self) -> dict[int, int]:
        """The position of the call that gave a slot."""
        return {slot: at for at, call in enumerate(self.calls) for slot in call.results}

    @cached_property
    def readers(self) -> dict[int, list[int]]:
        """The positions of the calls that read a slot, in order."""
        readers: dict[int, list[int]] = {}
        for position, slots in enumerate(self.reads):
            for slot in dict.fromkeys(slots):
                readers.setdefault(slot, []).append(position)
        return readers

    @cached_property
    def _memory(self) -> dict[int, int]:
        """For each slot that a call gave, the first one that may lie in the same memory."""
        first: dict[int, int] = {}
        for call, reads in zip(self.calls, self.reads, strict=True):
            shared = reads and (name_of(call) in _VIEWS or writes(call.function))
            for slot in call.results:
                first[slot] = first.get(reads[0], reads[0]) if shared else slot
        return first

    def overwritten(self, call: Call) -> list[int]:
        """The slots whose places a call may move, as it writes into their memory."""
        if not writes(call.function) or not call.args or not isinstance(call.args[0], Slot):
            return []
        target, slots = call.args[0], slots_in((call.args, call.kwargs))
        if name_of(call) in ELEMENTWISE and len(list(slots)) == 1:
            return []  # each value stays in its place
        memory = self._memory.get(target.index, target.index)
        return [slot for slot in self.shapes if self._memory.get(slot, slot) == memory]

    @cached_property
    def rewritten(self) -> set[int]:
        """The slots into whose memory some call writes."""
        return {slot for call in self.calls for slot in self.overwritten(call)}

    @cached_property
    def elsewhere(self) -> set[int]:
        """The slots whose positions are known to be other ones: frequencies, and mirrored maps.

        Up to the inverse of the Fourier transform, and to the next mirroring.
        """
        found: set[int] = set()
        for call, reads in zip(self.calls, self.reads, strict=True):
            name, before = name_of(call), not found.isdisjoint(reads)
            if name.startswith(SPECTRA):
                before = True
            elif name.startswith(BACK):
                before = False
            elif name in MIRRORS and len(self.shapes[call.results[0]]) == len(self.shapes[0]):
                colours = {1} if self.shapes[reads[0]] == self.shapes[0] else set[int]()
                before ^= not mirrored_axes(call, len(self.shapes[0])) <= {0, *colours}
            if before:
                found.update(call.results)
        return found

    def below(self, slots: Iterable[int]) -> set[int]:
        """These slots and all that are computed from them."""
        reached = set(slots)
        for call, reads in zip(self.calls, self.reads, strict=True):
            if not reached.isdisjoint(reads):
                reached.update(call.results or reads[:1])
        return reached

    def above(self, slots: Iterable[int]) -> set[int]:
        """These slots and all that they are computed from."""
        needed = set(slots)
        for call, reads in zip(reversed(self.calls), reversed(self.reads), strict=True):
            if not needed.isdisjoint(call.results or reads[:1]):
                needed.update(reads)
        return needed


# Attributes that are tensors: `x.T` makes one.
_PARTS = {
    getattr(Tensor, name).__get__: name
    for name in ("T", "mT", "H", "mH", "data", "real", "imag", "grad")
}


def _is_part(func: Any) -> bool:
    return func in _PARTS


def mirrored_axes(call: Call, axes: int) -> set[int]:
    """The axes that a call of `MIRRORS` turns round, of a tensor with that many."""
    name = name_of(call)
    if name != "flip" and name != "rot90":
        return {1 if name == "fliplr" else 0}
    if name == "rot90" and argument(call, 1, "k", 1) % 4 == 0:
        return set()
    given = argument(call, 2, "dims", (0, 1)) if name == "rot90" else None
    if given is None:
        given = call.kwargs.get("dims", call.args[1:])
        given = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
    return {axis % axes for axis in ([given] if isinstance(given, int) else given)}


def argument(call: Call, position: int, name: str, default: Any = None) -> Any:
    """An argument of a call, by position or by name."""
    if len(call.args) > position:
        return call.args[position]
    return call.kwargs.get(name, default)


def name_of(call: Call) -> str:
    """The name of the function that a call ran, or of the attribute that it read."""
    name = getattr(call.function, "__name__", "")
    return _PARTS.get(call.function, name) if name == "__get__" else name
