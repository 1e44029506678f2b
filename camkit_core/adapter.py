"""An architecture adapter: which layer to explain, and how its output becomes a grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, cast

import torch
from annotated_types import Ge
from torch import Tensor, nn

from .arguments import checked
from .errors import LayerError, LayerTypeError, shown
from .maps import AXES

Reshape = Callable[[Tensor], Tensor]
USUAL_PREFIXES = (0, 1, 2, 5)  # tokens before the grid: none, class, distillation, four registers

_FOUND_LATER = cast("nn.Module", None)  # whatever reads a layer gets the one that was found


class Pictures(NamedTuple):
    """How the pixels that a model takes, cut into patches or tiles, are pictures.

    Attributes:
        read: from the model's pixels to pictures (N, C, H, W).
        write: from pictures (M, C, H, W), and for each the index (M,) of the image that it is a
            version of, to pixels for the model; linear, and of the pictures that were read, what
            was given.
    """

    read: Callable[[Tensor], Tensor]
    write: Callable[[Tensor, Sequence[int]], Tensor]


@dataclass(frozen=True)
class Adapter:
    """Where a model's activation maps are, and how to read them. Data, no behaviour.

    Attributes:
        layer: the target layer, a module of the model; without one, it is found as for a model that
            no adapter knows.
        reshape: from the layer's output to (N, C, h, w), linear and per image (the field's
            "reshape transform"); None for outputs that are (N, C, h, w) already. The grid is
            (N, C, l) in a model for signals, and (N, C, d, h, w) in one for volumes.
        channel_axis: the axis of C in the layer's own output, used to ablate a channel; None
            finds it by following numbered channels through `reshape`.
        activation: applied to the layer's output before anything reads it, for models that
            apply a function in place right after the layer; must not change what they compute.
        output: from what the model returns to what targets read, for models that return neither
            their class scores nor an object with `logits`.
        call: which of the layer's calls in a forward pass is meant, the first is 0; None for a
            layer that runs once.
        key: the path of the tensor in what the layer returns: keys of dicts, positions in tuples;
            () for its first floating-point tensor.
        after: the names of the element-wise torch calls that follow, such as "relu"; the result
            of the last one is explained, in place of the layer's own output.
        reads_others: whether `reshape` reads other layers, too, that the caller names.
        pictures: for models whose images are not (N, C, H, W), how they are pictures; masks are
            laid over these, and maps have their size.
        entry: the name of the model's method that is called in place of the model, such as
            "get_image_features"; `output` then reads what that returns.
        embed_texts: from a model, texts and a tokenizer, or None for the model's own, to the
            texts' embeddings (T, D), which lie among those of images; for `TextTarget`.

    Raises:
        LayerTypeError: for an attribute of another type.
        LayerError: for a negative call; for an attribute of the layer without a layer.
    """

    layer: nn.Module = _FOUND_LATER
    reshape: Reshape | None = None
    channel_axis: int | None = None
    activation: Callable[[Tensor], Tensor] | None = None
    output: Callable[[Any], Any] | None = None
    call: int | None = None
    key: tuple[Any, ...] = ()
    after: tuple[str, ...] = ()
    pictures: Pictures | None = None
    entry: str | None = None
    reads_others: bool = True
    embed_texts: Callable[[Any, Sequence[str], Any], Tensor] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.layer, nn.Module | None):
            raise LayerTypeError(
                f"Adapter takes layer= as a module of the model; got {shown(self.layer)}"
            )
        for name, annotation in _FIELDS.items():
            if (value := getattr(self, name)) is not None:
                checked("Adapter", name, value, annotation, (LayerError, LayerTypeError))
        if self.layer is None and (idle := [name for name in _OF_LAYER if self._has(name)]):
            raise LayerError(f"Adapter takes {idle[0]}= together with the layer that it is about")

    def _has(self, name: str) -> bool:
        return getattr(self, name) not in (None, ())


_OF_LAYER = ("reshape", "channel_axis", "activation", "call", "key", "after")
_FIELDS = {
    "reshape": Callable,
    "channel_axis": int,
    "activation": Callable,
    "output": Callable,
    "call": Annotated[int, Ge(0)],
    "key": tuple,
    "after": Sequence[str],
    "pictures": Pictures,
    "entry": str,
    "reads_others": bool,
    "embed_texts": Callable,
}


def tokens_to_grid(height: int, width: int, prefix: int = 0) -> Reshape:
    """A reshape for transformers: (N, prefix + height * width, C) to (N, C, height, width).

    Raises:
        LayerError: when called on any other number of tokens; never reshapes by guess.
    """

    return tokens_on((height, width), prefix)


def tokens_on(grid: Sequence[int], prefix: int = 0, suffix: int = 0) -> Reshape:
    """The same as `tokens_to_grid`, for a grid of any rank, and tokens after those of the grid."""
    positions = math.prod(grid)

    def reshape(tokens: Tensor) -> Tensor:
        if tokens.ndim == len(grid) + 2 > 3:
            return tokens  # the output of a convolution, such as the patch embedding
        if tokens.ndim != 3 or tokens.shape[1] != prefix + positions + suffix:
            sides = "x".join(map(str, grid)) + (f" + {suffix}" if suffix else "")
            raise LayerError(
                f"expected (N, {prefix} + {sides} tokens, C) from the target layer, got "
                f"{tuple(tokens.shape)}; pass reshape_transform= for this layer or choose another"
            )
        places = tokens[:, prefix : prefix + positions]
        return places.reshape(len(tokens), *grid, -1).movedim(-1, 1)

    return reshape


def channels_last_to_grid(output: Tensor) -> Tensor:
    """A reshape for layers that keep channels last: (N, h, w, C) to (N, C, h, w); any rank.

    Raises:
        LayerError: for any other number of axes.
    """
    if output.ndim < 4:
        raise LayerError(
            f"expected (N, h, w, C) from the target layer, got {tuple(output.shape)}; pass "
            f"reshape_transform= for this layer or choose another"
        )
    return output.movedim(-1, 1)


def as_grid(adapter: Adapter, output: Tensor, rank: int) -> Tensor:
    """The layer's output (or its gradient) as (N, C, h, w).

    Args:
        adapter: how to read it.
        output: the layer's output.
        rank: how many spatial axes the images have, and so the grid.

    Raises:
        LayerError: if the result has another number of axes.
    """
    grid = output if adapter.reshape is None else _reshaped(adapter.reshape, output)
    if not isinstance(grid, Tensor):
        raise LayerTypeError(
            f"expected a tensor (N, C, {AXES[rank]}) from reshape_transform, got {shown(grid)}"
        )
    if grid.ndim != 2 + rank:
        given = "after reshape_transform" if adapter.reshape else "from the target layer"
        raise LayerError(
            f"expected activations (N, C, {AXES[rank]}) {given}, got {tuple(grid.shape)}"
            f"{_possible_grids(grid, rank)}; pass reshape_transform= or choose another layer"
        )
    return grid


def _reshaped(reshape: Reshape, output: Tensor) -> Any:
    try:
        return reshape(output)
    except (TypeError, KeyError, IndexError) as error:
        raise LayerTypeError(
            f"reshape_transform failed on the tensor {tuple(output.shape)} of the target layer: "
            f"{error}; of a layer that returns several it is given one, so leave layer= and "
            f"reshape_transform= out, by which a detector's levels are explained together, or take "
            f"the classes of camkit_methods.compat.pytorch_grad_cam, which hand it all of them"
        ) from error


def _possible_grids(output: Tensor, rank: int) -> str:
    if output.ndim != 3 or rank != 2:
        return ""
    tokens = output.shape[1]
    grids = [
        f"{side}x{side} after {prefix} prefix tokens"
        for prefix in USUAL_PREFIXES
        if (side := math.isqrt(max(tokens - prefix, 0))) ** 2 == tokens - prefix and side > 1
    ]
    return f" ({tokens} tokens: perhaps {' or '.join(grids)})" if grids else ""


def read_output(adapter: Adapter, output: Any) -> Any:
    """The part of a model's output that targets read."""
    return output if adapter.output is None else adapter.output(output)


def channel_axis(adapter: Adapter, output: Tensor, rank: int) -> int:
    """The axis of the layer's own output along which its channels lie.

    Each axis is tried: its slices are numbered, and reshaped; if it is the axis of the channels,
    channel k then holds number k.

    Raises:
        LayerError: if no axis does, because the reshape mixes channels.
    """
    if adapter.channel_axis is not None:
        return adapter.channel_axis % output.ndim
    for axis in range(1, output.ndim):
        numbers = torch.arange(output.shape[axis], dtype=output.dtype, device=output.device)
        shape = [-1 if i == axis else 1 for i in range(output.ndim)]
        grid = as_grid(adapter, numbers.view(shape).expand(output.shape), rank)
        expected = numbers.view(-1, *[1] * rank)
        if grid.shape[1] == len(numbers) and bool((grid == expected).all()):
            return axis
    raise LayerError(
        f"cannot tell which axis of the layer's output {tuple(output.shape)} holds the channels; "
        f"pass adapter=Adapter(layer, reshape, channel_axis=...)"
    )
