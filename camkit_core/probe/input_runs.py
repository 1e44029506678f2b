"""Full runs of a model on many images, in the layout that is quickest, or less exact on request."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..errors import CamkitError
from ..forward.memory_format import run_quickest
from ..forward.recording import Recording
from ..pytree import first_tensor

WAYS = ("bfloat16", "compile")
_compiled: WeakKeyDictionary[nn.Module, tuple[int, Any]] = WeakKeyDictionary()


class InputRunner:
    """A model to be run many times, on versions of one image, without a graph.

    Args:
        recording: of the model and its images.
        image: of which image the rows are versions.
        fast: "bfloat16" for autocast, "compile" for `torch.compile` with the norms folded into
            the convolutions; both, as a sequence or separated by commas; none for exact runs.

    Attributes:
        notes: the ways taken, and by how much the first chunk's outputs differed.

    Raises:
        CamkitError: for another way, naming those there are.
    """

    def __init__(self, recording: Recording, image: int, fast: str | Sequence[str] = ()) -> None:
        asked = fast.split(",") if isinstance(fast, str) else fast
        self.ways = [way.strip() for way in asked if way.strip()]
        for way in self.ways:
            if way not in WAYS:
                raise CamkitError(f"expected fast= of {', '.join(WAYS)}; got {way!r}")
        self.recording = recording
        self.image = image
        self.notes: list[str] = []

    def __call__(self, rows: Tensor) -> Any:
        """The model's output for images (M, C, H, W)."""
        return run_quickest(self.recording.model, rows, self._run)

    def _run(self, rows: Tensor) -> Any:
        if not self.ways:
            return self._exact(rows)
        output = self._fast(rows)
        if not self.notes:
            self._measure(output, self._exact(rows))
        return output

    def _exact(self, rows: Tensor) -> Any:
        return self.recording.run(rows, self.image)

    def _fast(self, rows: Tensor) -> Any:
        model = self.recording.model
        with self._precision(rows.device.type):
            return self.recording.run(
                rows, self.image, compiled(model) if "compile" in self.ways else model
            )

    def _precision(self, device: str) -> AbstractContextManager[Any]:
        if "bfloat16" in self.ways:
            return torch.autocast(device, torch.bfloat16)
        return nullcontext()

    def _measure(self, fast: Any, exact: Any) -> None:
        ours, theirs = first_tensor(fast), first_tensor(exact)
        if ours is None or theirs is None:
            return
        error = float((ours.float() - theirs.float()).abs().max())
        spread = float(theirs.float().max() - theirs.float().min())
        self.notes.append(
            f"fast runs ({', '.join(self.ways)}): on the first {len(ours)} of them the outputs "
            f"differ by at most {error:.2g}, where they spread over {spread:.2g}"
        )


def compiled(model: nn.Module) -> Any:
    """`model` compiled, its norms folded; kept until its weights change."""
    state = hash(tuple((p.data_ptr(), p._version) for p in model.parameters()))
    if _compiled.get(model, (None, None))[0] != state:
        # A function, not the model: compiling that would mark it, and keep it alive here for ever.
        # `freezing` folds what is constant in evaluation mode into a copy of the weights.
        whole = weakref.ref(model)
        _compiled[model] = (
            state,
            torch.compile(
                lambda *args, **kwargs: whole()(*args, **kwargs),  # type: ignore[misc]
                options={"freezing": True},
            ),
        )
    return _compiled[model][1]
