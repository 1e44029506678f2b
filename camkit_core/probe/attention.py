"""The attention of a transformer: its probabilities in each block, and their gradients.

The model runs once more, watched for what attention is made of: `scaled_dot_product_attention`,
which is then computed step by step, torch's own multi-head attention, which is asked for its
weights, and a softmax whose answer is square. Nothing in the model is changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.overrides import TorchFunctionMode

from ..adapter import as_grid
from ..errors import LayerError
from ..forward.counting import count
from ..forward.recording import Recording
from ..inputs.targets.scores import Targets
from ..maps import full
from .tail.proof import flat

_SOFTMAX = (torch.softmax, Tensor.softmax, F.softmax)


@dataclass(frozen=True, eq=False)
class Attention:
    """What every token gives to every other, block by block.

    Letters in shapes: N images, T tokens, (h, w) the grid of patches.

    Attributes:
        probabilities: of each block, from the first: (N, heads, T, T); rows are the tokens that
            ask, and add up to 1.
        gradients: of the targets' scores with respect to these, in the same shapes.
        places: (h, w), int64: which token is the patch at a place.
    """

    probabilities: tuple[Tensor, ...]
    gradients: tuple[Tensor, ...]
    places: Tensor

    def map_of(self, relevance: Tensor) -> Tensor:
        """What the tokens that the classifier reads have of each patch: (N, T, T) to (N, h, w).

        It reads those whose attention in the last block has a gradient: the class token, class and
        distillation token, or all patches where their mean is pooled. The map is the mean of
        their rows.
        """
        patches = self.places.flatten()
        read = (self.gradients[-1] != 0).any(3).any(1).to(relevance)
        read = torch.where(read.any(1, keepdim=True), read, torch.ones_like(read))
        rows = (read[:, None] @ relevance)[:, 0] / read.sum(1, keepdim=True)
        return rows[:, patches].view(-1, *self.places.shape)


class _Watch(TorchFunctionMode):
    """Keeps the probabilities of each attention that is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []
        self.edges: list[GradientEdge] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._attended(*args, **kwargs)
        if func is F.multi_head_attention_forward:
            asked = {**kwargs, "need_weights": True, "average_attn_weights": False}
            answer: Any = func(*args, **asked)
            # The weights are a view of what was used; its gradient is that of the node before.
            if answer[1].requires_grad:
                self._keep(answer[1], GradientEdge(*answer[1].grad_fn.next_functions[0]))
            return answer
        result = func(*args, **kwargs)
        if func in _SOFTMAX and result.ndim == 4 and result.shape[2] == result.shape[3]:
            self._keep(result)
        return result

    def _attended(
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
            key, value = (one.repeat_interleave(groups, -3) for one in (key, value))
        scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        if attn_mask is not None:
            allowed = attn_mask.dtype == torch.bool
            bias = (
                torch.zeros_like(scores).masked_fill(~attn_mask, -torch.inf)
                if allowed
                else attn_mask
            )
            scores = scores + bias
        probabilities = scores.softmax(-1)
        if probabilities.ndim == 4 and probabilities.shape[2] == probabilities.shape[3]:
            self._keep(probabilities)
        return probabilities @ value

    def _keep(self, probabilities: Tensor, edge: GradientEdge | None = None) -> None:
        if probabilities.requires_grad:
            self.seen.append(probabilities)
            self.edges.append(edge or get_gradient_edge(probabilities))


def attention_of(recording: Recording, targets: Targets, rank: int) -> Attention:
    """The attention in a forward pass like the recorded one.

    Args:
        recording: of the model, at a layer of tokens.
        targets: one score function for each image.
        rank: how many spatial axes the images have.

    Raises:
        LayerError: if the target layer has no tokens, no block attends from every token of it to
            every other, or the attention computed step by step gives another answer.
    """
    watch = _Watch()
    with torch.enable_grad():
        leaf = recording.images.detach().clone().requires_grad_()
        with watch:
            output = recording.run(leaf.clone())
        score = targets.scores(output).sum()
    places = _places(recording, rank)
    tokens = recording.raw.shape[1]
    whole = [one.shape[0] == len(leaf) and one.shape[2] == tokens for one in watch.seen]
    kind = type(recording.model).__name__
    if not any(whole) or not all(whole):
        seen = ", ".join(sorted({str(tuple(one.shape)) for one in watch.seen})) or "none"
        raise LayerError(
            f"{kind} has no attention between all {tokens} tokens of layer {recording.layer!r} in "
            f"each block (attention seen: {seen}); for such a model take a gradient method, e.g. "
            f"gradcam or hirescam"
        )
    _check_same(recording, output, kind)
    count("backward", len(leaf))
    found = torch.autograd.grad(score, watch.edges, allow_unused=True)
    gradients = [
        torch.zeros_like(seen) if one is None else one.reshape(seen.shape)
        for one, seen in zip(found, watch.seen, strict=True)
    ]
    return Attention(_all_full(watch.seen), _all_full(gradients), places)


def _places(recording: Recording, rank: int) -> Tensor:
    """Which token is at which place: numbered tokens through the reshape."""
    raw = recording.raw
    if raw.ndim != 3:
        raise LayerError(
            f"layer {recording.layer!r} gives {tuple(raw.shape)}, and attention is between tokens "
            f"(N, T, C); choose a layer that gives tokens, or a gradient method, e.g. gradcam"
        )
    numbers = torch.arange(raw.shape[1], dtype=torch.float64, device=raw.device)
    grid = as_grid(recording.adapter, numbers[None, :, None].expand(1, -1, raw.shape[2]), rank)
    return grid[0, 0].round().long()


def _check_same(recording: Recording, output: Any, kind: str) -> None:
    plain, watched = flat(recording.output), flat(output)
    eps = torch.finfo(plain.dtype).eps
    allowed = max(1e-4, 50 * eps) * float(plain.abs().max())
    if plain.shape != watched.shape or float((plain - watched).abs().max()) > allowed:
        raise LayerError(
            f"the attention of {kind} cannot be read: computed step by step it gives another "
            f"answer; take a gradient method, e.g. gradcam"
        )


def _all_full(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(full(tensor.detach()) for tensor in tensors)
