"""captum's attributions at the pixels as methods of camkit, each of `probe.score_function`."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval
from captum.attr import IntegratedGradients, NoiseTunnel, Occlusion, Saliency
from torch import Tensor

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


@Method(
    group="pixels, by captum",
    cost="1 run per window",
    reads_layer=False,
    expected_failures={
        "place": "the windows stay where they are when the image moves",
        "layouts": "the windows stay where they are when the image moves",
    },
)
def occlusion(probe: Probe, *, window: Count = 16, stride: Count = 8) -> Tensor:
    """How far the score falls when a window is set to zero (arXiv 1311.2901).

    Args:
        probe: the forward pass.
        window: its side in pixels; at most that of the image.
        stride: how far it slides.
    """
    colours, *size = probe.image_shape[1:]
    shape = (colours, *(min(window, side) for side in size))
    steps = (colours, *(min(stride, side) for side in shape[1:]))
    return _attributed(probe, Occlusion, sliding_window_shapes=shape, strides=steps).sum(1)


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

    def tunnel(scores: Callable[[Tensor], Tensor]) -> NoiseTunnel:
        torch.manual_seed(seed)  # captum draws from the global state, which camkit puts back
        return NoiseTunnel(bases[base](scores))

    with torch.random.fork_rng():
        settings = {"nt_type": kind, "nt_samples": samples, "stdevs": sigma}
        return _attributed(probe, tunnel, **settings).sum(1)


def _attributed(probe: Probe, attribution: Callable[..., Any], **settings: Any) -> Tensor:
    """captum's attribution (N, C, H, W), image by image."""
    parts = [
        attribution(probe.score_function(index)).attribute(
            image[None].clone().requires_grad_(), **settings
        )
        for index, image in enumerate(probe.images)
    ]
    return torch.cat(parts).detach()
