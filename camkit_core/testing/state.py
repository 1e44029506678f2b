"""Everything that explaining a model could change, so that two moments can be compared."""

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
    """What can be compared, by what it is; and the objects, so that no id is given out twice."""

    facts: dict[str, Any]
    kept: list[Any]

    def differs(self, later: State, about: str = "") -> list[str]:
        """What is different later, of what has `about` in its name."""
        names = [name for name in self.facts.keys() | later.facts.keys() if about in name]
        return sorted(name for name in names if self.facts.get(name) != later.facts.get(name))


def state_of(model: nn.Module, *tensors: Tensor) -> State:
    """The state of a model, of tensors, and of this process."""
    kept: list[Any] = []

    def same(thing: Any) -> int:
        kept.append(thing)
        return id(thing)

    def values(tensor: Tensor | None) -> Any:
        return None if tensor is None else (same(tensor), _digest(tensor))

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
    """Raise AssertionError if what runs inside leaves anything different, or such a thing."""
    before = state_of(model, *tensors)
    yield
    changed = before.differs(state_of(model, *tensors), about)
    require(not changed, f"it changed {', '.join(changed[:4])}{', ...' * (len(changed) > 4)}")


def perturb() -> None:
    """Leave the random states where no seed puts them."""
    torch.rand(7), random.random(), np.random.rand(3)


def _digest(tensor: Tensor) -> tuple[Any, ...]:
    """What tells whether a tensor is the same to the last bit, and is small however large it is."""
    octets: Tensor = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    return tensor.dtype, tuple(tensor.shape), blake2b(octets.numpy().tobytes()).hexdigest()


def random_facts() -> dict[str, Any]:
    """The random states, to be compared."""
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
