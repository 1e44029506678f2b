"""Which of the model's other arguments go with the images row by row, where counts leave it open.

Three texts beside three images may be a text for each image, or three texts for all of them. Both
readings are tried: versions of one image must get the row that the image has in its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, combinations
from typing import Any, Literal

import torch
from torch import Tensor

from ..arguments import as_list, checked
from ..errors import InputError, InputTypeError, shown
from ..pytree import has_samples, tensors_in
from .forward_args import ForwardArgs, Name
from .model_memory import ModelMemory
from .prepare import Inputs

Compare = Callable[[Tensor, Tensor], bool]
CLOSE = 0.01  # of the largest value: how far rounding in another batch may go
_settled: ModelMemory[tuple[frozenset[Name], str]] = ModelMemory()  # by the inputs' shapes


def stated(inputs: Inputs, shared: Iterable[Name] | None) -> Inputs:
    """The inputs with what the caller says of their other arguments.

    Args:
        inputs: a model and all arguments of its call.
        shared: the names or positions of the arguments that are the same for each image; None
            where the caller says nothing.

    Raises:
        InputError: for a name or position that is no argument beside the images.
    """
    if shared is None:
        return inputs
    names = [shared] if isinstance(shared, (str, int)) else as_list(shared)
    if names is None:
        raise InputTypeError(
            f"expected shared_inputs as a list of names and positions; got {shown(shared)}"
        )
    names = [
        checked("camkit", "shared_inputs", name, int | str, (InputError, InputTypeError))
        for name in names
    ]
    others = inputs.forward_args.named()
    for name in names:
        if name not in others:
            known = ", ".join(map(repr, others)) or "none"
            raise InputError(
                f"shared_inputs names {shown(name)}, which is no input beside the images; those "
                f"are: {known}"
            )
    return replace(inputs, forward_args=replace(inputs.forward_args, shared=frozenset(names)))


def settled(inputs: Inputs) -> Inputs:
    """The inputs with each other argument known to go with the images, or to be shared by them.

    What the counts leave open is found by running the model, once for each model and shapes. To be
    called where the model is left `untouched`.
    """
    args = inputs.forward_args
    if args.shared is not None or not (names := args.with_rows()):
        return inputs
    known, key = _settled.of(inputs.model), _key(inputs)
    if key not in known:
        known[key] = _by_test(inputs, names)
    shared, note = known[key]
    notes = (*inputs.notes, note) if note else inputs.notes
    return replace(inputs, forward_args=replace(args, shared=shared), notes=notes)


def _key(inputs: Inputs) -> Any:
    shapes = [
        (name, type(value), tuple(tensor.shape for tensor in tensors_in(value)))
        for name, value in inputs.forward_args.named().items()
    ]
    args = inputs.forward_args
    return inputs.images.shape, args.place, args.entry, tuple(shapes)


def _by_test(inputs: Inputs, names: list[Name]) -> tuple[frozenset[Name], str]:
    """The shared arguments, and a note."""
    with torch.no_grad():
        batch = inputs.forward_args.call(inputs.model, inputs.images.clone())
        # Where rows touch each other, or chance plays a part, shapes have to do. Beside logits with
        # a row for each image, there may be tokens of all images in one row.
        readings = [
            (frozenset(shared), compare, part)
            for part in (_whole, _logits)
            for compare in (_close, _same_shape)
            for shared in _subsets(names)
            if part is _whole or part(batch) is not None
        ]
        fitting = (each[0] for each in readings if _fits(inputs, batch, *each))
        shared = next(fitting, None)
    if len(inputs.images) == 1:
        return shared or frozenset(), ""
    return shared or frozenset(), _note(names, shared)


def _note(names: list[Name], shared: frozenset[Name] | None) -> str:
    if shared is None:
        return (
            f"inputs {_listed(names)} have as many rows as there are images, and test runs could "
            f"not tell whether the rows belong to the images, as was assumed; say it by "
            f"shared_inputs=[], or name there the inputs that are the same for each image"
        )
    rows = [name for name in names if name not in shared]
    whole = sorted(shared, key=str)
    parts = [f"{_listed(rows)} row by row"] if rows else []
    parts += [f"{_listed(whole)} whole, the same for each image"] if whole else []
    return (
        f"as many rows as images: by test runs, the images go with {' and '.join(parts)}; "
        f"shared_inputs={whole} says so without a test"
    )


def _listed(names: Iterable[Name]) -> str:
    return ", ".join(map(repr, names))


def _subsets(names: list[Name]) -> Iterator[tuple[Name, ...]]:
    """None of the names, all of them, and what lies between; of many names, one or all but one."""
    count = len(names)
    between = range(1, count) if count <= 4 else (1, count - 1)
    sizes = dict.fromkeys([0, count, *between])
    return chain.from_iterable(combinations(names, size) for size in sizes)


def _whole(output: Any) -> Any:
    return output


def _logits(output: Any) -> Any:
    """The part of an output that is named so."""
    return output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)


def _fits(
    inputs: Inputs, batch: Any, shared: frozenset[Name], compare: Compare, part: Callable[..., Any]
) -> bool:
    """Whether versions of the first and of the last image get the rows of these in the batch."""
    args = replace(inputs.forward_args, shared=shared)
    ends = {0, len(inputs.images) - 1}
    return all(_row_is_right(inputs, args, image, batch, compare, part) for image in ends)


def _row_is_right(
    inputs: Inputs,
    args: ForwardArgs,
    image: int,
    batch: Any,
    compare: Compare,
    part: Callable[..., Any],
) -> bool:
    # Another number of rows than there are images, so that neither is taken for the other.
    count = 3 if len(inputs.images) == 2 else 2
    rows = inputs.images[image].expand(count, *inputs.images.shape[1:]).clone()
    try:
        output = args.call(inputs.model, rows, image)
    except Exception:  # noqa: BLE001 - whatever a model raises for rows that do not go together
        return False
    output, batch = part(output), part(batch)
    if has_samples(batch):
        listed = has_samples(output) and len(output) == count
        return listed and all(_same_samples(each, batch[image], compare) for each in output)
    tensors, expected = list(tensors_in(output)), list(tensors_in(batch))
    if len(tensors) != len(expected):
        return False
    kinds = [_kind(*pair, image, count, compare) for pair in zip(tensors, expected, strict=True)]
    return "row" in kinds and None not in kinds


def _same_samples(sample: Any, expected: Any, compare: Compare) -> bool:
    pairs = zip(tensors_in(sample), tensors_in(expected), strict=False)
    return all(compare(value, other) for value, other in pairs)


def _kind(
    output: Tensor, batch: Tensor, image: int, count: int, compare: Compare
) -> Literal["row", "whole"] | None:
    """How a tensor of the output for versions of one image fits that of the batch; None if not.

    "row" if it has the image's row for each version, maybe on the second axis, as scores of texts
    by images; "whole" for a tensor without the images.
    """
    for axis in range(min(batch.ndim, 2)):
        if image < batch.shape[axis]:
            row = batch.narrow(axis, image, 1)
            if compare(output, row.repeat_interleave(count, axis)):
                return "row"
    return "whole" if batch.ndim == output.ndim == 0 or compare(output, batch) else None


def _same_shape(output: Tensor, expected: Tensor) -> bool:
    return output.shape == expected.shape


def _close(output: Tensor, expected: Tensor) -> bool:
    if output.shape != expected.shape or not output.is_floating_point():
        return output.shape == expected.shape and torch.equal(output, expected)
    size = expected.abs().max() if expected.numel() else expected.new_zeros(())
    return not expected.numel() or bool((output - expected).abs().max() <= CLOSE * size)
