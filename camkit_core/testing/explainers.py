"""Explainers, which the checks of methods run: from a model, images and a target to heatmaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn

from ..adapter import Adapter, tokens_to_grid
from ..errors import quietly
from .networks import AttentionNet, TokenNet
from .ways import Way, explained


class Explainer(Protocol):
    """Explains `model.layer`; any library's method can be wrapped as one."""

    def __call__(self, model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
        """Heatmaps (N, H, W) in [0, 1] of images (N, C, H, W).

        Args:
            model: a network of the kit; the layer to explain is `model.layer`.
            images: the network's input.
            target: None for each image's top class, a class, or a class for each image.
        """


def explainer(
    method: str | Callable[..., Tensor], way: Way = "explain", **options: Any
) -> Explainer:
    """A camkit method, or its name, as an explainer, which also takes the keyword `batch_size`.

    Args:
        method: the method.
        way: "explain"; or "prepared" or "compiled", for explainers that `camkit.prepare` makes at
            each call. Code that could not be compiled then fails every check.
        **options: the method's own.
    """

    def heatmaps(
        model: nn.Module, images: Tensor, target: Any = None, /, batch_size: int | None = None
    ) -> Tensor:
        network: Any = getattr(model, "network", model)
        reshape = None
        if isinstance(network, (TokenNet, AttentionNet)):
            height, width = network.grid(*images.shape[2:])
            reshape = tokens_to_grid(height, width, prefix=network.prefix.shape[1])
        # The layout is said, not searched for: each call is of a network that nobody has seen.
        adapter = Adapter(network.layer, reshape)
        settings: dict[str, Any] = {"batch_size": batch_size, "adapter": adapter, **options}
        with quietly():
            return explained(way, model, images, method, target, **settings).heatmap

    return heatmaps
