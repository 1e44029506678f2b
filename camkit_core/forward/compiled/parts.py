"""The passes of one shape of images: a compiled trunk, and the tail that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...inputs.prepare import Inputs
from ...inputs.seen import will_run
from ..counting import count
from ..cut import Level
from ..needed.recorded import recorded
from ..needed.short_pass import ShortPass
from ..recording import Recording
from ..tape import Tape
from .class_row import before_classes
from .cuda_graph import graphed
from .exporting import exported
from .folding import Run, folded
from .options import Options
from .state import State, state_of
from .tail import Tail


@dataclass(frozen=True, eq=False)
class CompiledRecording(Recording):
    """A recording whose pass ran compiled up to the layer.

    Attributes:
        passes: what makes such passes of the same model; see `passes.CompiledPasses`.
    """

    passes: Any = None

    def _recorded(self, inputs: Inputs, taped: bool) -> Recording:
        level = self.adapter, self.layer
        recordings: list[Recording] = self.passes.recorded(inputs, [level], taped)
        return recordings[0]

    def _backward_begins(self, scores: Tensor) -> tuple[Any, Tensor | None]:
        return before_classes(scores) or super()._backward_begins(scores)


@dataclass(frozen=True)
class Parts:
    """A model for images of one shape, in two parts.

    Attributes:
        trunk: compiled.
        tail: run eagerly, so that any target can be asked for, and any edit made.
        state: the model that both were made of.
        memory_format: of the images that the trunk takes.
        torchs: whether all calls are torch's own; a user's operator may do anything.
        without_graph: why the trunk is no CUDA graph, where one was asked for.
    """

    trunk: Run
    tail: Tail
    state: State
    memory_format: torch.memory_format
    torchs: bool
    without_graph: str = ""

    def recording(self, passes: Any, inputs: Inputs, level: Level, taped: bool) -> Recording:
        """A recording of images of this shape; behind a class token, of its row alone."""
        if not self.torchs:
            will_run()
        count("forward", len(inputs.images))
        run = partial(self._recorded, passes, inputs, level)
        made: Recording = recorded(run, inputs, level, inputs.images, taped)
        return made

    def _recorded(
        self, passes: Any, inputs: Inputs, level: Level, tape: Tape | None, images: Tensor
    ) -> Recording:
        first, *before = self._begun(images)
        raw = first.detach().requires_grad_()
        with torch.enable_grad():
            if isinstance(tape, ShortPass):
                output = self.tail.run_short(tape.plan, raw, before)
                tape.kept = True
            else:
                output = self.tail.run(raw, before, tape)
        given = inputs.model, inputs.images, *level, output, raw, tape, inputs.forward_args
        return CompiledRecording(*given, passes=passes)

    def output(self, rows: Tensor) -> Any:
        """The model's output for images of this shape, without a graph."""
        count("forward", len(rows))
        raw, *before = self._begun(rows)
        with torch.no_grad():
            return self.tail.run(raw, before, None)

    def _begun(self, images: Tensor) -> Any:
        if images.ndim == 4:
            images = images.contiguous(memory_format=self.memory_format)
        return self.trunk(images)


def parts_of(inputs: Inputs, level: Level, options: Options) -> Parts:
    """The parts of the model for images like these.

    Raises:
        CannotCompile: if it cannot be taken apart, or the compiler fails.
    """
    model = exported(inputs, level)
    images = inputs.images
    if images.ndim == 4:
        images = images.contiguous(memory_format=options.memory_format)
    trunk, why = folded(model.trunk, model.dtypes, images, options), ""
    if options.cuda_graph:
        trunk, why = graphed(trunk, model.trunk, images)
    state = state_of(inputs.model, model.reads)
    return Parts(trunk, model.tail, state, options.memory_format, model.torchs, why)
