"""One forward pass, kept: what the target layer gave, and the graph from there to the output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter import Adapter, read_output
from ..errors import LayerError
from ..inputs.forward_args import NO_ARGS, ForwardArgs
from ..inputs.prepare import Inputs
from ..pytree import first_tensor, replace_first
from .counting import count
from .memory_format import run_quickest
from .tape import Tape
from .untouched import hooked


@dataclass(frozen=True, eq=False)
class Recording:
    """One forward pass of `model` on `images`, cut at the adapter's layer.

    Attributes:
        model: the model, in evaluation mode while the engine works with it.
        images: (N, C, H, W).
        adapter: the target layer and how to read it.
        layer: the target layer's dotted name.
        output: what the model returned; its graph begins at `raw`.
        raw: the target layer's output as it left the layer, in its own layout; the graph's leaf.
        noted: the tape of this pass, if it was noted.
        companions: what the model is called with beside the images.
    """

    model: nn.Module
    images: Tensor
    adapter: Adapter
    layer: str
    output: Any
    raw: Tensor
    noted: Tape | None
    companions: ForwardArgs = NO_ARGS

    @property
    def inputs(self) -> Inputs:
        """The model, its images, and what else it was called with."""
        return Inputs(self.model, self.images, self.companions)

    @cached_property
    def tape(self) -> Tape:
        """What ran after the layer; from another pass, if this one was not noted."""
        if self.noted:
            return self.noted
        args = self.model, self.images, self.adapter, self.layer, self.companions
        return record(*args, taped=True).tape

    def run(
        self, rows: Tensor, image: int | None = None, model: Callable[..., Any] | None = None
    ) -> Any:
        """The output for other rows (M, ...), as the adapter reads it.

        Args:
            rows: the images some times over, or versions of one of them.
            image: which one, in that case.
            model: called in place of the recorded one.
        """
        count("forward", len(rows))
        return read_output(self.adapter, self.companions.call(model or self.model, rows, image))

    def at(self, adapter: Adapter, layer: str) -> Recording:
        """The same images and model, at another layer."""
        return record(self.model, self.images, adapter, layer, self.companions, False)

    def again(self, images: Tensor) -> Recording:
        """The same layer of the same model for other images (N, C, H, W)."""
        return record(self.model, images, self.adapter, self.layer, self.companions, False)

    def gradients(self, scores: Sequence[Tensor]) -> Tensor:
        """The gradients (T, *raw.shape) of the sums of T tensors of scores, of one shape.

        Raises:
            LayerError: if a score does not depend on the layer in a way autograd can follow.
        """
        if not all(score.requires_grad for score in scores):
            raise no_gradient(self.layer)
        if len(scores) == 1:
            return self._pull(scores[0]).unsqueeze(0)
        with torch.enable_grad():
            together = torch.stack(list(scores))
        one_each = torch.eye(len(scores), dtype=together.dtype, device=together.device)
        one_each = one_each.view(*one_each.shape, *[1] * scores[0].ndim)
        try:
            return self._pull(together, one_each.expand(-1, *together.shape))
        except RuntimeError:  # an operation whose backward cannot be batched
            return torch.stack([self._pull(score) for score in scores])

    def _pull(self, scores: Tensor, cotangents: Tensor | None = None) -> Tensor:
        batched = cotangents is not None
        count("backward", (1 if cotangents is None else len(cotangents)) * len(self.images))
        found: tuple[Tensor, ...] = torch.autograd.grad(
            scores,
            self.raw,
            torch.ones_like(scores) if cotangents is None else cotangents,
            retain_graph=True,
            allow_unused=True,
            is_grads_batched=batched,
            materialize_grads=True,
        )
        return found[0]


class _Cut:
    """The forward hook that starts graph and tape at the target layer."""

    def __init__(self, adapter: Adapter, layer: str, tape: Tape | None) -> None:
        self.adapter = adapter
        self.layer = layer
        self.tape = tape
        self.calls = 0
        self.raw: Tensor | None = None

    def __call__(self, module: nn.Module, args: Any, output: Any) -> Any:
        self.calls += 1
        if self.calls > 1:
            return output
        given = first_tensor(output)
        if given is None:
            raise LayerError(
                f"layer {self.layer!r} returned {type(output).__name__} without a floating-point "
                f"tensor; choose a layer that returns activations"
            )
        kept = self.adapter.activation(given) if self.adapter.activation else given
        # Two copies: what follows may change the one it is handed in place, and so may whoever
        # else holds the layer's own output.
        self.raw = kept.detach().clone().requires_grad_()
        torch.set_grad_enabled(True)
        handed = self.raw.clone()
        if self.tape:
            self.tape.start(handed)
        return replace_first(output, handed)


def record(
    model: nn.Module,
    images: Tensor,
    adapter: Adapter,
    layer: str = "layer",
    companions: ForwardArgs = NO_ARGS,
    taped: bool = True,
) -> Recording:
    """Run `model` once on `images` (N, C, H, W); no graph is built before the adapter's layer.

    With `taped`, what runs after the layer is noted at once, and not only when it is asked for:
    that takes a percent of a small model's time, and spares another pass to whoever asks.

    To be called where the model is left `untouched`.

    Raises:
        LayerError: if the layer runs never, or more than once.
    """
    count("forward", len(images))

    def run(handed: Tensor) -> Recording:
        # In another memory format the model is run anew, and so is the tape.
        cut = _Cut(adapter, layer, Tape() if taped else None)
        return _record(model, images, companions, cut, handed)

    return run_quickest(model, images, run)


def _record(
    model: nn.Module, images: Tensor, companions: ForwardArgs, cut: _Cut, handed: Tensor
) -> Recording:
    adapter, layer, tape, output = cut.adapter, cut.layer, cut.tape, None
    try:
        with torch.no_grad(), hooked(adapter.layer, cut):
            # A copy, which it may normalise in place.
            output = read_output(adapter, companions.call(model, handed))
    finally:
        if tape:
            tape.stop(output)
    if cut.raw is None or cut.calls > 1:
        times = f"{cut.calls} times" if cut.calls else "not at all"
        raise LayerError(
            f"layer {layer!r} ran {times} in one forward pass of {type(model).__name__}; "
            f"choose a layer that runs once"
        )
    return Recording(model, images, adapter, layer, output, cut.raw, tape, companions)


def no_gradient(layer: str) -> LayerError:
    """The error for a score that autograd cannot follow back to a layer."""
    return LayerError(
        f"the score has no gradient at layer {layer!r}: the model's output does not depend on it, "
        f"or detaches it; choose another layer"
    )
