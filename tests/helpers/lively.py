"""A network that changes whenever it runs, and snapshots of all that a call could change."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from camkit_core.plugins import get_registry

# The conformance kit and tests of their own check these methods on networks with attention.
ATTENTION = {"attention_rollout", "chefer", "legrad"}
METHODS = sorted(
    row.name
    for row in get_registry().contributions("method")
    if row.distribution == "camkit" and row.name not in ATTENTION
)
SETTINGS: dict[str, dict[str, bool]] = {
    "plain": {},
    "guided": {"guided": True},
    "aug_smooth": {"aug_smooth": True},
    "eigen_smooth": {"eigen_smooth": True},
    "all": {"guided": True, "aug_smooth": True, "eigen_smooth": True},
}
# Options with which the methods of many runs take few.
FEW: dict[str, dict[str, Any]] = {
    "sess": {"num_scales": 3, "scale_step": 1.0},
    "sscam": {"samples": 2},
    "iscam": {"steps": 2},
    "rise": {"samples": 8},
    "drise": {"samples": 8},
}
every_method = pytest.mark.parametrize("method", METHODS)


class Lively(nn.Module):
    """Changes and replaces buffers, and draws random numbers, whenever it runs.

    Args:
        fails: raise this error ...
        where: ... "before" or "after" the layer ...
        run: ... in this run, counted from 1 within a call.
    """

    def __init__(self, fails: BaseException | None = None, where: str = "", run: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(True))
        self.layer = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Sequential(
            nn.ReLU(True), nn.Dropout(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)
        )
        self.fails, self.where, self.run = fails, where, run
        self.register_buffer("runs", torch.zeros(1))
        self.register_buffer("window", torch.zeros(2, 3))
        self.register_buffer("absent", None)

    def forward(self, images: Tensor) -> Tensor:
        self.runs += 1
        self.window[:, 1].fill_(float(self.runs))
        self.window = torch.rand(2, 3) + random.random() + np.random.rand()
        self.absent = torch.ones(1)
        self._stumble("before")
        features = self.layer(self.stem(images))
        self._stumble("after")
        return self.head(features)

    def _stumble(self, place: str) -> None:
        if self.fails and self.where == place and int(self.runs) == self.run:
            raise self.fails


@dataclass(frozen=True)
class Snapshot:
    """Facts that can be compared, and the objects themselves, so that no id is used twice."""

    facts: dict[str, Any]
    kept: list[Any]


def snapshot(model: nn.Module, images: Tensor) -> Snapshot:
    """All that a call could have changed."""
    kept: list[Any] = []

    def same(thing: Any) -> int:
        kept.append(thing)
        return id(thing)

    def state(tensor: Tensor | None) -> Any:
        return None if tensor is None else (same(tensor), tensor.detach().tolist())

    facts: dict[str, Any] = {"images": state(images), "images.grad": state(images.grad)}
    for name, module in model.named_modules():
        facts[f"{name} itself"] = same(module), module.training, module.forward.__func__
        for attribute, value in vars(module).items():
            if attribute.endswith("_hooks") and value is not None:
                facts[f"{name} {attribute}"] = same(value), [(k, same(h)) for k, h in value.items()]
        for key, buffer in module._buffers.items():
            facts[f"{name} buffer {key}"] = state(buffer)
        facts[f"{name} names"] = [list(module._buffers), list(module._parameters), [*vars(module)]]
    for name, parameter in model.named_parameters():
        facts[f"parameter {name}"] = state(parameter), parameter.requires_grad
        facts[f"gradient {name}"] = state(parameter.grad)
        facts[f"hooks {name}"] = list(parameter._backward_hooks or {})
    return Snapshot(facts | surroundings(), kept)


def surroundings() -> dict[str, Any]:
    """Random states, modes and global hooks of this process."""
    kind, keys, *position = np.random.get_state()
    return {
        "torch random": torch.get_rng_state().numpy().tobytes(),
        "python random": random.getstate(),
        "numpy random": (kind, keys.tobytes(), position),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "function modes": torch._C._len_torch_function_stack(),
        "global hooks": len(torch.nn.modules.module._global_forward_hooks),
        "attention": (
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
        ),
    }


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """Names of what differs between two snapshots."""
    both = before.facts.keys() | after.facts.keys()
    return sorted(key for key in both if before.facts.get(key) != after.facts.get(key))


def lived_in(model: nn.Module) -> nn.Module:
    """The model in the middle of training: modes, flags, gradients and hooks all mixed."""
    model.train()
    model.stem[1].eval()
    model.layer.weight.requires_grad_(False)
    for parameter in list(model.parameters())[::2]:
        parameter.grad = torch.randn_like(parameter)
    model.layer.register_forward_hook(lambda module, args, output: None)
    model.head.register_forward_pre_hook(lambda module, args: None)
    model.stem.register_full_backward_hook(lambda module, given, got: None)
    model.head[4].weight.register_hook(lambda grad: grad)
    perturb()
    return model


def perturb() -> None:
    """Move the random states to where no seed puts them."""
    torch.rand(7), random.random(), np.random.rand(3)
