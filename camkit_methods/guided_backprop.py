"""Guided backpropagation (Springenberg et al. 2015), https://arxiv.org/abs/1412.6806."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient")
def guided_backprop(probe: Probe, *, nodes: Sequence[str] = ("ReluBackward0",)) -> Tensor:
    """Carry only positive gradients through each ReLU, to the pixels.

    arXiv 1412.6806, section 3.

    Args:
        probe: the forward pass.
        nodes: names of the autograd nodes to guide; ReLU6 has "HardtanhBackward0".

    Returns:
        The gradient at the image, summed over its colours: (N, H, W), signed.
    """
    gradients, guided = probe.guided_gradients(nodes)
    if guided:
        probe.note(f"guided {guided} ReLUs")
    else:
        probe.warn("guided no ReLU: the model has none, so this is the plain gradient")
    return probe.channel_sum(gradients)
