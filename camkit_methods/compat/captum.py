"""captum 0.9's class activation maps, so that code written for it runs after its imports changed.

`LayerGradCam` and `GuidedGradCam` have captum's signatures, results and shapes. Where they differ:
the model is explained in evaluation mode and comes back as it was; guided backpropagation guides
every ReLU, also those that are functions; results have no graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from camkit_core import ArgumentError, ArgumentTypeError, Probe, explain

__all__ = ["GuidedGradCam", "LayerAttribution", "LayerGradCam"]

Target = Any  # None, an integer, a tuple of these, or a tensor or list with one for each image


class LayerAttribution:
    """What is attributed to a layer.

    Args:
        forward_func: the model; or a function that calls one, if `layer` is a module.
        layer: the layer.
        device_ids: taken, as captum takes it, and not needed.
    """

    def __init__(
        self,
        forward_func: Callable[..., Any],
        layer: nn.Module,
        device_ids: list[int] | None = None,
    ) -> None:
        self.forward_func = forward_func
        self.layer = layer
        self.device_ids = device_ids

    @staticmethod
    def interpolate(
        layer_attribution: Tensor,
        interpolate_dims: int | tuple[int, ...],
        interpolate_mode: str = "nearest",
    ) -> Tensor:
        """An attribution (N, C, ...) resized to a size, by a mode of `torch.nn.functional`."""
        return F.interpolate(layer_attribution, interpolate_dims, mode=interpolate_mode)

    def has_convergence_delta(self) -> bool:
        """Whether what the attribution adds up to can be checked: it cannot."""
        return False


class LayerGradCam(LayerAttribution):
    """Grad-CAM at a layer, signed, as captum has it; see `camkit_methods.gradcam`."""

    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: Target = None,
        additional_forward_args: Any = None,
        attribute_to_layer_input: bool = False,
        relu_attributions: bool = False,
        attr_dim_summation: bool = True,
        grad_kwargs: dict[str, Any] | None = None,
    ) -> Tensor | tuple[Tensor, ...]:
        """The map (N, 1, h, w) of the layer's output (N, C, h, w), or of any other layout.

        Args:
            inputs: the images, or all inputs of the model by position, the images first.
            target: None for an output of one score for each image; the index of a score, a tuple
                of indices, or a tensor or list with one of these for each image.
            additional_forward_args: further arguments of the model.
            attribute_to_layer_input: only False; name the layer before in place of it.
            relu_attributions: set negative values to zero.
            attr_dim_summation: sum over the channels; else the map is (N, C, h, w).
            grad_kwargs: only None; camkit takes the gradient itself.

        Raises:
            CamkitError: for what is said to be taken only as it is, and as `explain`.
        """
        _refuse(attribute_to_layer_input, grad_kwargs)
        evidence = _explained(self, inputs, target, additional_forward_args, _gradcam)
        attribution = evidence.sum(1, keepdim=True) if attr_dim_summation else evidence
        return attribution.relu() if relu_attributions else attribution


class GuidedGradCam:
    """Guided gradients times Grad-CAM's positive part, as captum has it.

    Args:
        model: the model.
        layer: the layer of Grad-CAM.
        device_ids: taken, and not needed.
    """

    def __init__(
        self, model: nn.Module, layer: nn.Module, device_ids: list[int] | None = None
    ) -> None:
        self.model = model
        self.grad_cam = LayerGradCam(model, layer, device_ids)

    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: Target = None,
        additional_forward_args: Any = None,
        interpolate_mode: str = "nearest",
        attribute_to_layer_input: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        """The product (N, C, H, W) at the images' size; in a tuple if the images came in one.

        Args:
            inputs: the images, or a tuple of them alone.
            target: as for `LayerGradCam.attribute`, and so are the next two.
            additional_forward_args: further arguments of the model.
            interpolate_mode: how the map is resized, by a mode of `torch.nn.functional`.
            attribute_to_layer_input: only False.

        Raises:
            CamkitError: as `LayerGradCam.attribute`.
        """
        _refuse(attribute_to_layer_input, None)
        if isinstance(inputs, tuple) and len(inputs) != 1:
            raise ArgumentError(f"GuidedGradCam takes the images alone; got {len(inputs)} inputs")
        guided: list[Tensor] = []
        formula = partial(_guided, guided)
        evidence = _explained(self.grad_cam, inputs, target, additional_forward_args, formula)
        cam = evidence.sum(1, keepdim=True).relu()
        size = tuple(guided[0].shape[2:])
        product = guided[0] * LayerAttribution.interpolate(cam, size, interpolate_mode)
        return (product,) if isinstance(inputs, tuple) else product

    def has_convergence_delta(self) -> bool:
        """Whether what the attribution adds up to can be checked: it cannot."""
        return False


def _refuse(to_input: bool, grad_kwargs: dict[str, Any] | None) -> None:
    if to_input:
        raise ArgumentError(
            "attribute_to_layer_input=True is not to be had; name the layer whose output that is"
        )
    if grad_kwargs:
        raise ArgumentError(f"grad_kwargs= is not to be had, leave it out; got {grad_kwargs!r}")


def _explained(
    attribution: LayerAttribution,
    inputs: Tensor | tuple[Tensor, ...],
    target: Target,
    further: Any,
    formula: Callable[[Probe], Tensor],
) -> Tensor:
    """The evidence (N, C, ...) that a formula finds at the layer."""
    evidence: list[Tensor] = []

    def method(probe: Probe) -> Tensor:
        evidence.append(formula(probe))
        ramp = torch.linspace(0, 1, probe.images[0, 0].numel()).view(probe.images.shape[2:])
        return ramp.expand(len(probe.images), *ramp.shape)  # nobody reads this map

    given = inputs if isinstance(inputs, tuple) else (inputs,)
    beside = () if further is None else further if isinstance(further, tuple) else (further,)
    images, others = given[0], (*given[1:], *beside)
    call: Any = (images, *others) if others else images
    settings: dict[str, Any] = {"image_input": 0} if others else {}
    model, layer = attribution.forward_func, attribution.layer
    known = model if isinstance(model, nn.Module) else _Function(model, layer)
    explain(known, call, method, _targets(target, len(images)), layer, **settings)
    return evidence[0]


class _Function(nn.Module):
    """A function that calls a model, with the layer of it that is explained."""

    def __init__(self, function: Callable[..., Any], layer: nn.Module) -> None:
        super().__init__()
        if not callable(function):
            raise ArgumentTypeError(f"expected a model or a function; got {function!r}")
        self.function, self.layer = function, layer

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def _gradcam(probe: Probe) -> Tensor:
    """Gradient times activation in the layer's own layout, the gradient averaged from axis 2 on."""
    gradients, raw = probe.raw_gradients, probe.recording.raw.detach()
    axes = tuple(range(2, raw.ndim))
    return (gradients.mean(axes, keepdim=True) if axes else gradients) * raw


def _guided(guided: list[Tensor], probe: Probe) -> Tensor:
    guided.append(probe.guided_gradients()[0])
    return _gradcam(probe)


def _targets(target: Target, images: int) -> list[Callable[[Any], Tensor]]:
    """A function from one sample's output to its score, for each image."""
    if isinstance(target, Tensor) and target.ndim == 0:
        target = int(target)
    each: Sequence[Any] = (
        target.tolist()
        if isinstance(target, Tensor)
        else target
        if isinstance(target, list)
        else [target] * images
    )
    each = list(each) * images if len(each) == 1 else each
    if len(each) != images:
        raise ArgumentError(f"got {len(each)} targets for {images} images; pass one for each")
    return [partial(_selected, one) for one in each]


def _selected(index: Any, sample: Tensor) -> Tensor:
    picked = sample if index is None else sample[index if isinstance(index, int) else tuple(index)]
    if index is None and picked.numel() > 1:
        raise ArgumentError(
            f"target=None is for a model of one score; this one gives {tuple(picked.shape)}: pass "
            f"the index of a score as target="
        )
    return picked.sum()
