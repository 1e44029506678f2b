"""Where the model's input lay in pictures of a data set, by their size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..inputs.models.geometry.window import Window

Map = NDArray[np.float32]


class Windows:
    """Where the input lies in pictures of any size, measured once for each size.

    Args:
        facts: the metadata of the explanations.
        transform: what makes the model's input of a picture (PIL), a tensor (C, H, W); None for the
            model's own, which is known of a model that was loaded by its name.

    Attributes:
        known: whether it is known how pictures were prepared.
    """

    def __init__(
        self, facts: Mapping[str, Any], transform: Callable[[Any], Any] | None = None
    ) -> None:
        self._facts, self._transform = facts, transform
        self._found: dict[tuple[int, int], Window | None] = {}

    @cached_property
    def _prepare(self) -> Callable[[Any], Any] | None:
        """What prepares pictures, asked for with the first of them: it may need torch."""
        return _on_arrays(self._transform) if self._transform else _own(self._facts)

    @property
    def known(self) -> bool:
        """Whether it is known how pictures were prepared."""
        return self._prepare is not None

    def of(self, size: tuple[int, int]) -> Window | None:
        """The window in a picture of a size (H, W); None where it cannot be known."""
        if size not in self._found:
            self._found[size] = self._measured(size)
        return self._found[size]

    def placed(self, heat: Map, size: tuple[int, int]) -> Map:
        """A heatmap (H, W) of the input as one of the picture, of `size` (H0, W0).

        It is 0 where the model did not see the picture. Where the window is not known, the heatmap
        is stretched over the whole picture.
        """
        window = self.of(size)
        if window is not None and window.input == heat.shape:
            return window.placed(heat).clip(0, 1)
        from PIL import Image

        resized = Image.fromarray(heat).resize(size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(resized, np.float32).clip(0, 1)

    def _measured(self, size: tuple[int, int]) -> Window | None:
        if self._prepare is None or 0 in size:
            return None
        from ..inputs.models.geometry.measured import window_of

        try:
            return window_of(self._prepare, size)
        except InputError:
            return None


def _own(facts: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    if not facts.get("preprocessing"):
        return None
    from .drawing import preparing

    loaded = preparing(facts)
    return None if loaded is None else loaded.preprocess


def _on_arrays(transform: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from PIL import Image

    return lambda pixels: transform(Image.fromarray(pixels))
