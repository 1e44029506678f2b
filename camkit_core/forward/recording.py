"""One forward pass, kept: what the target layer gave, and the graph from there to the output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter import Adapter, read_output
from ..inputs.forward_args import NO_ARGS, ForwardArgs
from ..inputs.prepare import Inputs
from ..inputs.seen import rewind
from ..pytree import map_tensors, plain, tensors_in
from .counting import count
from .cut import Beginning, Cut, Level, begun
from .format_calls import looked_at
from .grad_blocks import (
    IgnoredBlocks,
    LostGraphError,
    asks_for_gradients,
    needs_gradients,
    only_from,
    run_through_blocks,
)
from .memory_format import run_quickest
from .needed.recorded import recorded, without_batch_norms
from .tape import Tape
from .torch_limits import no_gradient, put_batch_norms_right, total
from .untouched import hook_on


@dataclass(frozen=True, eq=False)
class Recording:
    """One forward pass of `model` on `images`, cut at the adapter's layer.

    A pass may be cut at several layers at once, the levels of a pyramid. There is a recording for
    each; all have the same output, whose graph begins at every level's `raw`. So the gradient at a
    level, and the score for an edit of it, leave the way through the other levels out.

    Attributes:
        model: the model, in evaluation mode while the engine works with it.
        images: (N, C, H, W).
        adapter: the target layer and how to read it.
        layer: the target layer's dotted name.
        output: what the model returned; its graph begins at `raw`.
        raw: the target layer's output as it left the layer, in its own layout; the graph's leaf.
        noted: the tape of this pass, if the calls after the layer were noted.
        companions: the other arguments of the model's call, which are `forward_args` elsewhere.
        held: the recordings of the pass's other levels, whose `raw` stays as it is.
    """

    model: nn.Module
    images: Tensor
    adapter: Adapter
    layer: str
    output: Any
    raw: Tensor
    noted: Tape | None
    companions: ForwardArgs = NO_ARGS
    held: tuple[Recording, ...] = ()

    @property
    def inputs(self) -> Inputs:
        """The model, its images, and the other arguments of its call."""
        return Inputs(self.model, self.images, self.companions)

    @cached_property
    def tape(self) -> Tape:
        """What ran after the layer; from another pass, if this one was not noted."""
        return self.noted or self._recorded(self.inputs, taped=True).tape

    def run(
        self, rows: Tensor, image: int | None = None, model: Callable[..., Any] | None = None
    ) -> Any:
        """The output for other rows (M, ...), as the adapter reads it.

        Args:
            rows: all images, once or several times over; or versions of a single image.
            image: the index of that single image.
            model: called in place of the recorded one.
        """
        count("forward", len(rows))

        def call(rows: Tensor) -> Any:
            output = self.companions.call(model or self.model, rows, image)
            return read_output(self.adapter, output)

        layer = self.adapter.layer
        if layer not in needs_gradients and not torch.is_grad_enabled():
            try:
                return call(rows)
            except RuntimeError as error:
                if not asks_for_gradients(error):
                    raise
            needs_gradients.add(layer)
        return run_through_blocks(call, rows, layer)

    def at(self, adapter: Adapter, layer: str) -> Recording:
        """The same images and model, at another layer."""
        return record_layer(self.inputs, adapter, layer, taped=False)

    def again(self, images: Tensor, companions: ForwardArgs | None = None) -> Recording:
        """The same layer of the same model for other images (N, C, H, W), or other companions."""
        args = companions or self.companions
        return self._recorded(replace(self.inputs, images=images, forward_args=args), taped=False)

    def _recorded(self, inputs: Inputs, taped: bool) -> Recording:
        levels = [(each.adapter, each.layer) for each in (self, *self.held)]
        return record_levels(inputs, levels, taped)[0]

    def gradients(self, scores: Sequence[Tensor]) -> Tensor:
        """The gradients (T, *raw.shape) of the sums of T tensors of scores, of one shape.

        Raises:
            LayerError: if a score does not depend on the layer in a way autograd can follow.
        """
        return self.gradients_at([self.raw], scores)[0]

    def gradients_at(self, raws: Sequence[Tensor], scores: Sequence[Tensor]) -> list[Tensor]:
        """The same at each of several levels of the pass, their `raw`, by one backward pass."""
        if not all(score.requires_grad for score in scores):
            raise no_gradient(self.layer)
        if len(scores) == 1:
            return [gradient[None] for gradient in self._pull(raws, scores[0])]
        with torch.enable_grad():
            together = torch.stack(list(scores))
        one_each = torch.eye(len(scores), dtype=together.dtype, device=together.device)
        one_each = one_each.view(*one_each.shape, *[1] * scores[0].ndim)
        try:
            return self._pull(raws, together, one_each.expand(-1, *together.shape))
        except RuntimeError:  # an operation whose backward cannot be batched
            pulled = [self._pull(raws, each) for each in scores]
            return [torch.stack(of_level) for of_level in zip(*pulled, strict=True)]

    def _pull(
        self, raws: Sequence[Tensor], scores: Tensor, cotangents: Tensor | None = None
    ) -> list[Tensor]:
        put_batch_norms_right(scores, self.output if self in without_batch_norms else None)
        count("backward", (1 if cotangents is None else len(cotangents)) * len(self.images))
        begin, given = self._backward_begins(scores) if cotangents is None else (scores, cotangents)
        kept: Any = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
        kept["is_grads_batched"] = cotangents is not None
        return list(map(plain, torch.autograd.grad(begin, raws, given, **kept)))

    def _backward_begins(self, scores: Tensor) -> tuple[Any, Tensor | None]:
        """Where in the graph the backward pass of the sum of scores begins, and with what."""
        return total(scores), None


def record(
    model: nn.Module,
    images: Tensor,
    adapter: Adapter,
    layer: str = "layer",
    companions: ForwardArgs = NO_ARGS,
    taped: bool = True,
) -> Recording:
    """Run `model` once on `images` (N, C, H, W); no graph is built before the adapter's layer.

    To be called where the model is left `untouched`.

    Args:
        model: see `Recording`, as for images, adapter, layer and companions.
        images: see `Recording`.
        adapter: see `Recording`.
        layer: the layer's name in messages.
        companions: see `Recording`.
        taped: whether to note what runs after the layer; else a tape takes another pass.

    Raises:
        LayerError: if the layer runs never, or more than once.
    """
    return record_layer(Inputs(model, images, companions), adapter, layer, taped)


def record_layer(inputs: Inputs, adapter: Adapter, layer: str, taped: bool) -> Recording:
    """The same as `record`, for a model and all arguments of its call as one value."""
    return record_levels(inputs, [(adapter, layer)], taped)[0]


def record_levels(inputs: Inputs, levels: Sequence[Level], taped: bool) -> list[Recording]:
    """The same as `record_layer` for one or more layers, all cut in one pass."""
    count("forward", len(inputs.images))
    layers = [adapter.layer for adapter, _ in levels]

    def run(images: Tensor) -> list[Recording]:
        # A run in another memory format begins anew, and so do its tapes.
        blocks = None if needs_gradients.isdisjoint(layers) else IgnoredBlocks(graph=False)
        if blocks or len(levels) > 1:
            cuts = [begun(level, Tape() if taped else None, blocks) for level in levels]
            return _run_cut(inputs, cuts, blocks, images)

        def run_one(tape: Tape | None, images: Tensor) -> Recording:
            return _run_cut(inputs, [begun(levels[0], tape, None)], None, images)[0]

        return [recorded(run_one, inputs, levels[0], images, taped)]

    args, asked = inputs.forward_args, (inputs.model, inputs.images, run)
    quickest = partial(run_quickest, *asked, partial(args.call, inputs.model, image=0), args.entry)
    if len(levels) > 1 and len(inputs.images) == 1:
        quickest = partial(run, inputs.images.clone())  # formats are tried out by more runs
    try:
        return quickest()
    except LostGraphError:
        needs_gradients.update(layers)
        rewind(inputs.model)
    count("forward", len(inputs.images))
    return quickest()


def _run_cut(
    inputs: Inputs,
    cuts: Sequence[tuple[Cut, Beginning]],
    blocks: IgnoredBlocks | None,
    images: Tensor,
) -> list[Recording]:
    """Run the model on `images`, a copy of its images that it may change in place.

    Raises:
        LostGraphError: if another run has to be made, in which gradients are on from the start.
    """
    output, adapter, hooks = None, cuts[0][0].adapter, list[Any]()
    with torch.set_grad_enabled(blocks is not None), blocks or nullcontext(), looked_at():
        try:
            hooks.extend(hook_on(cut.adapter.layer, cut) for cut, _ in cuts)
            given = images.requires_grad_().clone() if blocks else images
            output = read_output(adapter, inputs.forward_args.call(inputs.model, given))
            graph = any(tensor.requires_grad for tensor in tensors_in(output))
            lost = not torch.is_grad_enabled() or not graph
        except RuntimeError as error:
            if blocks or not asks_for_gradients(error):
                raise
            raise LostGraphError from error
        finally:
            for hook in hooks:
                hook.remove()
            for cut, beginning in cuts:
                cut.stop()
                if beginning.tape:
                    beginning.tape.stop(output)
    if lost and not blocks:
        raise LostGraphError
    for cut, _ in cuts:
        cut.check(inputs.model)
    if blocks:
        raws = [beginning.leaf for _, beginning in cuts]
        output = map_tensors(partial(only_from, raws), output)
    of_call, companions = (inputs.model, inputs.images), inputs.forward_args
    levels = [
        Recording(*of_call, cut.adapter, cut.layer, output, start.leaf, start.tape, companions)
        for cut, start in cuts
    ]
    if len(levels) == 1:
        return levels
    return [replace(own, held=tuple(each for each in levels if each is not own)) for own in levels]
