"""How a layer's output lies over the image, told from its shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from .adapter import Reshape, tokens_to_grid


@dataclass(frozen=True)
class Layout:
    """A grid over the image, and where a layer's output has it.

    Attributes:
        kind: the order of the output's axes; L are tokens, `prefix` ones before the grid's.
        height: of the grid.
        width: of the grid.
        prefix: tokens that are no place of the image, such as the class token.
    """

    kind: Literal["NCHW", "NHWC", "NLC", "NCL"]
    height: int
    width: int
    prefix: int = 0

    def __str__(self) -> str:
        prefix = f"{self.prefix} + " if self.prefix else ""
        return f"{self.kind} {prefix}{self.height}x{self.width}"

    @property
    def reshape(self) -> Reshape | None:
        """From the layer's output to (N, C, height, width); None if it is that already."""
        if self.kind == "NCHW":
            return None
        if self.kind == "NHWC":
            return _channels_first
        tokens = tokens_to_grid(self.height, self.width, self.prefix)
        return tokens if self.kind == "NLC" else lambda output: tokens(output.transpose(1, 2))


def layout_of(
    shape: Sequence[int],
    image_size: tuple[int, int],
    prefixes: Sequence[int] = (0, 1, 2, 5),
    grids: Sequence[tuple[int, int]] = (),
) -> Layout | None:
    """The layout that fits an output's shape (N, ...) best, or None if it is no grid.

    A grid is one of those that the model states, or else has the image's proportions, as far as
    whole numbers allow.

    Args:
        shape: of the output.
        image_size: (H, W) of the model's input.
        prefixes: how many tokens may precede those of the grid, the likeliest first.
        grids: (height, width) of those that the model states.
    """
    if own := next(_stated(shape, prefixes, grids), None):
        return own
    found = [(_misfit(one, image_size), one) for one in _possible(shape, image_size, prefixes)]
    fitting = [(misfit, one) for misfit, one in found if misfit <= _tolerance(one)]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _stated(
    shape: Sequence[int], prefixes: Sequence[int], grids: Sequence[tuple[int, int]]
) -> Iterator[Layout]:
    if len(shape) != 3 or min(shape[1:]) == 1:
        return
    for prefix in prefixes:
        for height, width in grids:
            if shape[1] == prefix + height * width:
                yield Layout("NLC", height, width, prefix)


def _possible(
    shape: Sequence[int], image_size: tuple[int, int], prefixes: Sequence[int]
) -> Iterator[Layout]:
    if len(shape) == 4:
        yield Layout("NCHW", shape[2], shape[3])
        yield Layout("NHWC", shape[1], shape[2])
    if len(shape) == 3 and min(shape[1:]) > 1:
        for prefix in prefixes:
            if height := _height(shape[1] - prefix, image_size):
                yield Layout("NLC", height, (shape[1] - prefix) // height, prefix)
        # A few tokens alone, the class token for one, are no channels of a grid.
        if shape[1] > max(prefixes) and (height := _height(shape[2], image_size)):
            yield Layout("NCL", height, shape[2] // height)


def _height(places: int, image_size: tuple[int, int]) -> int:
    """The height of the grid of the image's proportions with that many places; 0 if none has."""
    if places < 2:
        return 0
    height = max(1, round((places * image_size[0] / image_size[1]) ** 0.5))
    return 0 if places % height else height


def _misfit(layout: Layout, image_size: tuple[int, int]) -> float:
    """By how many places the grid is wider or narrower than the image's proportions say."""
    height, width = image_size
    if layout.height > height or layout.width > width or layout.height * layout.width < 2:
        return float("inf")
    return abs(layout.height * width / height - layout.width)


def _tolerance(layout: Layout) -> float:
    # Convolutions without padding drop places at the edge; tokens are cut from all of the image.
    return 1.5 if layout.kind in ("NCHW", "NHWC") else 0.75


def _channels_first(output: Tensor) -> Tensor:
    return output.permute(0, 3, 1, 2)
