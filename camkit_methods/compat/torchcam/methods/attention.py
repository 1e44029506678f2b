"""torch-cam's LeGrad: the attention of torchvision's vision transformers, and its gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core import ArgumentError, ArgumentTypeError, LayerError, RunError

from .aggregation import aggregated, check_attention, with_weights
from .core import _CAM
from .scoring import NotForwarded, OutputTarget, class_scores


class LeGrad(_CAM):
    """LeGrad of each block's own score, as the paper has it.

    The method "legrad" of camkit takes the gradient of the model's score instead, and needs no
    blocks to be named.

    Args:
        model: the model that the user runs, with gradients.
        target_layer: blocks with a child `self_attention`, an `nn.MultiheadAttention`.
        score_projection: from a block's tokens to logits (N, K); None for torchvision's
            `VisionTransformer`, whose last norm and heads are applied to the tokens' mean.
        prefix_tokens: how many tokens before the patches.
        grid_shape: the patches' (height, width); None for a square.
        enable_hooks: whether the hooks keep what they see from the start.

    Raises:
        ArgumentTypeError: for an argument, or a block, of another type.
        ArgumentError: for a number out of range, or attention that cannot be read.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layer: nn.Module | str | list[nn.Module | str],
        *,
        score_projection: Callable[[Tensor], Tensor] | None = None,
        prefix_tokens: int = 1,
        grid_shape: tuple[int, int] | None = None,
        enable_hooks: bool = True,
    ) -> None:
        if target_layer is None or target_layer == []:
            raise LayerError("LeGrad requires at least one explicit target block")
        _check(prefix_tokens, grid_shape, score_projection)
        self._score_projection = score_projection or _projection(model)
        self.prefix_tokens, self.grid_shape = prefix_tokens, grid_shape
        super().__init__(model, target_layer, enable_hooks=enable_hooks)
        try:
            for index, name in enumerate(self.target_names):
                self._hook_attention(index, check_attention(self.submodule_dict[name], name))
        except BaseException:
            self.remove_hooks()
            raise

    def _hook_attention(self, index: int, attention: nn.MultiheadAttention) -> None:
        before = partial(self._prepare_attention, idx=index)
        after = partial(self._capture_attention, idx=index)
        self.hook_handles += [
            attention.register_forward_pre_hook(before, with_kwargs=True),
            attention.register_forward_hook(after, with_kwargs=True),
        ]

    def reset_hooks(self) -> None:
        """Forget the blocks' scores and attention that were kept."""
        super().reset_hooks()
        count = len(self.target_names)
        self.hook_attn: list[Any] = [None] * count
        self._token_counts: list[Any] = [None] * count
        self._weight_options: list[tuple[bool, bool] | None] = [None] * count

    def _prepare_attention(
        self,
        module: nn.MultiheadAttention,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        idx: int = 0,
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if not self._hooks_enabled:
            return None
        args, kwargs, self._weight_options[idx] = with_weights(module, args, kwargs)
        return args, kwargs

    def _capture_attention(
        self,
        module: nn.MultiheadAttention,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        output: Any,
        idx: int = 0,
    ) -> tuple[Tensor, Tensor | None] | None:
        if not self._hooks_enabled:
            return None
        mixed, attention = aggregated(module, args[2], output)
        self.hook_attn[idx] = attention
        if (options := self._weight_options[idx]) is None:
            raise RunError("missing original attention return options: run the whole model again")
        requested, averaged = options
        returned = attention.mean(1) if averaged else attention
        return mixed, returned if requested else None

    def _hook_a(self, module: nn.Module, args: Any, output: Any, idx: int = 0) -> None:
        if not self._hooks_enabled:
            return
        if not isinstance(output, Tensor) or output.ndim != 3:
            raise LayerError("LeGrad's target blocks must return tokens (batch, tokens, embedding)")
        scores = self._score_projection(output)
        if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != len(output):
            raise ArgumentError("`score_projection` must return class logits (batch, classes)")
        self.hook_a[idx], self._token_counts[idx] = scores, output.shape[1]

    def _precheck(self, class_idx: Any, scores: Any = None, targets: Any = None) -> None:
        super()._precheck(class_idx, scores, targets)
        self._check_kept()

    def _check_kept(self) -> None:
        if not all(isinstance(kept, Tensor) for kept in (*self.hook_a, *self.hook_attn)):
            raise NotForwarded("Inputs need to be forwarded through every LeGrad target block")

    def compute_cams(
        self,
        class_idx: int | list[int] | None = None,
        scores: Any = None,
        normalized: bool = True,
        retain_graph: bool = False,
        *,
        targets: OutputTarget | list[OutputTarget] | None = None,
        **kwargs: Any,
    ) -> list[Tensor]:
        """A list of one map: the mean of the blocks' maps."""
        if targets is not None:
            raise ArgumentError("LeGrad does not support arbitrary output targets")
        rows = self._get_weights(class_idx, scores, retain_graph=retain_graph, **kwargs)
        pairs = zip(rows, self._token_counts, strict=True)
        cam = torch.stack([self._on_grid(row, tokens) for row, tokens in pairs]).mean(0)
        return [self._normalize(cam) if normalized else cam]

    def _get_weights(
        self, class_idx: Any, scores: Any = None, retain_graph: bool = False, **kwargs: Any
    ) -> list[Tensor]:
        """The relevance (N, patches) of each block."""
        self._check_kept()
        last = len(self.target_names) - 1
        gradients = [
            self._gradient(index, class_idx, retain_graph or index < last)
            for index in range(last + 1)
        ]
        return [each.relu().mean((1, 2))[:, self.prefix_tokens :] for each in gradients]

    def _gradient(self, index: int, class_idx: Any, retain_graph: bool) -> Tensor:
        score = class_scores(self.hook_a[index], class_idx).sum()
        try:
            (gradient,) = torch.autograd.grad(
                score, self.hook_attn[index], retain_graph=retain_graph
            )
        except RuntimeError as error:
            raise RunError(
                f"the score of block {self.target_names[index]!r} is not connected to its "
                f"attention ({error}); score_projection= must not detach the tokens"
            ) from error
        found: Tensor = gradient
        return found

    def _on_grid(self, relevance: Tensor, tokens: int) -> Tensor:
        patches = relevance.shape[1]
        if tokens != patches + self.prefix_tokens:
            raise LayerError("attention keys and target-block tokens must have matching lengths")
        return relevance.reshape(len(relevance), *self._grid(patches))

    def _grid(self, patches: int) -> tuple[int, int]:
        if patches < 1:
            raise ArgumentError("`prefix_tokens` must leave at least one patch token")
        side = isqrt(patches)
        height, width = self.grid_shape or (side, side)
        if height * width == patches:
            return height, width
        if self.grid_shape:
            raise ArgumentError(f"`grid_shape` does not match the {patches} patch tokens")
        raise ArgumentError(f"{patches} patches are no square patch grid; specify `grid_shape`")


def _check(prefix_tokens: Any, grid_shape: Any, score_projection: Any) -> None:
    if not isinstance(prefix_tokens, int):
        raise ArgumentTypeError(f"`prefix_tokens` must be an integer, got {prefix_tokens!r}")
    if prefix_tokens < 0:
        raise ArgumentError(f"`prefix_tokens` must be non-negative, got {prefix_tokens}")
    if grid_shape is not None:
        _check_grid(grid_shape)
    if score_projection is not None and not callable(score_projection):
        raise ArgumentTypeError("`score_projection` must be callable")


def _check_grid(grid_shape: Any) -> None:
    pair = isinstance(grid_shape, tuple) and len(grid_shape) == 2
    if not pair or not all(isinstance(side, int) for side in grid_shape):
        raise ArgumentTypeError(f"`grid_shape` must be a tuple of two integers, got {grid_shape!r}")
    if min(grid_shape) < 1:
        raise ArgumentError(f"`grid_shape` dimensions must be positive, got {grid_shape}")


def _projection(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """The last norm and the heads of torchvision's VisionTransformer, on the tokens' mean."""
    norm, heads = (
        getattr(getattr(model, "encoder", None), "ln", None),
        getattr(model, "heads", None),
    )
    if not isinstance(norm, nn.Module) or not isinstance(heads, nn.Module):
        raise ArgumentError(
            "`score_projection` is required for models other than torchvision's VisionTransformer"
        )

    def project(tokens: Tensor) -> Tensor:
        logits: Tensor = heads(norm(tokens.mean(1)))
        return logits

    return project
