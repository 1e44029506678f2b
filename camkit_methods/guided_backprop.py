"""Guided backpropagation (Springenberg et al. 2015), https://arxiv.org/abs/1412.6806."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient", cost="1 run", reads_layer=False)
def guided_backprop(probe: Probe, *, nodes: Sequence[str] | None = None) -> Tensor:
    """Carry only positive gradients through each ReLU, to the pixels.

    arXiv 1412.6806, section 3. ReLU6 and a clamp at zero count as ReLUs. For other activations the
    paper has no rule: the gradient passes them as it is, and a note names them.

    Args:
        probe: the forward pass.
        nodes: names of the autograd nodes to guide, such as "LeakyReluBackward0"; None for all
            ReLUs.

    Returns:
        The gradient at the image, summed over its colours: (N, H, W), signed.
    """
    gradients, guided = probe.guided_gradients(nodes)
    account = probe.guided_account(nodes)
    if guided:
        probe.note(account)
    else:
        probe.warn(account)
    return probe.channel_sum(gradients)
