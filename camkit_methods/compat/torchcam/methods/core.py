"""The extractor: it hooks the user's model, and makes maps of what the hooks saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from camkit_core import ArgumentError, ArgumentTypeError, LayerError, upsample

from .layers import name_of, names_of
from .scoring import OutputTarget, check_one_question, check_request

__all__ = ["_CAM", "OutputTarget"]

Self = TypeVar("Self", bound="_CAM")


class _CAM:
    """A map's extractor, hooked to a model until `remove_hooks`.

    Args:
        model: the model that the user runs.
        target_layer: a module, its dotted name, a list of these, or None for the last grid.
        input_shape: of one image, for the automatic choice.
        enable_hooks: whether the hooks keep what they see from the start.
        reshape_transform: from the layer's output to (N, C, h, w).

    Raises:
        LayerError: for a layer that the model does not have (a ValueError).
        ArgumentTypeError: for an argument of another type (a TypeError).
    """

    hook_a: list[Any]
    hook_g: list[Any]

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str] | None = None,
        input_shape: tuple[int, ...] = (3, 224, 224),
        enable_hooks: bool = True,
        reshape_transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if reshape_transform is not None and not callable(reshape_transform):
            raise ArgumentTypeError("`reshape_transform` must be callable")
        if reshape_transform is not None and target_layer is None:
            raise LayerError("`target_layer` must be specified when using `reshape_transform`")
        self.submodule_dict = dict(model.named_modules())
        self.target_names = names_of(target_layer, model, self.submodule_dict, input_shape)
        self.model = model
        self._reshape_transform = reshape_transform
        self._hooks_enabled = enable_hooks
        self._relu = self._score_used = self._targets_supported = False
        self.hook_handles: list[torch.utils.hooks.RemovableHandle] = []
        self.reset_hooks()
        self._hook_layers(self._hook_a)

    def _hook_layers(self, hook: Callable[..., Any]) -> None:
        """Register a forward hook at each target layer, which is told the layer's place."""
        for index, name in enumerate(self.target_names):
            layer = self.submodule_dict[name]
            self.hook_handles.append(layer.register_forward_hook(partial(hook, idx=index)))

    def _hook_a(self, module: nn.Module, args: Any, output: Tensor, idx: int = 0) -> None:
        if self._hooks_enabled:
            self.hook_a[idx] = self._reshaped(output).detach()

    def _reshaped(self, output: Tensor) -> Tensor:
        return output if self._reshape_transform is None else self._reshape_transform(output)

    def _resolve_layer_name(self, target_layer: nn.Module) -> str:
        return name_of(target_layer, self.submodule_dict)

    def enable_hooks(self) -> None:
        """Keep what the next forward passes show."""
        self._hooks_enabled = True

    def disable_hooks(self) -> None:
        """Keep nothing of the next forward passes."""
        self._hooks_enabled = False

    @contextmanager
    def _hooks_off(self) -> Iterator[None]:
        before, self._hooks_enabled = self._hooks_enabled, False
        try:
            yield
        finally:
            self._hooks_enabled = before

    def reset_hooks(self) -> None:
        """Forget the activations and gradients that were kept."""
        self.hook_a = [None] * len(self.target_names)
        self.hook_g = [None] * len(self.target_names)

    def remove_hooks(self) -> None:
        """Take the hooks off the model, which is then as it was."""
        while self.hook_handles:
            self.hook_handles.pop().remove()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove_hooks()
        self.reset_hooks()

    def __call__(
        self,
        class_idx: int | list[int] | None = None,
        scores: Any = None,
        normalized: bool = True,
        *,
        targets: OutputTarget | list[OutputTarget] | None = None,
        **kwargs: Any,
    ) -> list[Tensor]:
        """The maps (N, h, w) of the last forward pass, one for each target layer.

        Args:
            class_idx: a class for all samples, or a list of one for each.
            scores: the output of the forward pass, which a method with gradients needs.
            normalized: stretch each map to [0, 1].
            targets: in place of class_idx: a function from one sample's output to a scalar, or a
                list of one for each sample.
            kwargs: of the method, such as `retain_graph=True` to ask again after one pass.

        Raises:
            NotForwarded: before the first forward pass (an AssertionError).
            ArgumentError: if classes, targets and samples do not fit together (a ValueError).
        """
        self._precheck(class_idx, scores, targets)
        return self.compute_cams(class_idx, scores, normalized, targets=targets, **kwargs)

    def _precheck(self, class_idx: Any, scores: Any = None, targets: Any = None) -> None:
        check_one_question(class_idx, targets)
        if targets is not None and not self._targets_supported:
            raise ArgumentError(f"{type(self).__name__} does not support arbitrary output targets")
        check_request(class_idx, targets, self.hook_a)
        if self._score_used and scores is None:
            raise ArgumentError(
                "the model's output is required as scores: call extractor(class_idx, scores)"
            )
        if self._score_used and targets is None and not isinstance(scores, Tensor):
            raise ArgumentTypeError("model output scores must be a tensor when using class_idx")

    def compute_cams(
        self,
        class_idx: int | list[int] | None = None,
        scores: Any = None,
        normalized: bool = True,
        *,
        targets: OutputTarget | list[OutputTarget] | None = None,
        **kwargs: Any,
    ) -> list[Tensor]:
        """As the call, without the checks before it."""
        if targets is not None:
            kwargs["targets"] = targets
        weights = self._get_weights(class_idx, scores, **kwargs)
        pairs = zip(weights, self.hook_a, strict=True)
        return [self._map(weight, activation, normalized) for weight, activation in pairs]

    @torch.no_grad()
    def _map(self, weight: Tensor, activation: Tensor, normalized: bool) -> Tensor:
        weight = weight.view(*weight.shape, *[1] * (activation.ndim - weight.ndim))
        cam = torch.nansum(weight * activation, dim=1)
        cam = cam.relu_() if self._relu else cam
        return self._normalize(cam) if normalized else cam

    def _get_weights(self, class_idx: Any, scores: Any = None, **kwargs: Any) -> list[Tensor]:
        """The weights (N, C), or (N, C, h, w), of each layer's activations."""
        raise NotImplementedError

    @staticmethod
    @torch.no_grad()
    def _normalize(cams: Tensor, spatial_dims: int | None = None, eps: float = 1e-8) -> Tensor:
        """Each map stretched to [0, 1], in place: its minimum subtracted."""
        axes = tuple(range(-(cams.ndim - 1 if spatial_dims is None else spatial_dims), 0))
        cams.sub_(cams.amin(axes, keepdim=True))
        return cams.div_(cams.amax(axes, keepdim=True) + eps)

    @classmethod
    def fuse_cams(cls, cams: list[Tensor], target_shape: tuple[int, ...] | None = None) -> Tensor:
        """The maximum of several layers' maps, at the finest grid or at `target_shape`.

        Raises:
            ArgumentTypeError: if it is no list of tensors (a TypeError).
            ArgumentError: if the list is empty (a ValueError).
        """
        check_maps(cams)
        if len(cams) == 1:
            return cams[0]
        shape = target_shape if isinstance(target_shape, tuple) else finest(cams)
        return cls._fuse_cams(cls._scale_cams(cams), shape)

    @staticmethod
    def _scale_cams(cams: list[Tensor]) -> list[Tensor]:
        return cams

    @staticmethod
    def _fuse_cams(cams: list[Tensor], target_shape: tuple[int, ...]) -> Tensor:
        return torch.stack([upsample(cam, target_shape) for cam in cams]).max(0).values

    def _extra_repr(self) -> str:
        return f"target_layer={self.target_names}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._extra_repr()})"


def check_maps(cams: Any) -> None:
    """Raise unless it is a list of maps, and not an empty one."""
    if not isinstance(cams, list) or not all(isinstance(cam, Tensor) for cam in cams):
        raise ArgumentTypeError(f"got a {type(cams).__name__} as `cams`; pass a list of tensors")
    if not cams:
        raise ArgumentError("argument `cams` cannot be an empty list")


def finest(cams: list[Tensor]) -> tuple[int, ...]:
    """The largest extent of several maps along each axis of the grid."""
    return tuple(map(max, zip(*(cam.shape[1:] for cam in cams), strict=True)))
