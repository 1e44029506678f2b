"""The attention of a transformer: its probabilities in each block, and their gradients.

The model runs once more while an `AttentionWatch` keeps what is computed. Nothing in the model is
changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..adapter import as_grid
from ..errors import LayerError
from ..forward.counting import count
from ..forward.recording import Recording
from ..inputs.targets.scores import Targets
from ..maps import full
from .attention_watch import AttentionWatch
from .rows import own_rows, row_axis
from .tail.full_runs import flat


@dataclass(frozen=True, eq=False)
class Attention:
    """How much every token attends to every other, block by block.

    Letters in shapes: N images, T tokens, (h, w) the grid of patches.

    Attributes:
        probabilities: of each block, from the first: (N, heads, T, T); each row belongs to the
            token that attends, and adds up to 1.
        gradients: of the targets' scores with respect to the probabilities, in the same shapes.
        places: (h, w), int64: the token of the patch at each position.
    """

    probabilities: tuple[Tensor, ...]
    gradients: tuple[Tensor, ...]
    places: Tensor

    def map_of(self, relevance: Tensor) -> Tensor:
        """The relevance of each patch for the tokens the classifier reads: (N, T, T) to (N, h, w).

        The classifier reads the tokens whose attention in the last block has a gradient: the class
        token, class and distillation token, or all patches where their mean is pooled. The map is
        the mean of these tokens' rows.
        """
        read = (self.gradients[-1] != 0).any(3).any(1).to(relevance)
        read = torch.where(read.any(1, keepdim=True), read, torch.ones_like(read))
        mean_row = (read[:, None] @ relevance)[:, 0] / read.sum(1, keepdim=True)
        return mean_row[:, self.places.flatten()].view(-1, *self.places.shape)


def attention_of(
    recording: Recording, targets: Targets, rank: int, touching: bool = False
) -> Attention:
    """The attention in a forward pass like the recorded one.

    Args:
        recording: of the model, at a layer of tokens.
        targets: one score function for each image.
        rank: how many spatial axes the images have.
        touching: whether a score depends on other images, too.

    Raises:
        LayerError: if the target layer has no tokens, no block attends from every token of it to
            every other, or the attention computed step by step gives another output.
    """
    watch = AttentionWatch()
    with torch.enable_grad():
        images = recording.images.detach().clone().requires_grad_()
        with watch:
            output = recording.run(images.clone())
        scores = targets.scores(output)
    places = _places(recording, rank)
    _check_tokens(recording, watch.probabilities)
    _check_output(recording, output)
    count("backward", len(images))
    with torch.enable_grad():
        gradients = _gradients(scores, watch, touching)
    return Attention(_all_full(watch.probabilities), _all_full(gradients), places)


def _places(recording: Recording, rank: int) -> Tensor:
    """The token at each position of the grid: numbered tokens through the reshape."""
    raw = recording.raw
    if raw.ndim != 3:
        raise LayerError(
            f"layer {recording.layer!r} gives {tuple(raw.shape)}, and attention is between tokens "
            f"(N, T, C); choose a layer that gives tokens, or a gradient method, e.g. gradcam"
        )
    axis = _token_axis(recording)
    numbers = torch.arange(raw.shape[axis], dtype=torch.float64, device=raw.device)
    shape = [-1 if i == axis else 1 for i in range(3)]
    grid = as_grid(recording.adapter, numbers.view(shape).expand(raw.shape), rank)
    return grid[0, 0].round().long()


def _token_axis(recording: Recording) -> int:
    """1 for tokens (N, T, C); 0 for tokens (T, N, C)."""
    return 0 if row_axis(recording) == 1 else 1


def _check_tokens(recording: Recording, probabilities: Sequence[Tensor]) -> None:
    """Raise LayerError unless each attention is of all images and all tokens of the layer."""
    images, tokens = len(recording.images), recording.raw.shape[_token_axis(recording)]
    if probabilities and all(p.shape[0] == images and p.shape[2] == tokens for p in probabilities):
        return
    shapes = ", ".join(sorted({str(tuple(p.shape)) for p in probabilities})) or "none"
    raise LayerError(
        f"{_kind(recording)} has no attention between all {tokens} tokens of layer "
        f"{recording.layer!r} in each block (attention seen: {shapes}); for such a model take a "
        f"gradient method, e.g. gradcam or hirescam"
    )


def _check_output(recording: Recording, output: Any) -> None:
    """Raise LayerError if the watched model gave another output than the recorded one."""
    recorded, watched = flat(recording.output), flat(output)
    eps = torch.finfo(recorded.dtype).eps
    allowed = max(1e-4, 50 * eps) * float(recorded.abs().max())
    if recorded.shape != watched.shape or float((recorded - watched).abs().max()) > allowed:
        raise LayerError(
            f"the attention of {_kind(recording)} cannot be read: computed step by step it gives "
            f"another answer; take a gradient method, e.g. gradcam"
        )


def _kind(recording: Recording) -> str:
    return type(recording.model).__name__


def _gradients(scores: Tensor, watch: AttentionWatch, touching: bool) -> list[Tensor]:
    """The gradient of each image's score at the probabilities; zero where it has none."""
    if touching:
        return own_rows([_gradients_of(score, watch) for score in scores.unbind()])
    return _gradients_of(scores.sum(), watch)


def _gradients_of(score: Tensor, watch: AttentionWatch) -> list[Tensor]:
    gradients = torch.autograd.grad(score, watch.edges, retain_graph=True, allow_unused=True)
    return [
        torch.zeros_like(probabilities)
        if gradient is None
        else gradient.reshape(probabilities.shape)
        for gradient, probabilities in zip(gradients, watch.probabilities, strict=True)
    ]


def _all_full(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(full(tensor.detach()) for tensor in tensors)
