"""HiResCAM (Draelos & Carin 2020), https://arxiv.org/abs/2011.08891."""

from __future__ import annotations

from torch import Tensor

from camkit_core import Method, Probe

CANCELLED = 1e-3  # of the sum without signs


@Method(group="gradient", cost="1 run", position_wise=True, gradient_weighted=True)
def hirescam(probe: Probe) -> Tensor:
    """Multiply each position's activation by its own gradient.

    arXiv 2011.08891, equation 3. If one linear layer follows, the map adds up to the score. If all
    that follows is a norm, each position adds up to zero, and a note says so.

    Returns:
        The map (N, h, w), signed.
    """
    evidence = probe.gradients * probe.activations
    cam = probe.channel_sum(evidence)
    if bool(cam.abs().sum() < CANCELLED * evidence.abs().sum()):
        probe.note(
            "activation times gradient adds up to next to nothing over the channels, as where a "
            "norm follows, to which their size means nothing; take layercam or gradcam"
        )
    return cam
