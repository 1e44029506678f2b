"""torch-cam's extractors around another extractor: several layers, and contrasted classes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import isfinite
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from camkit_core import ArgumentError, ArgumentTypeError, LayerError, upsample

from .contrast import contrasted
from .core import _CAM, check_maps, finest
from .gradient_maps import GradCAM, GradCAMpp, LayerCAM
from .scoring import OutputTarget

Self = TypeVar("Self", bound="_CAMWrapper")


class _CAMWrapper:
    """Hands the hooks of the extractor within on."""

    def __init__(self, base_cam: _CAM) -> None:
        self.base_cam = base_cam

    @property
    def model(self) -> nn.Module:
        """The model that is hooked."""
        return self.base_cam.model

    @property
    def target_names(self) -> list[str]:
        """The dotted names of the target layers."""
        return self.base_cam.target_names

    def enable_hooks(self) -> None:
        """Keep what the next forward passes show."""
        self.base_cam.enable_hooks()

    def disable_hooks(self) -> None:
        """Keep nothing of the next forward passes."""
        self.base_cam.disable_hooks()

    def reset_hooks(self) -> None:
        """Forget the activations and gradients that were kept."""
        self.base_cam.reset_hooks()

    def remove_hooks(self) -> None:
        """Take the hooks off the model, which is then as it was."""
        self.base_cam.remove_hooks()

    def _hooks_off(self) -> AbstractContextManager[None]:
        return self.base_cam._hooks_off()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.base_cam.__exit__(kind, error, traceback)


class RefineCAM(_CAMWrapper):
    """RefineCAM over any extractor: the product of several layers' maps.

    Args:
        model: the model that the user runs.
        target_layer: at least two layers, as modules or names.
        input_shape: handed on.
        base_method: the extractor's class.
        base_kwargs: handed on.

    Raises:
        LayerError: for fewer than two layers.
        ArgumentTypeError: if `base_method` is no extractor's class.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: list[nn.Module | str],
        input_shape: tuple[int, ...] = (3, 224, 224),
        *,
        base_method: type[_CAM] = GradCAMpp,
        **base_kwargs: Any,
    ) -> None:
        if not isinstance(target_layer, list) or len(target_layer) < 2:
            raise LayerError("RefineCAM requires at least two target layers, in a list")
        if not isinstance(base_method, type) or not issubclass(base_method, _CAM):
            raise ArgumentTypeError("base_method must be a CAM extractor class, such as LayerCAM")
        super().__init__(base_method(model, target_layer, input_shape=input_shape, **base_kwargs))

    def __call__(
        self,
        class_idx: int | list[int] | None = None,
        scores: Any = None,
        normalized: bool = True,
        target_shape: tuple[int, ...] | None = None,
        *,
        targets: OutputTarget | list[OutputTarget] | None = None,
        **kwargs: Any,
    ) -> list[Tensor]:
        """A list of one map: the product of the layers' maps, at the finest of their grids."""
        cams = self.base_cam(class_idx, scores, targets=targets, **kwargs)
        return [self.fuse_cams(cams, target_shape, normalized)]

    def compute_cams(
        self,
        class_idx: int | list[int] | None = None,
        scores: Any = None,
        normalized: bool = True,
        target_shape: tuple[int, ...] | None = None,
        *,
        targets: OutputTarget | list[OutputTarget] | None = None,
        **kwargs: Any,
    ) -> list[Tensor]:
        """As the call, without the checks before it."""
        cams = self.base_cam.compute_cams(class_idx, scores, targets=targets, **kwargs)
        return [self.fuse_cams(cams, target_shape, normalized)]

    @staticmethod
    @torch.no_grad()
    def fuse_cams(
        cams: list[Tensor], target_shape: tuple[int, ...] | None = None, normalized: bool = True
    ) -> Tensor:
        """The product of several maps, each stretched to [0, 1] and resized to one grid.

        Raises:
            ArgumentTypeError: if it is no list of tensors.
            ArgumentError: if the list is empty.
        """
        check_maps(cams)
        shape = target_shape or finest(cams)
        product = torch.stack([upsample(_CAM._normalize(cam.clone()), shape) for cam in cams]).prod(
            0
        )
        return _CAM._normalize(product) if normalized else product

    def __repr__(self) -> str:
        base = type(self.base_cam).__name__
        return f"RefineCAM(base_method={base}, target_layer={self.target_names})"


