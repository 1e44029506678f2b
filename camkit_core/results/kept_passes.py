"""Forward passes that are kept: asked about one image again and again, the model runs once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain

import torch
from torch import nn

from ..forward.recording import Recording, record_levels
from ..forward.untouched import version
from ..inputs.prepare import Inputs
from ..target_layer.choose import TargetLayer


class KeptPasses:
    """The forward passes of one batch of images, one for each choice of layers.

    A pass is made again where the images, the model or one of its weights are others than before.
    Each holds the activations of all that follows its layer.
    """

    def __init__(self) -> None:
        self._passes: dict[Hashable, tuple[Hashable, list[Recording]]] = {}

    def recorded(self, inputs: Inputs, layers: Sequence[TargetLayer]) -> list[Recording]:
        """The pass of these inputs, cut at each of `layers`, with what runs after them noted."""
        levels = [(each.adapter, each.name) for each in layers]
        if inputs.forward_args.args or inputs.forward_args.kwargs:
            return record_levels(inputs, levels, True)
        names = tuple((each.name, id(each.adapter.layer)) for each in layers)
        key = inputs.forward_args.identity, names
        weights = _weights(inputs.model)
        before, recordings = self._passes.get(key, (None, []))
        if before == weights and _same_images(recordings[0], inputs):
            return recordings
        made = record_levels(inputs, levels, True)
        if not recordings or before != weights:  # else they are a view of the images
            self._passes[key] = weights, made
        return made


passes_kept: ContextVar[KeptPasses | None] = ContextVar("passes_kept", default=None)


@contextmanager
def keeping(passes: KeptPasses) -> Iterator[None]:
    """Inside, this thread takes the passes that are kept, and keeps those it makes."""
    token = passes_kept.set(passes)
    try:
        yield
    finally:
        passes_kept.reset(token)


def _weights(model: nn.Module) -> Hashable:
    tensors = chain(model.parameters(), model.buffers())
    return id(model), tuple((id(each), version(each)) for each in tensors)


def _same_images(recording: Recording, inputs: Inputs) -> bool:
    before, now = recording.images, inputs.images
    return before.shape == now.shape and before.dtype == now.dtype and torch.equal(before, now)
