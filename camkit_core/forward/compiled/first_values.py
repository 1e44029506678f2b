"""The first values of many tensors, to be compared at each call.

On a CPU all are read by their addresses in one step. To visit the tensors would take longer than
to read their values: after a pass, nothing of them is in the processor's caches.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor


class FirstValues:
    """What the first value of each tensor was.

    Args:
        tensors: still at the same addresses whenever `same` is asked.

    Raises:
        RuntimeError: for tensors without values.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        # As views, which keep the memory.
        self._firsts = [each.detach()[(0,) * each.ndim].view(1) for each in tensors if each.numel()]
        on_cpu = {each.device.type for each in self._firsts} == {"cpu"}
        self._read = _by_address(self._firsts) if on_cpu else _joined(self._firsts)
        self._before = self._read()

    def same(self) -> bool:
        """Whether all are what they were."""
        return all(map(np.array_equal, self._read(), self._before))


def _by_address(firsts: Sequence[Tensor]) -> Callable[[], Any]:
    octets = [each.data_ptr() + octet for each in firsts for octet in range(each.element_size())]
    begin, count = min(octets), max(octets) - min(octets) + 1
    memory = np.ctypeslib.as_array((ctypes.c_ubyte * count).from_address(begin))
    read = partial(memory.take, np.array(octets) - begin)
    return lambda: [read()]


def _joined(firsts: Sequence[Tensor]) -> Callable[[], Any]:
    """By one concatenation for each kind, as each copy from a GPU waits for it."""
    groups: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for each in firsts:
        groups.setdefault((each.dtype, each.device), []).append(each)
    return lambda: [torch.cat(group).view(torch.uint8).cpu() for group in groups.values()]
