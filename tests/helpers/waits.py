"""How often a call waits for the device that the model is on: each read of a value there does.

The tests have no GPU, so that all tensors are on the CPU. A tensor counts as one of the host's if
it was made with `device="cpu"`, copied there, or computed of such tensors alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from torch import Tensor
from torch.overrides import TorchFunctionMode

from camkit_core.pytree import tensors_in
from camkit_core.results import readings

READS = {
    *("tolist", "item", "__bool__", "__int__", "__float__", "__index__", "__array__", "numpy"),
    *("cpu", "equal", "allclose", "is_nonzero", "nonzero", "masked_select", "unique"),
}


class _Watch(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []
        self.of_host: dict[int, Tensor] = {}  # kept alive, as an identity may be given again

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given, name = list(tensors_in(list(args))), getattr(func, "__name__", "")
        made_there = not given and str(kwargs.get("device")) == "cpu"
        hosts = made_there or (bool(given) and all(id(each) in self.of_host for each in given))
        if name in READS and not hosts:
            self.reads.append(name)
        if hosts or name == "cpu":
            self.of_host.update({id(each): each for each in tensors_in(result)})
        return result


@contextmanager
def counted_waits() -> Iterator[list[str]]:
    """The names of the reads inside, where `on_cpu` does what it does on a GPU."""
    with mock.patch.object(readings, "on_the_cpu", return_value=False), _Watch() as watch:
        yield watch.reads
