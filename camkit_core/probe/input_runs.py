"""Full runs of a model on versions of an image: exact, or faster and less exact on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..errors import ArgumentError
from ..forward.compiled.passes import rows_run
from ..forward.eager import compiling
from ..forward.memory_format import run_quickest
from ..forward.recording import Recording
from ..pytree import first_tensor, joined, row_of
from .compiled import compiled
from .touching import rows_touch

FAST_MODES = ("bfloat16", "compile")


class InputRunner:
    """A model to be run many times, on versions of one image, without a graph.

    Args:
        recording: of the model and its images.
        image: of which image the rows are versions.
        fast: "bfloat16" for autocast, "compile" for `torch.compile` with the norms folded into
            the convolutions; both, as a sequence or separated by commas; none for exact runs.
        touching: whether the images touch each other, so that each version has to run among them.

    Attributes:
        notes: the fast modes, and by how much the first chunk's outputs differed.

    Raises:
        ArgumentError: for another mode, naming those there are.
    """

    def __init__(
        self,
        recording: Recording,
        image: int,
        fast: str | Sequence[str] = (),
        touching: bool = False,
    ) -> None:
        names = fast.split(",") if isinstance(fast, str) else fast
        self.modes = [name.strip() for name in names if name.strip()]
        for mode in self.modes:
            if mode not in FAST_MODES:
                raise ArgumentError(f"expected fast= of {', '.join(FAST_MODES)}; got {mode!r}")
        self.recording = recording
        self.image = image
        self.touching = touching
        self.notes: list[str] = []

    def __call__(self, rows: Tensor) -> Any:
        """The model's output for images (M, C, H, W)."""
        entry = self.recording.companions.entry
        return run_quickest(self.recording.model, rows, self._run, self._output, entry)

    def _output(self, row: Tensor) -> Any:
        return self.recording.companions.call(self.recording.model, row, self.image)

    def _run(self, rows: Tensor) -> Any:
        if not self.modes:
            return self._exact(rows)
        output = self._fast(rows)
        if not self.notes:
            self._measure(output, self._exact(rows))
        return output

    def _exact(self, rows: Tensor) -> Any:
        return self._outputs(rows)

    def _outputs(self, rows: Tensor, model: Callable[..., Any] | None = None) -> Any:
        """The outputs for the rows; of one after the other where they would touch each other."""
        if self.touching:
            return joined([self._among_the_others(row, model) for row in rows])
        if len(rows) > 1 and self._rows_touch:
            return joined([self.recording.run(row[None], self.image, model) for row in rows])
        output = rows_run(self.recording, rows) if model is None else None
        return self.recording.run(rows, self.image, model) if output is None else output

    def _among_the_others(self, row: Tensor, model: Callable[..., Any] | None) -> Any:
        images = self.recording.images.clone()
        images[self.image] = row
        return row_of(self.recording.run(images, None, model), self.image, len(images))

    @cached_property
    def _rows_touch(self) -> bool:
        return rows_touch(self.recording)

    def _fast(self, rows: Tensor) -> Any:
        compiles = "compile" in self.modes
        runnable = self._compiled if compiles else self.recording.model
        with self._precision(rows.device.type), compiling() if compiles else nullcontext():
            return self._outputs(rows, runnable)

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        return compiled(self.recording.model, self.recording.companions.entry)

    def _precision(self, device: str) -> AbstractContextManager[Any]:
        if "bfloat16" in self.modes:
            return torch.autocast(device, torch.bfloat16)
        return nullcontext()

    def _measure(self, fast_output: Any, exact_output: Any) -> None:
        """Note by how much the outputs of fast and exact runs differ."""
        fast, exact = first_tensor(fast_output), first_tensor(exact_output)
        if fast is None or exact is None:
            return
        error = float((fast.float() - exact.float()).abs().max())
        spread = float(exact.float().max() - exact.float().min())
        self.notes.append(
            f"fast runs ({', '.join(self.modes)}): on the first {len(fast)} of them the outputs "
            f"differ by at most {error:.2g}, where they spread over {spread:.2g}"
        )
