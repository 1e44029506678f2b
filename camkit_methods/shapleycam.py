"""ShapleyCAM (Cai 2025), https://arxiv.org/abs/2501.06261."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from camkit_core import Method, Probe


@Method(group="gradient", cost="1 run")
def shapleycam(probe: Probe, *, utility: Literal["rest", "score"] = "rest") -> Tensor:
    """Weight each channel by the mean of its gradient less half the Hessian's share.

    arXiv 2501.06261: w = mean(g - H A / 2), the Shapley value of the channel where the utility is
    its second-order expansion at the activations A, with gradient g and Hessian H.

    Args:
        probe: the forward pass.
        utility: "rest" for the paper's residual softmax, y_c + log p_c; "score" for the target's
            score. If only ReLU and linear layers lie between the layer and a class logit, H is
            zero and "score" is Grad-CAM. A target that is no class always takes its score.

    Returns:
        The map (N, h, w), signed.
    """
    valued = probe
    if utility == "rest" and probe.targets.classes is None:
        probe.note("ShapleyCAM took the target's own score: its residual softmax needs a class")
    elif utility == "rest":
        valued = probe.of_logits(_residual_softmax)
    weights = valued.gradients - valued.hessian_times_activations / 2
    return probe.weighted_sum(weights.mean(probe.spatial_axes))


def _residual_softmax(logits: Tensor, category: int) -> Tensor:
    return logits[category] + logits.log_softmax(0)[category]
