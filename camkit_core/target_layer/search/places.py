"""The second pass: versions of the image with one half disturbed, and how the candidates move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ...forward.counting import count
from ...forward.untouched import hooked
from ...inputs.prepare import Inputs
from ...pytree import first_tensor, leaf, leaves
from ..hints import Hints
from ..shapes import layouts_of
from .candidates import Candidate
from .disturbance import FEWEST, PLACES, alike, disturbed, movement, right_pairs
from .scan import Scan

Moved = dict[str, Tensor]
STATED, PADDED = 0.02, 0.002  # a grid that the model states counts more; other tokens count less


@dataclass(frozen=True)
class Disturbed:
    """What the disturbance says beside the places of each candidate.

    Attributes:
        output_is_map: whether an output that the score reads is a map over the image.
    """

    output_is_map: bool


def disturb(
    inputs: Inputs, scanned: Scan, candidates: Sequence[Candidate], hints: Hints
) -> Disturbed:
    """Give each candidate its best layout and its share of pairs of positions in order.

    Low halves are disturbed first. High halves are as well, if these leave the last candidate
    open: their contrast cancels how lively a place is.
    """
    tested = [candidate for candidate in candidates if not candidate.certified]
    moved = _moved(inputs, scanned, tested, low=True)
    _judge(candidates, moved, {}, hints)
    opposite: dict[object, Moved] = {}
    if any(_is_open(candidate, hints) for candidate in candidates[-1:]):
        opposite = _moved(inputs, scanned, tested, low=False)
        _judge(candidates, moved, opposite, hints)
    return Disturbed(_output_is_map(scanned, moved, opposite))


def _is_open(candidate: Candidate, hints: Hints) -> bool:
    """Whether a disturbance of the other halves may tell more."""
    decided = candidate.certified or (candidate.places or 0) >= PLACES
    return not decided and not (candidate.alike and hints.states(candidate.layout))


def _judge(
    candidates: Sequence[Candidate],
    moved: dict[object, Moved],
    opposite: dict[object, Moved],
    hints: Hints,
) -> None:
    for candidate in candidates:
        if candidate.certified:
            candidate.places = 1.0
            continue
        candidate.places = 0.0
        if candidate in moved:
            _take_best(candidate, moved[candidate], opposite.get(candidate), hints)


def _take_best(candidate: Candidate, moved: Moved, opposite: Moved | None, hints: Hints) -> None:
    shares = [right_pairs(moved, layout, opposite) for layout in candidate.layouts]
    ranks = [
        share + STATED * hints.states(layout) - PADDED * bool(layout.prefix or layout.suffix)
        for share, layout in zip(shares, candidate.layouts, strict=True)
    ]
    best = max(range(len(ranks)), key=lambda index: (ranks[index], -index))
    candidate.places = shares[best]
    candidate.moved, candidate.alike = float(moved["relative"]), alike(moved)
    candidate.take(candidate.layouts[best])


def _moved(
    inputs: Inputs, scanned: Scan, candidates: Sequence[Candidate], low: bool
) -> dict[object, Moved]:
    """The movement of each candidate, and by "output", path that of each output."""
    image = scanned.image
    versions = disturbed(image, low)
    try:
        if len(scanned.batch):
            raise ValueError("the model takes no single image")
        return _run(inputs, candidates, torch.cat([image, versions]), scanned)
    except Exception:  # noqa: BLE001 - whatever a model raises that takes one image at a time
        plain = _run(inputs, candidates, image, scanned, whole=True)
        rows = [_run(inputs, candidates, row[None], scanned, whole=True) for row in versions]
        return {
            key: movement(value["value"], torch.cat([row[key]["value"] for row in rows]))
            for key, value in plain.items()
            if all(key in row and row[key]["value"].shape == value["value"].shape for row in rows)
        }


def _run(
    inputs: Inputs,
    candidates: Sequence[Candidate],
    rows: Tensor,
    scanned: Scan,
    whole: bool = False,
) -> dict[object, Moved]:
    """One pass of the rows, the first of which is the plain image; whole values if asked for.

    Whole values are those of a single row, beside the other images if the model needs them.
    """
    rows, row, image = _beside(rows, scanned)
    notes = _Movements(candidates, len(rows), whole, row)
    count("search", len(rows))
    names = dict.fromkeys(candidate.name.module for candidate in candidates)
    with torch.no_grad(), ExitStack() as stack:
        for name in names:
            module = inputs.model.get_submodule(name)
            stack.enter_context(hooked(module, partial(notes.take, name)))
        output = inputs.forward_args.call(inputs.model, rows.clone(), image=image)
    for path, tensor in leaves(output):
        if tensor.ndim > 2 and path in scanned.answers:
            for reading, each in enumerate(_as_maps(tensor, rows.ndim)):
                notes.note(("output", path, reading), each)
    if not whole:
        _refuse_mixing(output, scanned)
    return notes.moved


def _beside(rows: Tensor, scanned: Scan) -> tuple[Tensor, int, int | None]:
    """The rows of a pass, which of them is the first of `rows`, and the image they are made of."""
    if not len(scanned.batch):
        return rows, 0, scanned.index
    batch = scanned.batch.clone()
    batch[scanned.index] = rows[0]
    return batch, scanned.index, None


def _refuse_mixing(output: Any, scanned: Scan) -> None:
    """Raise ValueError where the plain row's output is another than alone: the rows mix."""
    alone = dict(leaves(scanned.output))
    for path, tensor in leaves(output):
        before = alone.get(path)
        if before is None or not tensor.ndim or tensor.shape[1:] != before.shape[1:]:
            continue
        size = float(before.detach().abs().max()) if before.numel() else 0.0
        if len(before) == 1 and not torch.allclose(
            tensor[:1].float(), before.detach().float(), rtol=1e-2, atol=1e-3 * size + 1e-6
        ):
            raise ValueError("the rows mix")


