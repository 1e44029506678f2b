"""captum's attributions at the pixels as methods of camkit, each of `probe.score_function`."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval
from captum.attr import IntegratedGradients, NoiseTunnel, Occlusion, Saliency
from torch import Tensor
from torch.overrides import TorchFunctionMode

from camkit_core import Method, Probe

Count = Annotated[int, Interval(ge=1, le=100_000)]


@Method(group="pixels, by captum", cost="1 run", reads_layer=False)
def saliency(probe: Probe) -> Tensor:
    """The size of the score's gradient at each pixel, its largest colour (arXiv 1312.6034)."""
    return _attributed(probe, Saliency).amax(1)


@Method(group="pixels, by captum", cost="1 run per step", reads_layer=False)
def integrated_gradients(probe: Probe, *, steps: Count = 50) -> Tensor:
    """The gradient's mean on the way from black to the image, times the image (arXiv 1703.01365).

    Args:
        probe: the forward pass.
        steps: of the way.
    """
    return _attributed(probe, IntegratedGradients, n_steps=steps).sum(1)


@Method(group="pixels, by captum", cost="1 run per window", reads_layer=False)
def occlusion(probe: Probe, *, window: Count | None = None, stride: Count | None = None) -> Tensor:
    """How far the score falls when a window is set to zero (arXiv 1311.2901).

    Args:
        probe: the forward pass.
        window: its side in pixels; None for an eighth of the image's shorter side.
        stride: how far it slides; None for half of the window.
    """
    colours, *size = probe.image_shape[1:]
    shape = [min(window or max(1, min(size) // 8), side) for side in size]
    steps = [min(stride or max(1, side // 2), side) for side in shape]
    return _attributed(
        probe,
        Occlusion,
        sliding_window_shapes=(colours, *shape),
        strides=(colours, *steps),
        perturbations_per_eval=probe.batch_size or 32,
    ).sum(1)


@Method(
    group="pixels, by captum",
    cost="1 run per sample",
    reads_layer=False,
    expected_failures={
        "place": "the noise stays where it is when the image moves",
        "layouts": "the noise stays where it is when the image moves",
    },
)
def noise_tunnel(
    probe: Probe,
    *,
    base: Literal["saliency", "integrated_gradients"] = "saliency",
    kind: Literal["smoothgrad", "smoothgrad_sq", "vargrad"] = "smoothgrad",
    samples: Count = 8,
    sigma: Annotated[float, Interval(ge=0, lt=float("inf"))] = 0.3,
    seed: int = 0,
) -> Tensor:
    """An attribution over noisy versions of the image (SmoothGrad, arXiv 1706.03825).

    Args:
        probe: the forward pass.
        base: the attribution.
        kind: the mean, the mean square, or the variance over the versions.
        samples: how many versions.
        sigma: the noise's standard deviation, in the images' units.
        seed: of the noise.
    """
    bases: dict[str, Any] = {"saliency": Saliency, "integrated_gradients": IntegratedGradients}

    generator = torch.Generator(probe.images.device)

    def tunnel(scores: Callable[[Tensor], Tensor]) -> NoiseTunnel:
        generator.manual_seed(seed)  # the same noise for each image
        return NoiseTunnel(bases[base](scores))

    settings = {"nt_type": kind, "nt_samples": samples, "stdevs": sigma}
    with _Drawing(generator):
        return _attributed(probe, tunnel, **settings).sum(1)


class _Drawing(TorchFunctionMode):
    """Inside, in this thread, normal numbers are drawn from a generator.

    captum draws them from the global state, which other threads draw from and put back.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if function is torch.normal:
            kwargs["generator"] = self.generator
        return function(*args, **kwargs)


def _attributed(probe: Probe, attribution: Callable[..., Any], **settings: Any) -> Tensor:
    """captum's attribution (N, C, H, W), image by image."""
    parts = [
        attribution(probe.score_function(index)).attribute(
            image[None].clone().requires_grad_(), **settings
        )
        for index, image in enumerate(probe.images)
    ]
    return torch.cat(parts).detach()
