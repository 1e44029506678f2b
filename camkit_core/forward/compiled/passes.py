"""The compiled passes of one explainer, made anew where the model has changed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...inputs.in_use import in_use
from ...inputs.prepare import Inputs
from ...inputs.seen import no_more, seen, share, will_run
from ..cut import Level
from ..needed.recorded import hooked_by_others
from ..recording import Recording, record_levels
from .cannot import CannotCompile, autocast, hooks, more_inputs, other_shape, several_levels
from .in_force import note_reason
from .options import Options
from .parts import CompiledRecording, Parts, parts_of
from .state import State, state_of

_COMPILER = nn.Module()  # in use like a model, by one thread at a time


class CompiledPasses:
    """Makes passes by compiled code where it can, and eager ones elsewhere.

    Args:
        options: how it is compiled.

    Attributes:
        open: whether images of a new shape are compiled for.
        fresh: whether the code is new, so that nobody has yet compared what it gives.
        without_graph: why the newest code is no CUDA graph, where one was asked for.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.open, self.fresh, self.without_graph = True, False, ""
        self._shapes: dict[Hashable, torch.Size] = {}  # that code was asked for
        self._made: dict[Hashable, Parts | Refused] = {}

    def recorded(self, inputs: Inputs, levels: Sequence[Level], taped: bool) -> list[Recording]:
        """As `forward.recording.record_levels`."""
        try:
            return [self._parts(inputs, levels).recording(self, inputs, levels[0], taped)]
        except CannotCompile as reason:
            note_reason(str(reason))
        return record_levels(inputs, levels, taped)

    def output(self, recording: Recording, rows: Tensor) -> Any:
        """The model's output for rows (M, C, H, W), without a graph.

        Raises:
            CannotCompile: if there is no code for so many rows.
        """
        inputs = replace(recording.inputs, images=rows)
        return self._parts(inputs, [(recording.adapter, recording.layer)]).output(rows)

    def refuse(self, reason: CannotCompile) -> None:
        """Make eager passes from now on, until the model changes."""
        self._made = {key: Refused(reason, found.state) for key, found in self._made.items()}

    def _parts(self, inputs: Inputs, levels: Sequence[Level]) -> Parts:
        key = _key(inputs, levels[0])
        if self.open:
            self._shapes[key] = inputs.images.shape
        args = inputs.forward_args
        if len(levels) > 1:
            raise several_levels()
        if args.args or args.kwargs or args.write:
            raise more_inputs()
        if hooked_by_others(inputs.model):
            raise hooks()
        if torch._C._is_any_autocast_enabled():
            raise autocast()
        if key not in self._shapes:
            raise other_shape(inputs.images.shape, list(self._shapes.values()))
        found = self._made.get(key)
        if found is None or not found.state.holds():
            found = self._made[key] = self._new(inputs, levels[0])
        if isinstance(found, Refused):
            raise found.reason
        return found

    def _new(self, inputs: Inputs, level: Level) -> Parts | Refused:
        self.fresh = True
        will_run()
        try:
            with _alone(inputs.model):
                made = parts_of(inputs, level, self.options)
        except CannotCompile as reason:
            return Refused(reason, state_of(inputs.model, ()))
        self.without_graph = made.without_graph
        return made


@contextmanager
def _alone(model: nn.Module) -> Iterator[None]:
    """Inside, no other thread compiles: while torch follows a model, its settings are for all."""
    look = seen(model)
    with in_use(_COMPILER):
        token = share(look) if look else None
        try:
            yield
        finally:
            if token:
                no_more(token)


@dataclass(frozen=True)
class Refused:
    """A model that cannot be compiled, as it is.

    Attributes:
        reason: why not.
        state: the model.
    """

    reason: CannotCompile
    state: State


def _key(inputs: Inputs, level: Level) -> Hashable:
    images, (adapter, name) = inputs.images, level
    place = name, adapter.call, adapter.key, adapter.after
    return images.shape, images.dtype, images.device, place, inputs.forward_args.identity


def rows_run(recording: Recording, rows: Tensor) -> Any:
    """The output for versions of an image, by compiled code where there is some; else None."""
    if not isinstance(recording, CompiledRecording) or torch.is_grad_enabled():
        return None
    try:
        return recording.passes.output(recording, rows)
    except CannotCompile:
        return None