class _Movements:
    """What hooks note: how far each candidate moved from its value in the first row."""

    def __init__(
        self, candidates: Sequence[Candidate], rows: int, whole: bool, row: int = 0
    ) -> None:
        self.rows, self.whole, self.row = rows, whole, row
        self.moved: dict[object, Moved] = {}
        self._calls: Counter[str] = Counter()
        self._wanted = {(c.name.module, c.name.call or 0, c.name.key): c for c in candidates}

    def take(self, name: str, module: nn.Module, args: Any, output: Any) -> None:
        call = self._calls[name]
        self._calls[name] += 1
        first = first_tensor(output)
        for path, tensor in leaves(output):
            key = () if tensor is first else path
            candidate = self._wanted.get((name, call, key))
            if candidate is not None and tensor.shape[1:] == candidate.shape[1:]:
                turned = any(layout.channels_first for layout in candidate.layouts)
                self.note(candidate, tensor, turned)

    def note(self, key: object, tensor: Tensor, first: bool = True) -> None:
        if len(tensor) != self.rows:
            return
        if self.whole:
            self.moved[key] = {"value": tensor[self.row : self.row + 1].detach().clone()}
        else:
            self.moved[key] = movement(tensor[:1].detach(), tensor[1:].detach(), first)


def _as_maps(output: Tensor, axes: int) -> list[Tensor]:
    """An output as maps or tokens, in each way in which it may be read.

    Several masks for each of several prompts are masks in a row, (N, K, *size). What has an axis
    less than maps may be tokens, or maps (N, *size).
    """
    if output.ndim > axes:
        return [output.flatten(1, output.ndim - axes + 1)]
    return [output, output.unsqueeze(1)] if output.ndim == axes - 1 else [output]


def _output_is_map(
    scanned: Scan, moved: dict[object, Moved], opposite: dict[object, Moved]
) -> bool:
    """Whether an output that the score reads has places of the image as positions."""
    size = tuple(scanned.image.shape[2:])
    grids = tuple({candidate.layout.grid for candidate in scanned.candidates})
    for path in scanned.answers:
        tensor = leaf(scanned.output, path)
        readings = [] if tensor is None else _as_maps(tensor, scanned.image.ndim)
        for reading, each in enumerate(readings):
            key = ("output", path, reading)
            for layout in (
                layouts_of(tuple(each.shape), size, earlier=grids) if key in moved else ()
            ):
                share = right_pairs(moved[key], layout, opposite.get(key))
                if layout.positions >= FEWEST and share >= PLACES:
                    return True
    return False
