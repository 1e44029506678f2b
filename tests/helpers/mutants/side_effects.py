"""Methods with one bug each: what they need, and what they leave behind."""

from __future__ import annotations

import threading
import time

import numpy as np
import torch
from torch import Tensor, nn

from helpers.mutants.methods import bug, correct


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
    heatmaps = correct(model, images, target)
    handle.remove()
    return heatmaps


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
    heatmaps = correct(model, images, target)
    model.eval()
    return heatmaps


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
    heatmaps = correct(model, images, target)
    with torch.no_grad():
        images.add_(1e-3)
    return heatmaps


@bug("images-kept")
def wants_gradients_of_images(model, images, target=None, /):
    if not images.is_inference():
        images.requires_grad_()
    return correct(model, images, target)


@bug("modes-kept")
def leaves_grad_mode_on(model, images, target=None, /):
    heatmaps = correct(model, images, target)
    torch.set_grad_enabled(True)
    return heatmaps
