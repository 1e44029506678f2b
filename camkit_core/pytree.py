"""Tensors inside tuples, lists and dictionaries, which is what layers and models may return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import is_dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

T = TypeVar("T")
# The types of most arguments of a call. They hold no tensor, and this test is quick.
PLAIN = frozenset({bool, int, float, str, type(None)})


def map_tensors(function: Callable[[Any], Any], tree: Any, kind: type = Tensor) -> Any:
    """`tree` with `function` applied to each tensor (or other `kind`) in it."""
    if type(tree) in PLAIN:
        return tree
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, (tuple, list)):
        items = [i if type(i) in PLAIN else map_tensors(function, i, kind) for i in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if isinstance(tree, dict):
        # A copy keeps the subclass, and with it access by attribute.
        result = {} if type(tree) is dict else copy(tree)
        for key, value in tree.items():
            result[key] = map_tensors(function, value, kind)
        return result
    if _holds_tensors(tree):
        mapped = copy(tree)
        # `setattr` would fail on a frozen dataclass.
        vars(mapped).update({k: map_tensors(function, v, kind) for k, v in vars(tree).items()})
        return mapped
    if isinstance(tree, slice):
        return slice(*(map_tensors(function, p, kind) for p in (tree.start, tree.stop, tree.step)))
    return tree


def own_copy(value: T) -> T:
    """A value whose tensors are copies, read in the same order as the originals."""
    copied: T = map_tensors(_copy, value)
    return copied


def _copy(tensor: Tensor) -> Tensor:
    copied = tensor.clone()
    if copied.stride() == tensor.stride() or tensor.layout is not torch.strided:
        return copied
    # Sums round by the order of memory, so gaps stay, and so does what is the same along an axis.
    single = [slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride()]
    part = tensor[tuple(single)]
    strided = torch.empty_strided(
        part.shape, part.stride(), dtype=tensor.dtype, device=tensor.device
    )
    return strided.copy_(part).expand(tensor.shape)


def _holds_tensors(tree: Any) -> bool:
    """Whether `tree` is an object with tensors as attributes; a module or a function is none."""
    if callable(tree) or not hasattr(tree, "__dict__"):
        return False
    return is_dataclass(tree) or any(isinstance(value, Tensor) for value in vars(tree).values())


def plain(tensor: Tensor) -> Tensor:
    """The same values and graph as a `torch.Tensor`; a subclass may change what operations give.

    A subclass that holds its values in other tensors, such as a distributed one, is left as it is,
    and so are the tensors without values by which torch follows a model's code.
    """
    if type(tensor) is Tensor or is_traceable_wrapper_subclass(tensor):
        return tensor
    if torch.compiler.is_compiling():
        return tensor
    with torch._C.DisableTorchFunctionSubclass():
        return tensor.as_subclass(Tensor)


def like(given: Tensor, new: Tensor) -> Tensor:
    """`new` as the subclass that `given` is, with what that keeps beside its values."""
    kind = type(given)
    if kind is type(new) or isinstance(given, nn.Parameter) or type(plain(given)) is not Tensor:
        return new
    with torch._C.DisableTorchFunctionSubclass():
        new = new.as_subclass(kind)
    vars(new).update(vars(given))
    return new


def all_plain(tree: Any) -> Any:
    """`tree` with each tensor `plain`; the same object where they are."""
    if type(tree) is Tensor or all(type(tensor) is Tensor for tensor in tensors_in(tree)):
        return tree
    return map_tensors(plain, tree)


def tensors_in(tree: Any) -> Iterator[Tensor]:
    """Each tensor of `tree`, in order."""
    return iter(all_in(tree, Tensor))


def all_in(tree: Any, kind: type[T]) -> list[T]:
    """Each object of a kind in `tree`, in order."""
    found: list[T] = []
    _collect(tree, kind, found)
    return found


def _collect(tree: Any, kind: type[T], found: list[T]) -> None:
    if isinstance(tree, kind):
        found.append(tree)
        return
    inside: Iterable[Any] = tree if isinstance(tree, (tuple, list)) else ()
    if isinstance(tree, dict) or _holds_tensors(tree):
        inside = (tree if isinstance(tree, dict) else vars(tree)).values()
    elif isinstance(tree, slice):
        inside = tree.start, tree.stop, tree.step
    for item in inside:
        if type(item) not in PLAIN:
            _collect(item, kind, found)


def parts(output: Any) -> Iterator[tuple[str | int, Any]]:
    """The parts of an output by their keys: a name in a dict or an object, else a position."""
    if isinstance(output, Mapping):
        yield from output.items()
    elif hasattr(output, "_fields"):
        yield from zip(output._fields, output, strict=True)
    elif isinstance(output, (tuple, list)):
        yield from enumerate(output)
    elif not isinstance(output, Tensor) and hasattr(output, "__dict__"):
        yield from vars(output).items()


def located(output: Any, where: str = "output") -> Iterator[tuple[str, Tensor]]:
    """Each tensor of an output, with the Python expression that gets it, in order.

    >>> import torch
    >>> [where for where, _ in located({"y": torch.zeros(1), "more": [None, torch.zeros(2)]})]
    ["output['y']", "output['more'][1]"]
    """
    if isinstance(output, Tensor):
        yield where, output
    elif isinstance(output, (Mapping, tuple, list)) or _holds_tensors(output):
        named = not isinstance(output, (Mapping, list)) and type(output) is not tuple
        for key, part in parts(output):
            yield from located(part, f"{where}.{key}" if named else f"{where}[{key!r}]")


def rowwise(output: Any, rows: int) -> frozenset[str]:
    """Where in an output the tensors with that many rows are, as `located` writes it.

    A name, not a count, tells them apart in an output of more rows: a list in it may grow by row.
    """
    return frozenset(
        where for where, tensor in located(output) if tensor.ndim and len(tensor) == rows
    )


def has_samples(output: Any) -> bool:
    """Whether a batch's output is a list with a dict for each sample, as detectors give it."""
    listed = isinstance(output, (list, tuple)) and len(output) > 0
    return listed and all(isinstance(sample, Mapping) for sample in output)


