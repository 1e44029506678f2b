"""A model's modes, buffers, attributes and hooks as they were, to be put back after it ran."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from ..inputs.look import Look, equal, put_back
from ..inputs.modules import is_torchs
from ..inputs.seen import will_run
from ..inputs.writes import Weights
from .attributes import restore_attributes, undrawn
from .own_hooks import restore_hooks
from .random_states import preserving_rng

_version: Any = attrgetter("_version")
_VIEWED = "_buffers", "_modules"
_LARGE = 2**24  # bytes of an array that is no state of a model's, as an index to look up


class Snapshot:
    """Each module's mode, its buffers with their values, and what else it keeps on itself.

    A small model runs in a few milliseconds, so its hundreds of modules and tensors are visited
    as few times as can be.

    Args:
        look: at the model, as it is.
        weights: which other threads may write.

    Attributes:
        writers: the modules with buffers that are not torch's own, so that they may write to them.
    """

    def __init__(self, look: Look, weights: Weights) -> None:
        self._look, self._weights = look, weights
        self._modules = look.modules.all
        self._training = [self._modules[place] for place in look.training]
        kept = look.prepared.get("buffers")
        if kept is None:
            kept = look.prepared["buffers"] = _Buffers(look)
        self.writers = [self._modules[place] for place in kept.writers]
        self._counted, self._uncounted = kept.counted_now(), _Copies(kept.uncounted)
        self._kept = _Copies([*look.tensors]) if look.tensors else None
        self._arrays = [(array, array.copy()) for array in look.arrays if array.nbytes < _LARGE]
        self._undrawn = list(map(undrawn, look.generators))

    def evaluate(self) -> None:
        """Put each module in evaluation mode.

        The flags are set one by one: `model.eval()` may be overridden to do something else.
        """
        for module in self._training:
            _set_mode(module, False)

    def restore(self, apart: bool = False) -> None:
        """Put everything back.

        Args:
            apart: whether this thread's runs wrote to copies of buffers that are not of torch's own
                modules, so that those were written to by others.
        """
        look = self._look
        self._restore_modes()
        restore_attributes(look)
        self._restore_parts()
        for put_back_state in self._undrawn:
            put_back_state()
        if not (same := equal(look.torchs, look.hooks, look.buffers)):
            look.torchs.put_back()
            restore_hooks(look)
        if self._weights.written():
            return  # with weights, another thread writes buffers that belong to them
        if not same:
            self._restore_tables(apart)
        if self._counted.written():
            self._counted.restore()
        self._restore_kept()
        if not apart and self.writers and (self._uncounted.written() or self._uncounted.differ()):
            self._uncounted.restore()

    def _restore_modes(self) -> None:
        if not self._training and not self._look.scripted:
            return  # a mode is an attribute as any other
        training = set(self._training)
        for module in self._modules:
            _set_mode(module, module in training)

    def rewind(self, apart: bool) -> None:
        """Put everything back, and begin again; see `restore`."""
        views = [(vars(module), name) for module in self._modules for name in _VIEWED]
        own = [(table, name, table[name]) for table, name in views if name in table]
        self.restore(apart)
        for table, name, view in own:  # this thread's, in place of the module's
            table[name] = view
        self.evaluate()

    def _restore_kept(self) -> None:
        """Put back the values that modules keep beside buffers."""
        if self._kept and (self._kept.written() or self._kept.differ()):
            self._kept.restore()
        for array, before in self._arrays:
            if array.tobytes() != before.tobytes():
                array[...] = before

    def _restore_parts(self) -> None:
        """Put back which modules and parameters there are, of a model that was seen to change them.

        With other threads about, it may be one of them that loads weights.
        """
        prepared = self._look.prepared
        if prepared.get("rebuilt", True) and not self._weights.watched:
            prepared["rebuilt"] = not self._look.parts.same()
            if prepared["rebuilt"]:
                self._look.parts.put_back()

    def _restore_tables(self, apart: bool) -> None:
        """Put back which tensors the buffers are."""
        for module, before in zip(self._modules, self._look.buffers.before, strict=True):
            if not apart or is_torchs(type(module)):
                put_back(module._buffers, before)


def _set_mode(module: nn.Module, training: bool) -> None:
    own = module.__dict__
    if "training" in own:
        own["training"] = training  # torch's own way of attributes takes ten times as long
    else:
        module.training = training


class _Buffers:
    """The buffers of a model.

    Tensors count the writes of torch's own modules; others may write through `.data` or numpy,
    which no tensor counts.

    Attributes:
        writers: the places of modules with buffers that are not torch's own.
        uncounted: the buffers of these.
    """

    def __init__(self, look: Look) -> None:
        modules, buffers = look.modules, look.buffers.before
        places = [place for place, table in enumerate(buffers) if table]
        self.writers = [place for place in places if modules.classes[place] not in modules.torchs]
        counted = [place for place in places if modules.classes[place] in modules.torchs]
        self.uncounted = [each for place in self.writers for each in buffers[place].values()]
        self._counted = [each for place in counted for each in buffers[place].values()]
        self._copies = _Copies(self._counted)

    def counted_now(self) -> _Copies:
        """Copies of all others; those of the last call if none was written."""
        if self._copies.written():
            self._copies = _Copies(self._copies.buffers)
        return self._copies


@contextmanager
def aside(model: nn.Module) -> Iterator[None]:
    """Inside, runs that are none of the explanation's own; the model is then what it was before."""
    will_run()  # so that what was noted first is put back last
    look = Look(model)
    before = Snapshot(look, Weights(look))
    with preserving_rng():
        try:
            yield
        finally:
            before.restore()


class _Copies:
    """The values of buffers.

    One concatenation for each kind: on a GPU, a copy for each would cost more than a small model.
    """

    def __init__(self, buffers: list[Tensor | None]) -> None:
        self.buffers = buffers
        self.tensors = [tensor for tensor in buffers if tensor is not None and _countable(tensor)]
        self.versions = list(map(_version, self.tensors))
        groups: dict[tuple[bool, torch.dtype, torch.device], list[Tensor]] = {}
        for tensor in self.tensors:
            kind = tensor.ndim == 0, tensor.dtype, tensor.device
            groups.setdefault(kind, []).append(tensor)
        self._groups = [(group, _joined(group).detach()) for group in groups.values()]

    def written(self) -> bool:
        """Whether a tensor was written to, as far as its version tells."""
        return list(map(_version, self.tensors)) != self.versions

    def differ(self) -> bool:
        """Whether a tensor holds other values."""
        return any(not torch.equal(_joined(group), copy) for group, copy in self._groups)

    def restore(self) -> None:
        """Write the values that differ back."""
        for group, copy in self._groups:
            parts = torch.split(copy, [tensor.numel() for tensor in group])
            for tensor, part in zip(group, parts, strict=True):
                if not torch.equal(tensor.flatten(), part):
                    tensor.detach().copy_(part.view(tensor.shape))


def _countable(tensor: Tensor) -> bool:
    written = tensor.layout is torch.strided and not tensor.is_inference()
    return written and not tensor.is_meta and not tensor.is_nested


def _joined(tensors: list[Tensor]) -> Tensor:
    if tensors[0].ndim == 0:
        return torch.stack(tensors)
    return torch.cat([tensor if tensor.ndim == 1 else tensor.flatten() for tensor in tensors])
