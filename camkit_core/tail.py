"""Tail runs: what the model computes after the target layer, run again on edited activations.

During the one forward pass a `Tape` notes every torch call that depends on the target layer's
output, beginning when the layer returns. Run again under `torch.vmap`, the tape answers for many
edited activations at once; what does not depend on the layer is not computed again. The noted
calls are the ones that ran, with the batch they ran on, so residual and dense connections,
modules called twice, tuples and in-place operations need no special care.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from .contexts import hooked, version
from .trees import map_tensors, replace_first, tensors_in

if TYPE_CHECKING:
    from .recording import Recording


@dataclass(frozen=True)
class Slot:
    """The place of a tensor that depends on the target layer; slot 0 is the layer's output."""

    index: int


@dataclass(frozen=True)
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
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.written: dict[int, Tensor] = {}
        self.output: Any = None
        self._slots: Any = WeakIdKeyDictionary()
        self._count = 0
        self._constants: list[tuple[Tensor, int]] = []
        self._running = False

    def start(self, activations: Tensor) -> None:
        """Begin to note; `activations` is what the target layer hands on."""
        self._take_slot(activations)
        self._running = True
        self.__enter__()  # type: ignore[no-untyped-call]

    def stop(self, output: Any = None) -> None:
        """Note no more; `output` is what the model returned, None after an error."""
        if not self._running:
            return
        self._running = False
        self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self.output = self._with_slots(output)
        self._slots = WeakIdKeyDictionary()

    @property
    def complete(self) -> bool:
        """Whether the tape can be run: the output depends on it, and no constant has changed."""
        outputs = list(tensors_in(self.output))
        slots: list[Slot] = []
        map_tensors(slots.append, self.output, Slot)
        unchanged = all(version(tensor) == before for tensor, before in self._constants)
        return bool(slots) and not outputs and unchanged

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        depends = any(tensor in self._slots for tensor in tensors_in((args, kwargs)))
        if depends and _writes(func) and isinstance(args[0], Tensor) and args[0] not in self._slots:
            self.written[self._take_slot(args[0])] = args[0].detach().clone()
        noted = self._with_slots([args, kwargs]) if depends else None
        result = func(*args, **kwargs)
        tensors = list(tensors_in(result))
        if noted is not None and (tensors or _writes(func)):
            results = tuple(self._take_slot(tensor) for tensor in tensors)
            self.calls.append(Call(func, noted[0], noted[1], results))
        return result

    def _take_slot(self, tensor: Tensor) -> int:
        index = self._count
        self._slots[tensor] = index
        self._count += 1
        return index

    def _with_slots(self, tree: Any) -> Any:
        def place(tensor: Tensor) -> Any:
            if tensor in self._slots:
                return Slot(self._slots[tensor])
            self._constants.append((tensor, version(tensor)))
            return tensor

        return map_tensors(place, tree)


def _writes(func: Any) -> bool:
    name = getattr(func, "__name__", "")
    return (
        name == "__setitem__"
        or (name.endswith("_") and not name.endswith("__"))
        or (name.startswith("__i") and name not in ("__invert__", "__index__", "__int__"))
    )


def replay(tape: Tape, activations: Tensor) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output; each has M first."""
    last_use = _last_uses(tape)
    shape: list[Any] = []

    def run(handed: Tensor, written: dict[int, Tensor]) -> list[Tensor]:
        # A copy: the first call may be in place, and the edits are the caller's.
        values = {0: handed.clone()} | {slot: tensor.clone() for slot, tensor in written.items()}
        for position, call in enumerate(tape.calls):
            args, kwargs = map_tensors(
                lambda slot: values[slot.index], (call.args, call.kwargs), Slot
            )
            result = call.function(*args, **kwargs)
            values.update(zip(call.results, tensors_in(result), strict=True))
            for slot in last_use.get(position, ()):
                values.pop(slot, None)
        output = map_tensors(lambda slot: values[slot.index], tape.output, Slot)
        shape.append(output)
        return list(tensors_in(output))

    many = len(activations)
    written = {slot: value.expand(many, *value.shape) for slot, value in tape.written.items()}
    with _batched_attention(activations.device):
        tensors = iter(torch.vmap(run)(activations, written))
    return map_tensors(lambda _: next(tensors), shape[0])


def _batched_attention(device: torch.device) -> AbstractContextManager[None]:
    # The CPU's flash kernel has no rule for vmap and would run row by row.
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def _last_uses(tape: Tape) -> dict[int, list[int]]:
    last: dict[int, int] = {}
    for position, call in enumerate(tape.calls):
        used: list[Slot] = []
        map_tensors(used.append, (call.args, call.kwargs), Slot)
        last.update(dict.fromkeys([slot.index for slot in used], position))
        for index in call.results:
            last.setdefault(index, position)
    kept: list[Slot] = []
    map_tensors(kept.append, tape.output, Slot)
    for slot in kept:
        last.pop(slot.index, None)
    result: dict[int, list[int]] = {}
    for index, position in last.items():
        result.setdefault(position, []).append(index)
    return result


def tail_outputs(recording: Recording, edits: Tensor) -> Any:
    """The model's outputs for M versions (M, N, ...) of the layer's output, M and N first.

    The one entrance to the fast way: the tape is used where it has proved itself on this model
    and layer, a full run of the model otherwise.
    """
    return replay(recording.tape, edits) if proven(recording) else full_run(recording, edits)


def full_run(recording: Recording, edits: Tensor) -> Any:
    """The same by running the whole model, with a hook that swaps the layer's output."""
    many, images = len(edits), recording.images
    rows = images.expand(many, *images.shape).flatten(0, 1)
    handed = edits.flatten(0, 1).clone()

    def swap(module: nn.Module, args: Any, output: Any) -> Any:
        return replace_first(output, handed)

    with hooked(recording.adapter.layer, swap):
        output = recording.model(rows)
    return map_tensors(lambda tensor: tensor.unflatten(0, (many, -1)), output)


_verdicts: WeakKeyDictionary[nn.Module, dict[Any, bool]] = WeakKeyDictionary()


def proven(recording: Recording) -> bool:
    """Whether replaying the tape is known to equal full runs; finds out once, then remembers.

    Remembered for a model, layer, image shape and sequence of calls, so that another control
    flow is another proof.
    """
    verdicts = _verdicts.setdefault(recording.model, {})
    key = (id(recording.adapter.layer), recording.images.shape, signature(recording.tape))
    if key not in verdicts:
        verdicts[key] = _prove(recording)
    return verdicts[key]


def _prove(recording: Recording) -> bool:
    if not recording.tape.complete:
        return False
    plain = recording.raw.detach()
    edited = plain * torch.rand_like(plain)
    try:
        again, fast = _rows(replay(recording.tape, torch.stack([plain, edited])))
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError):
        return False  # vmap has no rule for one of the calls
    (slow,) = _rows(full_run(recording, edited[None]))
    known = _rows(map_tensors(lambda tensor: tensor[None], recording.output))[0]
    size, change = known.abs().max(), (slow - known).abs().max()
    allowed = 200 * torch.finfo(known.dtype).eps * size + 1e-3 * change
    return bool((again - known).abs().max() <= allowed and (fast - slow).abs().max() <= allowed)


def _rows(output: Any) -> Tensor:
    floating = [t for t in tensors_in(output) if t.is_floating_point()]
    return torch.cat([tensor.detach().flatten(1) for tensor in floating], 1)


def signature(tape: Tape) -> int:
    """A number that tells this sequence of calls from another."""
    return hash(tuple((call.function, call.results) for call in tape.calls))