def has_runs(output: Any) -> bool:
    """Whether several runs' output is a list with the list of samples of each run."""
    return isinstance(output, list) and len(output) > 0 and has_samples(output[0])


def sample_of(output: Any, row: int, count: int) -> Any:
    """One sample's part of the output for `count` samples.

    A tensor with another number of rows, such as the embeddings of texts, belongs to each sample.
    """
    return output[row] if has_samples(output) else _taken(output, row, count)


def row_of(output: Any, row: int, count: int) -> Any:
    """The same as `sample_of`, with the axis of the rows kept: an output for one image."""
    return [output[row]] if has_samples(output) else _taken(output, slice(row, row + 1), count)


def _taken(output: Any, rows: int | slice, count: int) -> Any:
    return map_tensors(lambda t: t[rows] if t.ndim and len(t) == count else t, output)


def joined(outputs: Sequence[Any]) -> Any:
    """The outputs of several calls, each for one image, as one output for all of them."""
    if has_samples(outputs[0]):
        return [sample for output in outputs for sample in output]
    columns = zip(*map(tensors_in, outputs), strict=True)
    tensors = iter(
        [torch.cat(column) if _has_one_row(column[0]) else column[0] for column in columns]
    )
    return map_tensors(lambda _: next(tensors), outputs[0])


def _has_one_row(tensor: Tensor) -> bool:
    return tensor.ndim > 0 and len(tensor) == 1


def outline(output: Any) -> str:
    """What an output is, with the shapes of its tensors, in words."""
    if isinstance(output, Tensor):
        return f"a tensor {tuple(output.shape)}"
    if has_samples(output):
        return f"a list of {len(output)}, each {outline(output[0])}"
    if isinstance(output, Mapping):
        shown = ", ".join(f"{key} {_shapes(value)}".strip() for key, value in output.items())
        return f"a {type(output).__name__} with keys {shown}"
    return f"a {type(output).__name__} with tensors {_shapes(output) or 'none'}"


def _shapes(tree: Any) -> str:
    return ", ".join(str(tuple(tensor.shape)) for tensor in tensors_in(tree))


def first_tensor(tree: Any) -> Tensor | None:
    """The first floating-point tensor of `tree`, or None."""
    if type(tree) is Tensor and tree.is_floating_point():
        return tree
    return next((tensor for tensor in tensors_in(tree) if tensor.is_floating_point()), None)


Path = tuple[Any, ...]  # keys and indices, from the outside in


def leaves(tree: Any) -> Iterator[tuple[Path, Tensor]]:
    """Each floating-point tensor of `tree` and its path: keys, indices, names of attributes."""
    if isinstance(tree, Tensor):
        if tree.is_floating_point():
            yield (), tree
    elif isinstance(tree, Mapping):
        yield from _within(tree.items())
    elif isinstance(tree, (tuple, list)):
        yield from _within(enumerate(tree))
    elif hasattr(tree, "logits") and hasattr(tree, "__dict__"):
        yield from _within(vars(tree).items())


def _within(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Path, Tensor]]:
    for key, value in items:
        yield from (((key, *path), tensor) for path, tensor in leaves(value))


def leaf(tree: Any, path: Path) -> Tensor | None:
    """The floating-point tensor at a path; None if there is none."""
    return dict(leaves(tree)).get(path)


def replace(tree: Any, old: Tensor, new: Tensor) -> Any:
    """`tree` with `new` in the places of `old`."""
    return new if tree is old else map_tensors(lambda each: new if each is old else each, tree)
