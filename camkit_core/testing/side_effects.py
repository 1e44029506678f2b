"""The checks that explaining changes neither the model, nor the images, nor the process."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import nn

from .checks import promise
from .explainers import Explainer
from .networks import conv_net, seeded, some_images
from .state import nothing_changes, perturb


def _explained(explain: Explainer, model: nn.Module, about: str = "") -> None:
    images = some_images()
    perturb()  # else a method that sets the same seed again would seem to change nothing
    with nothing_changes(model, images, about=about):
        explain(model, images, 1)


def untouched(explain: Explainer) -> None:
    """A model in evaluation mode is bit for bit what it was: buffers, hooks, flags, gradients."""
    _explained(explain, conv_net())


def untouched_in_training(explain: Explainer) -> None:
    """So is a model in the middle of training: each module's mode, the norms' statistics."""
    model = conv_net().train()
    model.stem[1].eval()
    _explained(explain, model)


def gradients_kept(explain: Explainer) -> None:
    """Gradients that were there are there, and the same."""
    model = conv_net()
    with seeded():
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
    _explained(explain, model, "gradient of")


def frozen_stays(explain: Explainer) -> None:
    """Parameters that were frozen stay frozen."""
    with suppress(RuntimeError):  # the check "frozen" asks whether it explains such a model
        _explained(explain, conv_net().requires_grad_(False), "requires_grad")


def random_states(explain: Explainer) -> None:
    """The random states of torch, numpy and Python are what they were."""
    for _ in range(2):
        _explained(explain, conv_net(), "random state")


def images_kept(explain: Explainer) -> None:
    """The images are unchanged: values, `requires_grad`, and their gradient."""
    for leaf in (False, True):
        images = some_images().requires_grad_(leaf)
        if leaf:
            images.grad = torch.ones_like(images)
        model = conv_net()
        with nothing_changes(model, images, about="input"):
            explain(model, images, 1)


def modes_kept(explain: Explainer) -> None:
    """The grad mode is what it was, also where it was off."""
    model, images = conv_net(), some_images()
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with mode(), nothing_changes(model, about="the grad mode"), suppress(RuntimeError):
            explain(model, images, 1)


SIDE_EFFECTS = [
    promise(test)
    for test in (
        untouched,
        untouched_in_training,
        gradients_kept,
        frozen_stays,
        random_states,
        images_kept,
        modes_kept,
    )
]
