"""Methods that change what they are given, each in one way; all give a correct Grad-CAM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from camkit_core import Probe

GREEDY: dict[str, Callable[[Probe], Tensor]] = {}


def greedy(edit: Callable[[Probe], Any]) -> Callable[[Probe], Any]:
    """Keep Grad-CAM that makes this edit when the map is made."""

    def method(probe: Probe) -> Tensor:
        cam = probe.weighted_sum(probe.gradients.flatten(2).mean(2))
        with torch.no_grad():
            edit(probe)
        return cam

    GREEDY[edit.__name__] = method
    return edit


@greedy
def edits_activations(probe):
    probe.activations.relu_().mul_(7)


@greedy
def edits_activations_as_numpy(probe):
    probe.activations.numpy()[:] = 0


@greedy
def edits_gradients(probe):
    probe.gradients.copy_(torch.ones_like(probe.gradients))


@greedy
def edits_raw_gradients_through_data(probe):
    probe.raw_gradients.data = probe.raw_gradients.data.contiguous()
    probe.raw_gradients.data.mul_(-1)


@greedy
def edits_logits(probe):
    probe.logits.numpy()[:, 0] = 99


@greedy
def edits_scores(probe):
    probe.scores.zero_()


@greedy
def edits_images(probe):
    probe.images.clamp_(0, 0.1)


@greedy
def edits_images_as_numpy(probe):
    probe.images.numpy()[:] *= 3
