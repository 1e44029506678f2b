"""What a method is given is its own; what it cannot be given a copy of is watched.

torch has no tensors that can only be read. So each method gets copies: it may edit them, as tensors
or as numpy arrays, now or later, and no other method sees it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..errors import PluginError
from ..forward.recording import Recording
from ..pytree import own_copy, tensors_in
from .tail.full_runs import flat

SAME = 50  # epsilons between two runs of one model


class Watch:
    """Notices what a method changes although others read it.

    That is what it reaches through `probe.recording`, which is compared with copies, and the
    model's parameters, whose writes torch counts.

    Args:
        recording: whose model's parameters are watched.
        parameters: these parameters.
    """

    def __init__(self, recording: Recording, parameters: list[Tensor]) -> None:
        self._recording = recording
        self._parameters = parameters
        self._versions = [tensor._version for tensor in parameters]
        self._watched: list[tuple[str, Tensor, Tensor]] = []

    def add(self, recording: Recording) -> None:
        """Watch the tensors of a recording, from now on."""
        for name, tensor in _tensors_of(recording):
            self._watched.append((name, tensor.detach(), own_copy(tensor.detach())))

    def check(self, culprit: str) -> None:
        """Put the recordings back as they were.

        Raises:
            PluginError: if `culprit` has changed a recording, or the model.
        """
        changed = [watched for watched in self._watched if not _same_bits(*watched[1:])]
        with torch.no_grad():
            for _, tensor, copied in changed:
                tensor.copy_(copied)
        if changed:
            raise PluginError(
                f"{culprit} changed {changed[0][0]}, which other methods read; it may edit "
                f"probe.activations and the like, which are its own, or a copy, .clone()"
            )
        if [tensor._version for tensor in self._parameters] != self._versions:
            self._check_model(culprit)

    def _check_model(self, culprit: str) -> None:
        """Raise PluginError unless the model gives what it gave: it may have been put back."""
        recorded = flat(self._recording.output).detach()
        again = flat(self._recording.run(self._recording.images.clone())).detach()
        allowed = SAME * torch.finfo(recorded.dtype).eps * float(recorded.abs().max())
        if recorded.shape != again.shape or float((recorded - again).abs().max()) > allowed:
            raise PluginError(
                f"{culprit} changed the model's parameter {self._first_written()!r}, and with it "
                f"what the model answers; load the model again, and let the method edit a copy of "
                f"it, copy.deepcopy(model)"
            )

    def _first_written(self) -> str:
        pairs = zip(self._parameters, self._versions, strict=True)
        written = next(tensor for tensor, version in pairs if tensor._version != version)
        named = self._recording.model.named_parameters()
        return next((name for name, tensor in named if tensor is written), "")


def _tensors_of(recording: Recording) -> Iterator[tuple[str, Tensor]]:
    yield "probe.recording.raw", recording.raw
    yield "probe.recording.images", recording.images
    for tensor in tensors_in(recording.output):
        yield "probe.recording.output", tensor


def _same_bits(tensor: Tensor, copied: Tensor) -> bool:
    """Whether two tensors are equal; two that are not a number are, at the same place."""
    if torch.equal(tensor, copied):
        return True
    both = torch.isnan(tensor) & torch.isnan(copied)
    return tensor.shape == copied.shape and bool(((tensor == copied) | both).all())
