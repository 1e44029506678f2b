"""A model's modes and buffers as they were, to be put back after it ran."""

from __future__ import annotations

from operator import is_
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


class Snapshot:
    """Each module's mode, and the buffers: their values, and which tensors there are.

    A small model runs in a few milliseconds, so its hundreds of modules and tensors are visited
    as few times as can be.
    """

    def __init__(self, model: nn.Module) -> None:
        self._modules, seen = [model], {model}
        self._training: list[nn.Module] = []
        self._buffers: list[tuple[nn.Module, dict[str, Tensor | None]]] = []
        for module in self._modules:  # which grows meanwhile
            if module.training:
                self._training.append(module)
            if module._buffers:
                self._buffers.append((module, dict(module._buffers)))
            for child in module._modules.values():
                if child is not None and child not in seen:
                    seen.add(child)
                    self._modules.append(child)
        open_: list[Tensor | None] = []
        hidden: list[Tensor | None] = []
        for module, table in self._buffers:
            # torch's own modules write as anybody can see; others may through `.data` or numpy.
            group = open_ if type(module).__module__.startswith("torch.nn.") else hidden
            group += table.values()
        self._open, self._hidden = _copies_of_open(model, open_), _Copies(hidden)

    def evaluate(self) -> None:
        """Put each module in evaluation mode.

        The flags are set one by one: `model.eval()` may be overridden to do something else.
        """
        for module in self._training:
            module.training = False

    def restore(self) -> None:
        """Put everything back."""
        if self._training or True in [module.training for module in self._modules]:
            training = set(self._training)
            for module in self._modules:
                module.training = module in training
        before = [tensor for _, table in self._buffers for tensor in table.values()]
        now = [tensor for module in self._modules for tensor in module._buffers.values()]
        if len(now) != len(before) or not all(map(is_, now, before)):
            tables = dict(self._buffers)
            for module in self._modules:
                module._buffers.clear()
                module._buffers.update(tables.get(module, {}))
        if self._open.written():
            self._open.restore()
        if self._hidden.written() or self._hidden.differ():
            self._hidden.restore()


class _Copies:
    """The values of buffers.

    One concatenation for each kind: on a GPU, a copy for each would cost more than a small model.
    """

    def __init__(self, buffers: list[Tensor | None]) -> None:
        self.buffers = buffers
        self.tensors = [one for one in buffers if one is not None and _countable(one)]
        self.versions = [tensor._version for tensor in self.tensors]
        groups: dict[tuple[bool, torch.dtype, torch.device], list[Tensor]] = {}
        for tensor in self.tensors:
            kind = tensor.ndim == 0, tensor.dtype, tensor.device
            groups.setdefault(kind, []).append(tensor)
        self._groups = [(group, _joined(group)) for group in groups.values()]

    def of(self, buffers: list[Tensor | None]) -> bool:
        """Whether these are copies of those buffers and no others."""
        return len(buffers) == len(self.buffers) and all(map(is_, buffers, self.buffers))

    def written(self) -> bool:
        """Whether a tensor was written to, as far as its version tells."""
        return [tensor._version for tensor in self.tensors] != self.versions

    def differ(self) -> bool:
        """Whether a tensor holds other values."""
        return any(not torch.equal(_joined(group), copy) for group, copy in self._groups)

    def restore(self) -> None:
        """Write the values that differ back."""
        for group, copy in self._groups:
            parts = torch.split(copy, [tensor.numel() for tensor in group])
            for tensor, part in zip(group, parts, strict=True):
                if not torch.equal(tensor.flatten(), part):
                    tensor.copy_(part.view(tensor.shape))


_known: WeakKeyDictionary[nn.Module, _Copies] = WeakKeyDictionary()


def _copies_of_open(model: nn.Module, buffers: list[Tensor | None]) -> _Copies:
    """Copies of buffers whose writes show; those of the last call while none has shown since."""
    copies = _known.get(model)
    if copies is None or not copies.of(buffers) or copies.written():
        copies = _known[model] = _Copies(buffers)
    return copies


def _countable(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not tensor.is_inference()


def _joined(tensors: list[Tensor]) -> Tensor:
    if tensors[0].ndim == 0:
        return torch.stack(tensors)
    return torch.cat([tensor if tensor.ndim == 1 else tensor.flatten() for tensor in tensors])