class FinerCAM(_CAMWrapper):
    """Finer-CAM: a map of the class's score less `gamma` times the mean of its references' scores.

    Args:
        model: the model that the user runs.
        target_layer: a module, its dotted name, a list of these, or None for the last grid.
        input_shape: handed on.
        base_method: GradCAM, GradCAMpp or LayerCAM.
        gamma: the references' factor.
        num_references: how many of the classes with the nearest scores, if none are named.
        base_kwargs: handed on.

    Raises:
        ArgumentTypeError: for another base, or another type of number.
        ArgumentError: for a number out of range.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        input_shape: tuple[int, ...] = (3, 224, 224),
        *,
        base_method: type[_CAM] = GradCAM,
        gamma: float = 0.6,
        num_references: int = 3,
        **base_kwargs: Any,
    ) -> None:
        if base_method not in (GradCAM, GradCAMpp, LayerCAM):
            raise ArgumentTypeError("base_method must be GradCAM, GradCAMpp, or LayerCAM")
        self.gamma, self.num_references = _gamma(gamma), _count(num_references)
        super().__init__(base_method(model, target_layer, input_shape=input_shape, **base_kwargs))

    def __call__(
        self,
        class_idx: int | list[int],
        scores: Tensor | None = None,
        comparison_idx: int | list[int] | list[list[int]] | None = None,
        normalized: bool = True,
        **kwargs: Any,
    ) -> list[Tensor]:
        """The maps of the contrast, one for each target layer.

        Args:
            class_idx: a class for all samples, or a list of one for each.
            scores: the logits (N, K) of the forward pass.
            comparison_idx: the references: a class, a list for all samples, or a list of a list for
                each; None for those with the nearest scores.
            normalized: stretch each map to [0, 1].
            kwargs: handed on.

        Raises:
            ArgumentTypeError: for another type of scores or classes.
            ArgumentError: for classes that are out of range, doubled, or the target itself.
        """
        contrast = self._contrast(class_idx, scores, comparison_idx, kwargs)
        return self.base_cam([0] * len(contrast), contrast, normalized, **kwargs)

    def compute_cams(
        self,
        class_idx: int | list[int],
        scores: Tensor | None = None,
        comparison_idx: int | list[int] | list[list[int]] | None = None,
        normalized: bool = True,
        **kwargs: Any,
    ) -> list[Tensor]:
        """As the call, without the checks of the extractor within."""
        contrast = self._contrast(class_idx, scores, comparison_idx, kwargs)
        return self.base_cam.compute_cams([0] * len(contrast), contrast, normalized, **kwargs)

    def _contrast(
        self, class_idx: Any, scores: Any, comparison_idx: Any, kwargs: dict[str, Any]
    ) -> Tensor:
        if kwargs.get("targets") is not None:
            raise ArgumentError("FinerCAM compares classes, and it does not support targets=")
        return contrasted(class_idx, scores, comparison_idx, self.gamma, self.num_references)

    def fuse_cams(self, cams: list[Tensor], target_shape: tuple[int, ...] | None = None) -> Tensor:
        """As the extractor within."""
        return self.base_cam.fuse_cams(cams, target_shape)

    def __repr__(self) -> str:
        base = f"base_method={type(self.base_cam).__name__}, target_layer={self.target_names}"
        return f"FinerCAM({base}, gamma={self.gamma}, num_references={self.num_references})"


def _gamma(gamma: Any) -> float:
    if isinstance(gamma, bool) or not isinstance(gamma, int | float):
        raise ArgumentTypeError(f"gamma must be a real number, got {gamma!r}")
    if not isfinite(gamma) or gamma < 0:
        raise ArgumentError(f"gamma must be finite and non-negative, got {gamma!r}")
    return float(gamma)


def _count(references: Any) -> int:
    if isinstance(references, bool) or not isinstance(references, int):
        raise ArgumentTypeError(f"num_references must be an integer, got {references!r}")
    if references < 1:
        raise ArgumentError(f"num_references must be positive, got {references}")
    return references
