"""One forward and backward pass of one image, with a hook at each layer and a tape."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...errors import TargetError
from ...forward.chunks import out_of_memory
from ...forward.counting import count
from ...forward.grad_blocks import IgnoredBlocks, LostGraphError
from ...forward.untouched import hooked, observable
from ...inputs.prepare import Inputs
from ...inputs.targets.classification import class_logits, found_logits
from ...pytree import leaves, row_of, tensors_in
from ..hints import Hints
from ..layout import Layout
from .candidates import Candidate
from .certificate import certified, is_grid
from .extents import extents, over_image
from .flow import Flow
from .gradients import give_gradients
from .moved import Places
from .notes import LayerNotes
from .resampled import SCATTERED, TORN, choosing_calls, reasons

_OF_ONE_IMAGE = (RuntimeError, ValueError, AssertionError, IndexError)  # a refusal of one image
Scores = Callable[[Any], list[Tensor] | None]  # from the output for one image to scalars


@dataclass(frozen=True, eq=False)
class Scan:
    """What one pass of one image tells.

    Attributes:
        image: (1, C, *size), the first whose values are all finite.
        index: which of the images that is.
        batch: all images (N, C, *size), where the model takes no single one; else none.
        candidates: in the order in which the layers end.
        shapes: of the first floating-point tensor of each layer, for the last of its calls.
        flow: the tape, stopped.
        output: what the model returned, detached.
        returned: the slots of the output's tensors.
        ends: those of them that a score reads.
        answers: the paths of the output's tensors of three axes and more that a score reads.
        unseen: whether a score reads an output that the tape does not tie to the image, as after a
            call that torch does not show.
        certified: the layout of each slot whose calls say how it lies over the image.
        chosen: the calls that take values from places that the model chooses, each with the slot
            that it takes from; by their positions on the tape.
        astray: the slots whose positions are no places of the image in any order, and why.
        classes: the number of classes; None if the model gives no class scores.
    """

    image: Tensor
    index: int
    batch: Tensor
    candidates: list[Candidate]
    shapes: dict[str, tuple[int, ...]]
    flow: Flow
    output: Any
    returned: frozenset[int]
    ends: frozenset[int]
    answers: dict[tuple[Any, ...], int | None]
    unseen: bool
    certified: dict[int, Layout]
    chosen: dict[int, int]
    astray: dict[int, str]
    classes: int | None


def scan(inputs: Inputs, hints: Hints, scores: Scores | None = None) -> Scan:
    """Run the model on the first image; on all, where it takes no single one.

    Where memory allows no graph, for the shapes alone.

    Args:
        inputs: the caller leaves their model `untouched`.
        hints: what the model states about its grids.
        scores: from the output for one image to the asked scores; None for the top class's, or for
            the squares of all outputs of a model without classes.

    Raises:
        RuntimeError: what the model raises, if it is not about memory.
    """
    try:
        return _scan_either_way(inputs, False, hints, scores)
    except _OF_ONE_IMAGE as error:
        single = len(inputs.images) == 1
        if single or (isinstance(error, RuntimeError) and out_of_memory(error)):
            raise
        try:
            return _scan_either_way(inputs, True, hints, scores)
        except Exception:  # noqa: BLE001 - the error for the single image is the one to tell
            pass
        raise


def _scan_either_way(inputs: Inputs, whole: bool, hints: Hints, scores: Scores | None) -> Scan:
    blocks: IgnoredBlocks | None = None
    try:
        return _scan(inputs, whole, hints, scores, graph=True)
    except LostGraphError:
        blocks = IgnoredBlocks(graph=True)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
    # After the error is forgotten, and with it the memory that its frames hold.
    return _scan(inputs, whole, hints, scores, graph=blocks is not None, blocks=blocks)


def _scan(
    inputs: Inputs,
    whole: bool,
    hints: Hints,
    scores: Scores | None,
    graph: bool,
    blocks: IgnoredBlocks | None = None,
) -> Scan:
    flow = Flow(len(inputs.images) if whole else 1)
    further = inputs.forward_args.args, dict(inputs.forward_args.kwargs)
    notes = LayerNotes(
        hints,
        flow,
        graph,
        alone=next(tensors_in(further), None) is None,
        through=blocks is not None,
    )
    index = _first_finite(inputs.images)
    image = inputs.images[index : index + 1].detach()
    images = (inputs.images if whole else image).detach().clone().requires_grad_(graph)
    count("search", len(images))
    with torch.set_grad_enabled(graph), ExitStack() as stack:
        for name, module in inputs.model.named_modules():
            if name and observable(module):
                stack.enter_context(hooked(module, partial(notes.take, name)))
        if blocks:
            stack.enter_context(blocks)
        given = images.clone()
        flow.start(given)
        stack.callback(flow.stop)
        output = inputs.forward_args.call(inputs.model, given, image=None if whole else index)
        outputs = {path: (tensor, flow.slot_of(tensor)) for path, tensor in leaves(output)}
        flow.stop(output)
    with torch.set_grad_enabled(graph):
        output = row_of(output, index, len(images)) if whole else output
        values = _values(output, scores)
    candidates = notes.named()
    gradients = give_gradients(values, notes, candidates, [t for t, _ in outputs.values()], graph)
    read = {
        path: slot
        for (path, (_, slot)), gradient in zip(outputs.items(), gradients, strict=True)
        if gradient is not None and (gradient.is_meta or bool(gradient.any()))
    }
    ends = frozenset(slot for slot in read.values() if slot is not None)
    for candidate in candidates if whole else ():
        candidate.gradient = row_of(candidate.gradient, index, len(images))
    chosen = choosing_calls(flow, inputs, image, index)
    moved: Places = {}
    layouts, torn = certify(candidates, flow, images.ndim - 2, chosen, moved)
    lost = dict.fromkeys(moved if images.ndim > 3 else (), SCATTERED) | dict.fromkeys(torn, TORN)
    return Scan(
        image,
        index,
        images.detach()[: len(images) if whole else 0],
        candidates,
        notes.shapes,
        flow,
        output,
        frozenset(slot for _, slot in outputs.values() if slot is not None),
        ends,
        {path: slot for path, slot in read.items() if outputs[path][0].ndim > 2},
        bool(read) and not ends,
        layouts,
        chosen,
        reasons(flow, chosen, lost, layouts),
        _classes(found_logits(output), candidates),
    )


def _first_finite(images: Tensor) -> int:
    """The position of the first image whose values are all finite; 0 if there is none."""
    if images.is_meta:
        return 0
    return int(images.isfinite().flatten(1).all(1).int().argmax())


def certify(
    candidates: list[Candidate],
    flow: Flow,
    rank: int,
    chosen: Container[int] = (),
    moved: Places | None = None,
) -> tuple[dict[int, Layout], frozenset[int]]:
    """Take the certified layouts, and measure the reach.

    Returns:
        These layouts by their slots; and the slots in which parts of the image that lie apart were
        laid together.
    """
    size, found = flow.shapes[0][2:], certified(flow, rank, chosen, moved)
    beyond, torn = extents(flow, found)
    layouts = {
        slot: over_image(each, beyond[slot], size) if slot in beyond else each
        for slot, each in found.items()
        if is_grid(each) and slot not in torn
    }
    for candidate in candidates:
        if candidate.slot in layouts:
            candidate.layouts, candidate.certified = (layouts[candidate.slot],), True
        candidate.measure()
    # The image's size says nothing of maps that are wider or higher; the calls that made them do.
    candidates[:] = [each for each in candidates if not each.loose or each.certified]
    return layouts, torn


def _values(output: Any, scores: Scores | None) -> list[Tensor]:
    """The scores of which gradients are taken."""
    asked = scores(output) if scores else None
    if asked is not None:
        return asked
    try:
        return [class_logits(output).amax()]
    except TargetError:
        pass
    floating = [t for t in tensors_in(output) if t.is_floating_point() and t.requires_grad]
    squares = [(tensor.float() ** 2).sum() for tensor in floating]
    return [torch.stack(squares).sum()] if squares else []


def _classes(logits: Tensor | None, candidates: Sequence[Candidate]) -> int | None:
    """The number of classes; None if most layers have as many channels, which says nothing."""
    if logits is None:
        return None
    channels = [candidate.channels for candidate in candidates]
    classes = int(logits.shape[1])
    return None if channels.count(classes) > len(channels) / 4 + 2 else classes
