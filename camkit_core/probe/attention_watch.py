"""The calls of a forward pass that compute attention, watched for its probabilities."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.overrides import TorchFunctionMode

_SOFTMAX = (torch.softmax, Tensor.softmax, F.softmax)


class AttentionWatch(TorchFunctionMode):
    """Keeps the probabilities of each attention that is computed while it is active.

    Three kinds of calls are watched:

    - `scaled_dot_product_attention` is computed step by step, as the fused one gives no
      probabilities;
    - torch's own multi-head attention is asked for its weights;
    - a softmax is kept where its result is square, so that it may be attention.

    Attributes:
        probabilities: of each attention with a gradient, in the order of the calls.
        edges: where autograd has the gradient of each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.probabilities: list[Tensor] = []
        self.edges: list[GradientEdge] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._step_by_step(*args, **kwargs)
        if func is F.multi_head_attention_forward:
            return self._with_weights(*args, **kwargs)
        result = func(*args, **kwargs)
        if func in _SOFTMAX and _square(result):
            self._keep(result)
        return result

    def _step_by_step(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        if enable_gqa:
            groups = query.shape[-3] // key.shape[-3]
            key = key.repeat_interleave(groups, -3)
            value = value.repeat_interleave(groups, -3)
        scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        if attn_mask is not None:
            scores = scores + _bias(attn_mask, scores)
        probabilities = scores.softmax(-1)
        if _square(probabilities):
            self._keep(probabilities)
        return probabilities @ value

    def _with_weights(self, *args: Any, **kwargs: Any) -> Any:
        kwargs |= {"need_weights": True, "average_attn_weights": False}
        answer: Any = F.multi_head_attention_forward(*args, **kwargs)
        weights = answer[1]
        # The weights are a view of the tensor that was used, whose node is the one before.
        if weights.requires_grad:
            self._keep(weights, GradientEdge(*weights.grad_fn.next_functions[0]))
        return answer

    def _keep(self, probabilities: Tensor, edge: GradientEdge | None = None) -> None:
        if probabilities.requires_grad:
            self.probabilities.append(probabilities)
            self.edges.append(edge or get_gradient_edge(probabilities))


def _square(probabilities: Tensor) -> bool:
    """Whether the tensor may be attention between all tokens: (N, heads, T, T)."""
    return probabilities.ndim == 4 and probabilities.shape[2] == probabilities.shape[3]


def _bias(mask: Tensor, scores: Tensor) -> Tensor:
    """What a mask adds to the scores; a boolean mask is True where a token may attend."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(scores).masked_fill(~mask, -torch.inf)
