"""One row of a data set's explanations: what was explained, its heatmap, its picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..plugins.lookup import Renderer
    from ..results.explanation import Explanation

Map = NDArray[np.float32]


class Explained:
    """One image explained for one target by one method.

    The columns are attributes: `id`, `class_name`, `score`, `error`, ...; `map` is the signed map.

    Args:
        values: the row, by column.
        facts: gives the metadata of the data set.
    """

    def __init__(
        self, values: Mapping[str, Any], facts: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        self.values, self._facts = dict(values), facts

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("values", {})
        if name not in values:
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        return values[name]

    def __repr__(self) -> str:
        return f"<Explained {self.id}: {self.error or self._what()}, {self.method}>"

    def _what(self) -> str:
        name = self.class_name or self.target
        return name if self.score is None else f"{name} {self.score:.2f}"

    @property
    def map(self) -> Map:
        """The method's map at the layer's grid, (h, w), float32, signed, as `Explanation.cam`.

        Raises:
            InputError: if the image could not be explained.
        """
        if self.values["map"] is None:
            raise InputError(f"{self.id} has no map, as it could not be explained: {self.error}")
        flat = np.asarray(self.values["map"], np.float32) * np.float32(self.scale)
        return flat.reshape(self.grid)

    @cached_property
    def heatmap(self) -> Map:
        """(H, W) float32 in [0, 1] at the size of the model's input, as `Explanation.heatmap`.

        Raises:
            InputError: if the image could not be explained.
        """
        import torch

        from ..maps import heatmaps

        values: Map = heatmaps(torch.from_numpy(self.map)[None], self.input_size)[0].numpy()
        return values

    def notes_in_words(self) -> list[str]:
        """The notes as sentences."""
        sentences = self._facts().get("notes", {})
        return [sentences.get(code, code) for code in self.notes]

    def explanation(
        self, image: Any = None, transform: Callable[[Any], Any] | None = None
    ) -> Explanation:
        """The row as an `Explanation` of one image, drawn on the original if it is still there.

        Args:
            image: the picture, as PIL, an array or a path; None for that of the source.
            transform: what makes the model's input of the picture; None for the model's own, which
                is known of a model that was loaded by its name.

        Raises:
            InputError: if the image could not be explained.
        """
        from .drawing import explanation_of

        return explanation_of(self.values, self.map, self._facts(), image, transform)

    def render(
        self,
        renderer: str | Renderer = "overlay",
        image: Any = None,
        transform: Callable[[Any], Any] | None = None,
        on: str = "original",
        **options: Any,
    ) -> Image:
        """The map as a picture, on the original if it is still there, else on grey.

        Args:
            renderer: name of an installed renderer, or a function.
            image: see `explanation`, as the next.
            transform: see there.
            on: "input" draws on the model's input made visible.
            **options: the renderer's own.

        Raises:
            InputError: if the image could not be explained.
        """
        drawn: Image = self.explanation(image, transform).render(renderer, on=on, **options)
        return drawn
