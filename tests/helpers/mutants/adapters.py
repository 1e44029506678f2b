"""A correct adapter for `TokenNet`, and adapters with one bug each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import Adapter, Pictures, tokens_to_grid


def right_adapter(model: nn.Module, size: tuple[int, ...]) -> Adapter:
    """The layer's tokens, behind the prefix."""
    height, width = (side // 4 for side in size)
    return Adapter(model.layer, tokens_to_grid(height, width, prefix=model.prefix.shape[1]))


def _reading(read: Callable[[Tensor, int, int, int], Tensor]) -> Any:
    def adapter(model: nn.Module, size: tuple[int, ...]) -> Adapter:
        height, width = (side // 4 for side in size)
        prefix = model.prefix.shape[1]
        return Adapter(model.layer, lambda tokens: read(tokens, height, width, prefix))

    return adapter


def _grid(tokens: Tensor, height: int, width: int) -> Tensor:
    return tokens.reshape(len(tokens), height, width, -1).movedim(-1, 1)


def _runs_the_model(model: nn.Module, size: tuple[int, ...]) -> Adapter:
    model(torch.zeros(1, 3, *size))
    return right_adapter(model, size)


_MIRRORED = Pictures(lambda pixels: pixels.flip(-1), lambda pictures, images: pictures)

ADAPTERS: dict[str, tuple[str, int, Any]] = {
    "rows and columns exchanged": (
        "orientation", 1, _reading(lambda t, h, w, p: _grid(t[:, p:], w, h).transpose(2, 3)),
    ),
    "shape of the other side": ("grid", 1, _reading(lambda t, h, w, p: _grid(t[:, p:], w, h))),
    "last token dropped for the first": (
        "orientation", 1, _reading(lambda t, h, w, p: _grid(t[:, : h * w], h, w)),
    ),
    "one class token taken for granted": (
        "orientation", 5, _reading(lambda t, h, w, p: _grid(t[:, 1 : 1 + h * w], h, w)),
    ),
    "channels not moved": (
        "orientation", 0, _reading(lambda t, h, w, p: t.reshape(len(t), -1, h, w)),
    ),
    "detached": ("gradient", 1, _reading(lambda t, h, w, p: _grid(t[:, p:].detach(), h, w))),
    "first image for all": (
        "batch", 1, _reading(lambda t, h, w, p: _grid(t[:1, p:].expand(len(t), -1, -1), h, w)),
    ),
    "not linear": ("linear", 1, _reading(lambda t, h, w, p: _grid(t[:, p:].relu(), h, w))),
    "square root of the tokens": (
        "orientation",
        1,
        _reading(
            lambda t, h, w, p: _grid(
                t[:, p : p + int((t.shape[1] - p) ** 0.5) ** 2], *[int((t.shape[1] - p) ** 0.5)] * 2
            )
        ),
    ),
    "any number of tokens": (
        "strange-tokens", 1, _reading(lambda t, h, w, p: _grid(t[:, p : p + h * w], h, w)),
    ),
    "another model's layer": ("layer", 1, lambda model, size: Adapter(nn.Identity())),
    "a layer that does not run": (
        "layer", 1, lambda model, size: Adapter(_unused(model), right_adapter(model, size).reshape),
    ),
    "pictures mirrored, and not written back so": (
        "pictures",
        1,
        lambda model, size: replace(right_adapter(model, size), pictures=_MIRRORED),
    ),
    "runs the model": ("data", 1, _runs_the_model),
    "a layer of nobody's for strangers": (
        "stranger",
        1,
        lambda model, size: (
            right_adapter(model, size) if hasattr(model, "layer") else Adapter(nn.Identity())
        ),
    ),
}  # fmt: skip


def _unused(model: nn.Module) -> nn.Module:
    if "unused" not in model._modules:
        model.add_module("unused", nn.Identity())
    return model.unused
