"""Whether a model is what it was when its values became part of compiled code.

Torch counts the writes to a tensor, but not those through `.data`, numpy or a pointer. A value of
each tensor tells these.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_

from torch import Tensor, nn

from ...inputs.look import Look
from ...inputs.seen import seen
from ...inputs.writes import versions
from .cannot import changes_something
from .first_values import FirstValues


class State:
    """A model inside a call: its modules, attributes and hooks, and the values of some tensors.

    Args:
        look: at the model, as the call has it.
        names: of the tensors.

    Raises:
        CannotCompile: if their values cannot be read.
    """

    def __init__(self, look: Look, names: Iterable[str]) -> None:
        # The call has put the model in evaluation mode, whatever it was in before.
        self._own, self._last = Look(look.model), look
        self._names = list(names)
        self._tensors = own_tensors(look, self._names)
        self._marks = self._marked()
        try:
            self._values = FirstValues(self._tensors)
        except RuntimeError as error:
            raise changes_something(f"has tensors that cannot be read ({error})") from error

    def holds(self) -> bool:
        """Whether the model that the call has is still the same, with the same values."""
        look = seen(self._own.model)
        if look is None or (look is not self._last and not self._same(look)):
            return False
        self._last = look
        return self._marks == self._marked() and self._values.same()

    def _same(self, look: Look) -> bool:
        try:
            tensors = own_tensors(look, self._names)
        except (AttributeError, KeyError):
            return False
        return all(map(is_, tensors, self._tensors)) and self._own.holds()

    def _marked(self) -> tuple[list[int], list[int]]:
        return versions(self._tensors), list(map(Tensor.data_ptr, self._tensors))


def state_of(model: nn.Module, names: Iterable[str]) -> State:
    """The state of a model, which the call has looked at, with the values of these tensors."""
    return State(seen(model) or Look(model), names)


def own_tensors(look: Look, names: Iterable[str]) -> list[Tensor]:
    """The model's parameters and buffers of these names; in a call, it may have copies of some."""
    buffers = {
        id(module): table
        for module, table in zip(look.modules.all, look.buffers.before, strict=True)
    }
    return [_own_tensor(look.model, name, buffers) for name in names]


def _own_tensor(model: nn.Module, name: str, buffers: dict[int, dict[str, Tensor]]) -> Tensor:
    path, _, own = name.rpartition(".")
    module = model.get_submodule(path)
    parameter = module._parameters.get(own)
    return buffers[id(module)][own] if parameter is None else parameter
