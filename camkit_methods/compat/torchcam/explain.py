"""torch-cam's explanation of one prediction: its maps, and a folder of pictures."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import ArgumentError, ArgumentTypeError, RunError

from .evidence import PredictionExplanation
from .methods import GradCAM
from .methods.core import _CAM

__all__ = ["PredictionExplanation", "explain"]


def explain(
    model: nn.Module,
    input_tensor: Tensor,
    *,
    expected_class_idx: int | None = None,
    class_names: Sequence[str] | None = None,
    method: type[_CAM] = GradCAM,
    target_layer: nn.Module | str | list[nn.Module | str] | None = None,
    method_kwargs: Mapping[str, Any] | None = None,
) -> PredictionExplanation:
    """The maps of the predicted class, and of the expected one where it is another.

    Args:
        model: a classifier in evaluation mode; it and its gradients stay as they were.
        input_tensor: one image (1, C, H, W).
        expected_class_idx: the class that should have been predicted.
        class_names: of all classes.
        method: an extractor's class.
        target_layer: as the extractor takes it.
        method_kwargs: further arguments of the extractor.

    Raises:
        RunError: in torch.inference_mode (a RuntimeError).
        ArgumentTypeError: for an argument, or an output, of another type.
        ArgumentError: for one that does not fit the others.
    """
    if torch.is_inference_mode_enabled():
        raise RunError("`explain` needs gradients: call it outside torch.inference_mode()")
    _check_request(model, input_tensor, expected_class_idx, method, method_kwargs)
    kwargs = dict(method_kwargs or {})
    if "target_layer" in kwargs:
        raise ArgumentError("pass `target_layer` directly, not through `method_kwargs`")
    if target_layer is not None:
        kwargs["target_layer"] = target_layer
    elif method is GradCAM:
        kwargs.setdefault("input_shape", tuple(input_tensor.shape[1:]))
    kept = [(parameter, parameter.grad) for parameter in model.parameters()]
    try:
        with torch.enable_grad(), method(model, **kwargs) as extractor:
            return _explained(extractor, input_tensor, expected_class_idx, class_names)
    finally:
        for parameter, gradient in kept:
            parameter.grad = gradient


def _explained(
    extractor: _CAM, image: Tensor, expected: int | None, class_names: Sequence[str] | None
) -> PredictionExplanation:
    model, image = extractor.model, image.detach().requires_grad_()
    logits = _validate_logits(model(image))
    predicted = int(logits[0].argmax())
    names = _names(expected, class_names, logits.shape[1])
    cams = {predicted: _prepare_maps(extractor(predicted, logits))}
    if expected is not None and expected != predicted:
        again = _validate_logits(model(image))
        if again.shape != logits.shape:
            raise ArgumentError("model output shape changed between the two forward passes")
        cams[expected] = _prepare_maps(extractor(expected, again))
    return PredictionExplanation(
        logits=logits.detach().cpu(),
        predicted_class_idx=predicted,
        expected_class_idx=expected,
        cams=MappingProxyType(cams),
        method=type(extractor).__name__,
        target_layers=tuple(extractor.target_names),
        model=f"{type(model).__module__}.{type(model).__qualname__}",
        input_shape=tuple(image.shape),
        versions=MappingProxyType(_versions()),
        class_names=names,
    )


def _versions() -> dict[str, str]:
    from . import __version__

    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    return {**versions, "torchcam": __version__}


def _validate_logits(output: Any) -> Tensor:
    if not isinstance(output, Tensor):
        raise ArgumentTypeError(
            f"model output must be a tensor, got a {type(output).__name__}; wrap the model so that "
            f"it returns its logits alone"
        )
    if output.ndim != 2 or output.shape[0] != 1 or output.shape[1] < 1:
        raise ArgumentError(f"model output must have shape (1, classes), got {tuple(output.shape)}")
    if not output.isfinite().all():
        raise ArgumentError("model output contains non-finite logits")
    return output


def _prepare_maps(maps: list[Tensor]) -> tuple[Tensor, ...]:
    if not maps:
        raise ArgumentError("extractor returned no CAMs")
    for cam in maps:
        if not isinstance(cam, Tensor) or cam.ndim != 3 or cam.shape[0] != 1:
            raise ArgumentError("CAMs must have shape (1, height, width)")
        if not cam.isfinite().all():
            raise ArgumentError("CAM contains non-finite values")
    return tuple(cam[0].detach().to("cpu", torch.float32).contiguous() for cam in maps)


def _check_request(model: Any, image: Any, expected: Any, method: Any, method_kwargs: Any) -> None:
    if not isinstance(model, nn.Module):
        raise ArgumentTypeError("`model` must be a torch.nn.Module")
    if any(module.training for module in model.modules()):
        raise ArgumentError("`model` must be in evaluation mode; call model.eval() first")
    if not isinstance(image, Tensor):
        raise ArgumentTypeError("`input_tensor` must be a torch.Tensor")
    if image.ndim != 4 or image.shape[0] != 1:
        raise ArgumentError(
            f"`input_tensor` must have shape (1, channels, height, width), got {tuple(image.shape)}"
        )
    if not image.is_floating_point():
        raise ArgumentError("`input_tensor` must have a floating-point dtype")
    if isinstance(expected, bool) or not isinstance(expected, int | None):
        raise ArgumentTypeError("`expected_class_idx` must be an integer or None")
    if not isinstance(method, type) or not issubclass(method, _CAM):
        raise ArgumentTypeError("`method` must be an extractor class, such as GradCAM")
    if not isinstance(method_kwargs, Mapping | None):
        raise ArgumentTypeError("`method_kwargs` must be a mapping or None")


def _names(
    expected: int | None, class_names: Sequence[str] | None, count: int
) -> tuple[str, ...] | None:
    if expected is not None and not 0 <= expected < count:
        raise ArgumentError(
            f"`expected_class_idx` is outside the model output range: {expected} of {count} classes"
        )
    if class_names is None:
        return None
    if isinstance(class_names, str) or len(class_names) != count:
        raise ArgumentError(f"`class_names` must name each of the {count} classes")
    if not all(isinstance(name, str) for name in class_names):
        raise ArgumentTypeError("every class name must be a string")
    return tuple(class_names)
