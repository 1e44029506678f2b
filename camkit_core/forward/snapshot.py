"""A model's modes, buffers, attributes and hooks as they were, to be put back after it ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter, is_
from threading import current_thread
from threading import enumerate as enumerate_threads
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..inputs.modules import Modules, is_torchs
from .attributes import Attributes, put_back
from .own_hooks import OwnHooks

Buffers = list[Tensor | None]


class Snapshot:
    """Each module's mode, its buffers with their values, and what else it keeps on itself.

    A small model runs in a few milliseconds, so its hundreds of modules and tensors are visited
    as few times as can be.

    Attributes:
        writers: the modules with buffers that are not torch's own, so that they may write to them.
    """

    def __init__(self, modules: Modules) -> None:
        self._modules = modules.all
        self._training = [module for module in self._modules if module.training]
        self._scripted = any(
            issubclass(kind, torch.jit.ScriptModule) for kind in set(modules.classes)
        )
        self._buffers = {m: dict(m._buffers) for m in self._modules if m._buffers}
        self.writers: list[nn.Module] = []
        counted: Buffers = []
        uncounted: Buffers = []
        for module, buffers in self._buffers.items():
            # Tensors count the writes of torch's own modules; others may write through `.data` or
            # numpy, which no tensor counts.
            torchs = type(module) in modules.torchs
            (counted if torchs else uncounted).extend(buffers.values())
            if not torchs:
                self.writers.append(module)
        tables = [module._parameters for module in self._modules if module._parameters]
        self._weights = [w for table in tables for w in table.values() if w is not None]
        self._versions = _versions(self._weights)
        self._attributes, self._hooks = Attributes(modules), OwnHooks(self._modules)
        counted += self._attributes.tensors
        self._counted = _copies_of_counted(modules.model, counted)
        self._uncounted = _Copies(uncounted)

    def evaluate(self) -> None:
        """Put each module in evaluation mode.

        The flags are set one by one: `model.eval()` may be overridden to do something else.
        """
        for module in self._training:
            module.training = False

    def restore(self, apart: bool = False) -> None:
        """Put everything back.

        Args:
            apart: whether this thread's runs wrote to copies of buffers that are not of torch's own
                modules, so that those were written to by others.
        """
        self._restore_modes()
        self._attributes.restore()
        self._hooks.restore()
        self.overwritten = self.weights_written()
        if self.overwritten:
            return  # with weights, another thread writes buffers that belong to them
        self._restore_tables(apart)
        if self._counted.written():
            self._counted.restore()
        if not apart and (self._uncounted.written() or self._uncounted.differ()):
            self._uncounted.restore()

    def weights_written(self) -> bool:
        """Whether a weight was written to while another thread may have done it."""
        return _versions(self._weights) != self._versions and _other_threads()

    def _restore_modes(self) -> None:
        if not self._training and not self._scripted:
            return  # a mode is an attribute as any other
        training = set(self._training)
        for module in self._modules:
            module.training = module in training

    def _restore_tables(self, apart: bool) -> None:
        """Put back which tensors the buffers are."""
        before = [tensor for buffers in self._buffers.values() for tensor in buffers.values()]
        now = [tensor for module in self._modules for tensor in module._buffers.values()]
        if len(now) != len(before) or not all(map(is_, now, before)):
            for module in self._modules:
                if not apart or is_torchs(type(module)):
                    put_back(module._buffers, self._buffers.get(module, {}))


_version: Callable[[Any], int] = attrgetter("_version")


def _versions(weights: Sequence[Tensor]) -> list[int]:
    """How often each weight was written to, as far as it counts."""
    try:
        return list(map(_version, weights))
    except RuntimeError:  # an inference tensor
        return [weight._version for weight in weights if not weight.is_inference()]


def _other_threads() -> bool:
    """Whether there are other threads that may use a model; that of tqdm's bars uses none."""
    mine = current_thread()
    others = (thread for thread in enumerate_threads() if thread is not mine)
    return any(not type(thread).__module__.startswith("tqdm.") for thread in others)


class _Copies:
    """The values of buffers.

    One concatenation for each kind: on a GPU, a copy for each would cost more than a small model.
    """

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers
        self.tensors = [tensor for tensor in buffers if tensor is not None and _countable(tensor)]
        self.versions = list(map(_version, self.tensors))
        groups: dict[tuple[bool, torch.dtype, torch.device], list[Tensor]] = {}
        for tensor in self.tensors:
            kind = tensor.ndim == 0, tensor.dtype, tensor.device
            groups.setdefault(kind, []).append(tensor)
        self._groups = [(group, _joined(group).detach()) for group in groups.values()]

    def of(self, buffers: Buffers) -> bool:
        """Whether these are copies of those buffers and no others."""
        return len(buffers) == len(self.buffers) and all(map(is_, buffers, self.buffers))

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


_last_copies: WeakKeyDictionary[nn.Module, _Copies] = WeakKeyDictionary()


def _copies_of_counted(model: nn.Module, buffers: Buffers) -> _Copies:
    """Copies of buffers whose writes are counted; those of the last call if none was written."""
    copies = _last_copies.get(model)
    if copies is None or not copies.of(buffers) or copies.written():
        copies = _last_copies[model] = _Copies(buffers)
    return copies


def _countable(tensor: Tensor) -> bool:
    written = tensor.layout is torch.strided and not tensor.is_inference()
    return written and not tensor.is_meta and not tensor.is_nested


def _joined(tensors: list[Tensor]) -> Tensor:
    if tensors[0].ndim == 0:
        return torch.stack(tensors)
    return torch.cat([tensor if tensor.ndim == 1 else tensor.flatten() for tensor in tensors])
