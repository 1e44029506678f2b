"""All that explaining a model could change, so that before and after can be compared."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .checks import require


@dataclass(frozen=True)
class State:
    """All that can be compared, by its name.

    Attributes:
        facts: values by their names.
        kept: the objects whose ids are among the values; alive, so that no id is used again.
    """

    facts: dict[str, Any]
    kept: list[Any]

    def differs(self, later: State, about: str = "") -> list[str]:
        """The names that contain `about` and whose values differ later."""
        names = [name for name in self.facts.keys() | later.facts.keys() if about in name]
        return sorted(name for name in names if self.facts.get(name) != later.facts.get(name))


def state_of(model: nn.Module, *tensors: Tensor) -> State:
    """The state of a model, of tensors, and of this process."""
    kept: list[Any] = []

    def same(thing: Any) -> int:
        kept.append(thing)
        return id(thing)

    def values(tensor: Tensor | None) -> Any:
        return None if tensor is None else (same(tensor), digest(tensor))

    facts: dict[str, Any] = {**_of_the_process()}
    for index, tensor in enumerate(tensors):
        facts[f"input {index}"] = values(tensor), tensor.requires_grad, values(tensor.grad)
    for name, module in model.named_modules():
        facts[f"mode of {name!r}"] = module.training
        facts[f"module {name!r}"] = same(module), list(vars(module))
        for attribute, table in vars(module).items():
            if attribute.endswith("_hooks") and table is not None:
                facts[f"{attribute} of {name!r}"] = [same(hook) for hook in table.values()]
        for key, buffer in module._buffers.items():
            facts[f"buffer {key!r} of {name!r}"] = values(buffer)
    for name, parameter in model.named_parameters():
        facts[f"parameter {name!r}"] = values(parameter)
        facts[f"requires_grad of {name!r}"] = parameter.requires_grad
        facts[f"gradient of {name!r}"] = values(parameter.grad)
        facts[f"hooks of {name!r}"] = [same(hook) for hook in (parameter._backward_hooks or {})]
    return State(facts, kept)


@contextmanager
def nothing_changes(model: nn.Module, *tensors: Tensor, about: str = "") -> Iterator[None]:
    """Raise AssertionError if the code inside changes anything whose name contains `about`."""
    before = state_of(model, *tensors)
    yield
    changed = before.differs(state_of(model, *tensors), about)
    more = ", ..." if len(changed) > 4 else ""
    require(not changed, f"it changed {', '.join(changed[:4])}{more}")


def perturb() -> None:
    """Draw random numbers, so that the random states are not those of a seed."""
    torch.rand(7), random.random(), np.random.rand(3)


def digest(tensor: Tensor) -> tuple[Any, ...]:
    """A small value that differs if any bit of a tensor does."""
    octets: Tensor = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    return tensor.dtype, tuple(tensor.shape), blake2b(octets.numpy().tobytes()).hexdigest()


def random_facts() -> dict[str, Any]:
    """The random states, by their names."""
    kind, keys, *position = np.random.get_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    return {
        "torch's random state": [state.tolist() for state in (torch.get_rng_state(), *gpus)],
        "Python's random state": random.getstate(),
        "numpy's random state": (kind, np.asarray(keys).tolist(), position),
    }


def _of_the_process() -> dict[str, Any]:
    return {
        **random_facts(),
        "the grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "global hooks": len(torch.nn.modules.module._global_forward_hooks),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the default dtype": torch.get_default_dtype(),
    }
