"""Methods with one bug each: their maps are wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import Probe, tokens_to_grid
from camkit_core.testing.explainers import explainer
from camkit_core.testing.networks import TokenNet
from helpers.mutants.methods import bug, classes, correct, explained, normalised_maps


@bug("place")
def transposed(model, images, target=None, /):
    def method(probe: Probe) -> Tensor:
        cam = probe.weighted_sum(probe.gradients.mean((2, 3)))
        return cam.mT.reshape(cam.shape)

    return explainer(method)(model, images, target)


@bug("place")
def upside_down(model, images, target=None, /):
    return correct(model, images, target).flip(1)


@bug("place")
def knows_the_centre(model, images, target=None, /):
    heatmaps = correct(model, images, target)
    rows, columns = (
        torch.linspace(-1, 1, side, dtype=heatmaps.dtype) for side in heatmaps.shape[1:]
    )
    near = torch.exp(-(rows[:, None] ** 2 + columns**2)).to(heatmaps.device)
    return normalised_maps(heatmaps * near)


@bug("shape")
def takes_grids_for_square(model, images, target=None, /):
    def method(probe: Probe) -> Tensor:
        cam = probe.weighted_sum(probe.gradients.mean((2, 3))).flatten(1)
        side = int(cam.shape[1] ** 0.5)
        return cam.view(-1, side, side)

    return explainer(method)(model, images, target)


@bug("shape")
def size_of_the_layer(model, images, target=None, /):
    return correct(model, images, target)[:, ::2, ::2]


@bug("layouts")
def takes_a_prefix_token_for_a_patch(model, images, target=None, /):
    network = getattr(model, "network", model)
    if isinstance(network, TokenNet) and network.prefix.shape[1]:

        def drop_the_last(tokens: Tensor) -> Tensor:
            height, width = (side // network.patch for side in images.shape[2:])
            return tokens_to_grid(height, width)(tokens[:, : height * width])

        return explain_tokens(model, images, target, drop_the_last)
    return correct(model, images, target)


def explain_tokens(model: nn.Module, images: Tensor, target: Any, read: Any) -> Tensor:
    """Grad-CAM by camkit through another reading of the tokens."""
    import camkit_core

    return camkit_core.explain(model, images, "gradcam", target, model.layer, read).heatmap


@bug("range")
def raw_values(model, images, target=None, /):
    return explained(model, images, target, normalised=lambda maps: maps)


@bug("range")
def below_zero(model, images, target=None, /):
    return correct(model, images, target) * 2 - 1


@bug("batch")
def normalised_over_the_batch(model, images, target=None, /):
    return explained(model, images, target, lambda maps: maps / maps.amax().clamp(min=1e-30))


@bug("degenerate")
def no_guard_against_zero(model, images, target=None, /):
    def divided(maps: Tensor) -> Tensor:
        low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
        return (maps - low) / (high - low)

    return explained(model, images, target, divided)


@bug("repeat")
def adds_noise(model, images, target=None, /):
    heatmaps = correct(model, images, target)
    return normalised_maps(heatmaps + 1e-6 * torch.rand_like(heatmaps))


@bug("batch")
def statistics_of_the_batch(model, images, target=None, /):
    return explained(model, images, target, mode=lambda model: model.train())


@bug("permutation")
def first_target_for_all(model, images, target=None, /):
    first = target[0] if isinstance(target, list) else target
    return correct(model, images, first)


@bug("target")
def always_the_top_class(model, images, target=None, /):
    with torch.no_grad():
        classes(target, model(images))
    return correct(model, images)


@bug("target")
def none_is_class_zero(model, images, target=None, /):
    return correct(model, images, 0 if target is None else target)


@bug("no-such-class")
def wraps_round(model, images, target=None, /):
    return correct(model, images, target % 4 if isinstance(target, int) else target)


@bug("dtype")
def rounds_to_half(model, images, target=None, /):
    heatmaps = correct(model, images, target)
    return heatmaps.half().to(heatmaps.dtype) if heatmaps.dtype == torch.float32 else (heatmaps**2)


@bug("chunks")
def depends_on_the_chunk(model, images, target=None, /, batch_size=16):
    return normalised_maps(correct(model, images, target) + batch_size)
