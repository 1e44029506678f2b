"""The class form of a method, for code written for the most used library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from .adapter import Reshape
from .arguments import checked
from .engine import explain
from .errors import ArgumentError


class ClassForm:
    """A method bound to a model and its target layers: a thin face over `explain`.

    Subclasses name their `method`. Nothing is hooked between calls, so the context manager does
    nothing, and lets every exception through.

    Args:
        model: any eager PyTorch model.
        target_layers: a list of layers (modules or names), whose maps are averaged; None lets
            the adapter choose.
        use_cuda: move the model to the GPU first, as old code asks; otherwise the work happens
            where the model is. Newer code has `reshape_transform` in this place, and may.
        reshape_transform: from the layer's output to (N, C, h, w).
        target_layer: one layer, as older code names it.
        batch_size: rows in one run when a method needs many; None chooses for the device.
        options: the method's own options.
    """

    method: ClassVar[str]

    def __init__(
        self,
        model: nn.Module,
        target_layers: Sequence[nn.Module | str] | None = None,
        use_cuda: bool | Reshape | None = False,
        reshape_transform: Reshape | None = None,
        *,
        target_layer: nn.Module | str | None = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> None:
        if target_layer is not None and target_layers is not None:
            raise ArgumentError("got target_layer= and target_layers=; pass one of them")
        if callable(use_cuda) and reshape_transform is None:
            use_cuda, reshape_transform = None, use_cuda
        moved = False if use_cuda is None else use_cuda
        moved = checked(type(self).__name__, "use_cuda", moved, bool)
        self.model = _on_gpu(model) if moved and isinstance(model, nn.Module) else model
        self.target_layers = target_layers if target_layer is None else [target_layer]
        self.reshape_transform = reshape_transform
        self.options = options
        self.batch_size = batch_size

    def __call__(
        self,
        input_tensor: Tensor,
        targets: Sequence[Callable[[Any], Tensor]] | None = None,
        aug_smooth: bool = False,
        eigen_smooth: bool = False,
        *,
        target_category: int | Sequence[int] | None = None,
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The heatmaps of `input_tensor` (N, C, H, W): numpy (N, H, W), float32 in [0, 1].

        Args:
            input_tensor: the images, prepared for the model; signals and volumes as `explain`.
            targets: one callable for each image, from one sample's output to a scalar.
            aug_smooth: average over six mirrored and rescaled versions of the images.
            eigen_smooth: the first principal component in place of the sum.
            target_category: a class for all images, or one for each; None for the top class.

        Raises:
            CamkitError: as `explain`, or when both targets and target_category are given.
        """
        if targets is not None and target_category is not None:
            raise ArgumentError("got targets= and target_category=; pass one of them")
        explanation = explain(
            self.model,
            input_tensor,
            self.method,
            target_category if targets is None else targets,
            self.target_layers,
            self.reshape_transform,
            batch_size=self.batch_size,
            aug_smooth=aug_smooth,
            eigen_smooth=eigen_smooth,
            **self.options,
        )
        heatmap: np.ndarray[Any, np.dtype[np.float32]] = explanation.to_numpy()
        return heatmap

    def __enter__(self) -> ClassForm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


def _on_gpu(model: nn.Module) -> nn.Module:
    try:
        return model.cuda()
    except (RuntimeError, AssertionError) as error:  # the latter where torch has no CUDA
        raise ArgumentError(f"use_cuda=True cannot be had ({error}); leave it out") from error
