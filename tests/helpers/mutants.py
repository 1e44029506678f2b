"""Seeded bugs: a correct Grad-CAM, adapter and renderer, and each with one thing wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import Tensor, nn

from camkit_core import Adapter, Case, Probe, heat_at, tokens_to_grid
from camkit_core.testing.explainers import explainer
from camkit_core.testing.networks import TokenNet

Heatmaps = Callable[..., Tensor]


def correct(model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
    """Grad-CAM that keeps every promise, written without camkit's engine."""
    return _explained(model, images, target)


def _explained(
    model: nn.Module,
    images: Tensor,
    target: Any,
    normalised: Callable[[Tensor], Tensor] | None = None,
    mode: Callable[[nn.Module], None] | None = None,
) -> Tensor:
    training = [module.training for module in model.modules()]
    buffers = [buffer.clone() for buffer in model.buffers()]
    kept: list[Tensor] = []

    def cut(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        kept.append(output.detach().clone().requires_grad_())
        return kept[0].clone()

    handle = model.layer.register_forward_hook(cut)
    try:
        (mode or _evaluate)(model)
        with torch.inference_mode(False), torch.enable_grad():
            logits = model(images.detach().clone())
            scores = logits.gather(1, classes(target, logits)[:, None]).sum()
            (gradients,) = torch.autograd.grad(scores, kept)
    finally:
        handle.remove()
        for module, was in zip(model.modules(), training, strict=True):
            module.training = was
        with torch.no_grad():
            for buffer, values in zip(model.buffers(), buffers, strict=True):
                if not torch.equal(buffer, values):
                    buffer.copy_(values)
    activations = kept[0].detach()
    if activations.ndim == 3:
        network = getattr(model, "network", model)
        sides = (side // network.patch for side in images.shape[2:])
        read = tokens_to_grid(*sides, prefix=network.prefix.shape[1])
        activations, gradients = read(activations), read(gradients)
    cam = (gradients.mean((2, 3), keepdim=True) * activations).sum(1)
    size = images.shape[2:]
    large = F.interpolate(cam.relu()[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    return (normalised or _normalised)(large)


def classes(target: Any, logits: Tensor) -> Tensor:
    """One class for each image, an error for one that there is not."""
    chosen = logits.argmax(1) if target is None else torch.as_tensor(target).expand(len(logits))
    if int(chosen.max()) >= logits.shape[1]:
        raise IndexError("no such class")
    return chosen


def _evaluate(model: nn.Module) -> None:
    for module in model.modules():
        module.training = False


def _normalised(maps: Tensor) -> Tensor:
    top = maps.amax((1, 2), keepdim=True)
    return torch.where(top > 0, maps / top.clamp(min=1e-30), torch.zeros_like(maps))


METHODS: dict[str, tuple[str, Heatmaps]] = {}  # the bug, the check that catches it, and it


def bug(check: str) -> Callable[[Heatmaps], Heatmaps]:
    """Note a mutant and the check that has to catch it."""

    def noted(mutant: Heatmaps) -> Heatmaps:
        METHODS[mutant.__name__] = check, mutant
        return mutant

    return noted


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
    found = correct(model, images, target)
    rows, columns = (torch.linspace(-1, 1, side, dtype=found.dtype) for side in found.shape[1:])
    near = torch.exp(-(rows[:, None] ** 2 + columns**2)).to(found.device)
    return _normalised(found * near)


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
    return _explained(model, images, target, normalised=lambda maps: maps)


@bug("range")
def below_zero(model, images, target=None, /):
    return correct(model, images, target) * 2 - 1


@bug("batch")
def normalised_over_the_batch(model, images, target=None, /):
    return _explained(model, images, target, lambda maps: maps / maps.amax().clamp(min=1e-30))


@bug("degenerate")
def no_guard_against_zero(model, images, target=None, /):
    def divided(maps: Tensor) -> Tensor:
        low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
        return (maps - low) / (high - low)

    return _explained(model, images, target, divided)


@bug("repeat")
def adds_noise(model, images, target=None, /):
    found = correct(model, images, target)
    return _normalised(found + 1e-6 * torch.rand_like(found))


@bug("batch")
def statistics_of_the_batch(model, images, target=None, /):
    return _explained(model, images, target, mode=lambda model: model.train())


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
    found = correct(model, images, target)
    return found.half().to(found.dtype) if found.dtype == torch.float32 else (found**2)


@bug("chunks")
def depends_on_the_chunk(model, images, target=None, /, batch_size=16):
    return _normalised(correct(model, images, target) + batch_size)


@bug("frozen")
def needs_parameters_with_gradients(model, images, target=None, /):
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise RuntimeError("element 0 of tensors does not require grad")
    return correct(model, images, target)


@bug("no-grad")
def needs_grad_mode(model, images, target=None, /):
    if not torch.is_grad_enabled():
        raise RuntimeError("element 0 of tensors does not require grad")
    return correct(model, images, target)


@bug("detached")
def keeps_the_graph(model, images, target=None, /):
    return correct(model, images, target) + 0 * next(iter(model.parameters())).sum()


_cache: dict[int, nn.Module] = {}


@bug("leak")
def caches_models(model, images, target=None, /):
    _cache[id(model)] = model
    return correct(model, images, target)


_shared: dict[str, Tensor] = {}


@bug("threads")
def shares_one_slot(model, images, target=None, /):
    _shared["map"] = correct(model, images, target)
    if threading.current_thread() is not threading.main_thread():
        time.sleep(0.02)
    return _shared["map"]


@bug("exception")
def swallows_errors(model, images, target=None, /):
    try:
        return correct(model, images, target)
    except Exception:  # noqa: BLE001
        return images[:, 0] * 0


@bug("exception")
def hook_stays_after_an_error(model, images, target=None, /):
    handle = model.layer.register_forward_hook(lambda *_: None)
    found = correct(model, images, target)
    handle.remove()
    return found


@bug("untouched")
def hook_stays(model, images, target=None, /):
    model.layer.register_forward_hook(lambda *_: None)
    return correct(model, images, target)


@bug("untouched")
def leaves_gradients(model, images, target=None, /):
    with torch.inference_mode(False), torch.enable_grad():
        scores = model(images.detach().clone())
        if scores.requires_grad:
            scores.sum().backward()
    return correct(model, images, target)


@bug("untouched-in-training")
def leaves_it_in_evaluation(model, images, target=None, /):
    found = correct(model, images, target)
    model.eval()
    return found


@bug("untouched-in-training")
def moves_the_statistics(model, images, target=None, /):
    with torch.no_grad():
        model(images)
    return correct(model, images, target)


@bug("gradients-kept")
def zeroes_gradients(model, images, target=None, /):
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.zero_()
    return correct(model, images, target)


@bug("frozen-stays")
def thaws(model, images, target=None, /):
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return correct(model, images, target)


@bug("random-states")
def seeds(model, images, target=None, /):
    torch.manual_seed(0)
    return correct(model, images, target)


@bug("random-states")
def seeds_numpy(model, images, target=None, /):
    np.random.seed(0)
    return correct(model, images, target)


@bug("images-kept")
def edits_the_images(model, images, target=None, /):
    found = correct(model, images, target)
    with torch.no_grad():
        images.add_(1e-3)
    return found


@bug("images-kept")
def wants_gradients_of_images(model, images, target=None, /):
    if not images.is_inference():
        images.requires_grad_()
    return correct(model, images, target)


@bug("modes-kept")
def leaves_grad_mode_on(model, images, target=None, /):
    found = correct(model, images, target)
    torch.set_grad_enabled(True)
    return found


# Adapters, each for TokenNet with so many prefix tokens.


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


# Renderers.


def right_renderer(explanation: Any, index: int, picture: Image.Image) -> Image.Image:
    """The picture, dark where nothing speaks for the class."""
    heat = heat_at(explanation, index, picture.size)
    light = Image.fromarray((heat * 255).astype("uint8"))
    return Image.composite(picture, Image.new("RGB", picture.size), light)


def _array(explanation, index, picture):
    return np.asarray(right_renderer(explanation, index, picture))


def _squares(explanation, index, picture):
    heat = explanation.heatmap[index]
    side = heat.shape[0]
    return Image.fromarray(heat.reshape(side, side).numpy() * 255).convert("RGB")


def _divides(explanation, index, picture):
    cam = explanation.cam[index].numpy()
    if not np.ptp(cam) > 0:
        np.array(1.0) / np.array(0.0)
    return right_renderer(explanation, index, picture)


def _first(explanation, index, picture):
    return right_renderer(explanation, 0, picture)


def _noisy(explanation, index, picture):
    drawn = np.array(right_renderer(explanation, index, picture))
    drawn[0, 0] = np.random.default_rng().integers(0, 256, 3)
    return Image.fromarray(drawn)


def _edits(explanation, index, picture):
    explanation.cam.clamp_(min=0)
    return right_renderer(explanation, index, picture)


def _paints_over(explanation, index, picture):
    drawn = right_renderer(explanation, index, picture)
    picture.paste(drawn)
    return picture.copy()


def _draws_random_numbers(explanation, index, picture):
    np.random.rand()
    return right_renderer(explanation, index, picture)


def _writes(explanation, index, picture):
    drawn = right_renderer(explanation, index, picture)
    drawn.save("map.png")
    return drawn


def _leaves_a_figure(explanation, index, picture):
    import matplotlib.pyplot as plt

    plt.figure()
    return right_renderer(explanation, index, picture)


def _fails_on_signals(explanation, index, picture):
    _height, _width = explanation.heatmap[index].shape
    return right_renderer(explanation, index, picture)


RENDERERS: dict[str, tuple[str, Any]] = {
    "an array": ("picture", _array),
    "squares only": ("sizes", _squares),
    "division by zero": ("blank", _divides),
    "always the first": ("index", _first),
    "noise": ("repeat", _noisy),
    "edits the explanation": ("pure", _edits),
    "paints over the picture": ("pure", _paints_over),
    "draws random numbers": ("pure", _draws_random_numbers),
    "writes a file": ("pure", _writes),
    "leaves a figure": ("no-window", _leaves_a_figure),
    "fails on signals": ("other-ranks", _fails_on_signals),
}


# Metrics: each mutant beside the check that has to catch it.


def right_metric(case: Case) -> Tensor:
    """How far the score falls without what the heatmap shows."""
    drops = []
    for index, (image, heat) in enumerate(zip(case.images, case.heatmaps, strict=True)):
        before, after = case.scores(index, [image, image * (1 - heat)], total=2)
        drops.append(before - after)
    return torch.stack(drops)


right_metric.higher_is_better = True


def _metric(function: Any) -> Any:
    function.higher_is_better = True
    return function


@_metric
def _mean_of_the_batch(case):
    return right_metric(case).mean()


@_metric
def _less_the_mean_of_the_batch(case):
    return right_metric(case) - right_metric(case).mean()


@_metric
def _divides_by_the_map(case):
    return 1 / case.heatmaps.flatten(1).sum(1)


@_metric
def _draws_from_the_process(case):
    return right_metric(case) * torch.rand(1)


@_metric
def _writes_into_the_weights(case):
    parameter = next(case._probe.recording.model.parameters())
    parameter.data.mul_(1.001)
    return right_metric(case)


def _without_direction(case):
    return right_metric(case)


METRICS = {
    "says no direction": ("direction", _without_direction),
    "one value for all": ("values", _mean_of_the_batch),
    "divides by an empty map": ("empty-map", _divides_by_the_map),
    "compares with the batch": ("batch", _less_the_mean_of_the_batch),
    "draws without a seed": ("repeat", _draws_from_the_process),
    "changes the weights": ("untouched", _writes_into_the_weights),
}
