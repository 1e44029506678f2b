"""Several methods for several targets, side by side: as a sheet, a verdict, a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Interval

from .arguments import checked, position
from .errors import ArgumentError, ArgumentTypeError, shown, unknown
from .results.explanation import Explanation

if TYPE_CHECKING:
    from PIL.Image import Image

    from .metrics.judging.judgement import Judgement
    from .metrics.judging.sentences import Verdict
    from .plugins.lookup import Renderer


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several methods for several targets of the same images, from one forward pass.

    `comparison[row, column]` is the explanation for target `row` by method `column`, which may
    also be the method's name; iterating gives all of them, target by target.

    Attributes:
        rows: the explanations.
        methods: the methods' names.
        judgement: what metrics say of the methods, if `compare` was given any; else None.
    """

    rows: tuple[tuple[Explanation, ...], ...]
    methods: tuple[str, ...]
    judgement: Judgement | None = None

    def __getitem__(self, row_and_column: tuple[int, int | str]) -> Explanation:
        match row_and_column:
            case (row, column):
                return self.rows[self._row(row)][self._column(column)]
        raise ArgumentTypeError(
            f"expected comparison[target, method], a target's position and a method's position or "
            f"name; got {shown(row_and_column)}"
        )

    def _row(self, row: Any) -> int:
        return position(row, len(self.rows), "target", "the comparison")

    def _column(self, column: Any) -> int:
        if not isinstance(column, str):
            return position(column, len(self.methods), "method", "the comparison")
        if column not in self.methods:
            raise unknown("method of this comparison", column, self.methods)
        return self.methods.index(column)

    def __iter__(self) -> Iterator[Explanation]:
        return chain.from_iterable(self.rows)

    def __len__(self) -> int:
        return len(self.rows) * len(self.methods)

    def render(
        self,
        index: int = 0,
        image: Any = None,
        side: int = 224,
        renderer: str | Renderer = "overlay",
        transform: Callable[[Any], Any] | None = None,
        on: str = "original",
    ) -> Image:
        """All maps as one labelled picture: a row for each target, a column for each method.

        Args:
            index: which image of the batch.
            image: the picture to draw on, as for `Explanation.render`, as the last two.
            side: the longer side of each cell, in pixels.
            renderer: what draws each map, as for `Explanation.render`; "boxes" for a detector.
            transform: what made the model's input of `image`.
            on: "original" or "input".

        Raises:
            InputError: as `Explanation.render`.
        """
        from .plugins.lookup import find_renderer
        from .renderers.sheet import sheet
        from .results.originals import ground

        first = self[0, 0]
        index = position(index, len(first), "image", "the explanation")
        side = checked("Comparison.render", "side", side, Annotated[int, Interval(ge=1, le=10_000)])
        known = first.originals[index] if first.originals else None
        picture, original = ground(first.images[index], known, image, transform, on)
        draw = find_renderer(renderer, {})
        rows = [
            (
                row[0].describe(index),
                [partial(draw, each.lying_in(original), index) for each in row],
            )
            for row in self.rows
        ]
        return sheet(picture, self.methods, rows, side)

    @property
    def verdict(self) -> Verdict:
        """What the metrics say of the methods: a tuple of sentences, the recommendation the last.

        Raises:
            ArgumentError: if there are no metrics.
        """
        from .metrics.judging.verdict import verdict

        return verdict(self._judged())

    def save(self, path: str | Path) -> Path:
        """Write the verdict, the maps and all numbers as a page (.html), or the numbers (.json).

        Returns:
            The path. The page is one file that needs nothing else.

        Raises:
            ArgumentError: if there are no metrics.
            PathError: if the file cannot be written; what stood there stays as it was.
        """
        from .metrics.judging.report.page import save

        return save(self._judged(), path)

    def widget(self, index: int = 0) -> Any:
        """All maps of one image to look into, in a notebook; a click changes the target.

        Raises:
            ImportFailed: if anywidget is not installed (the extra `widget`).
            InputError: for maps of signals or volumes.
        """
        from .results.viewer.widget import widget_of

        return widget_of(self.rows, position(index, len(self[0, 0]), "image", "the explanation"))

    def _judged(self) -> Judgement:
        if self.judgement is None:
            raise ArgumentError(
                "these methods were not judged, only run; pass compare some metrics, as in "
                "metrics=['insertion', 'deletion']"
            )
        return self.judgement

    def _repr_html_(self) -> str:
        from .results.viewer.notebook import block, table

        maps = table(self.rows, self.methods)
        if self.judgement is None:
            return block(maps)
        from .metrics.judging.report.tables import metric_table

        verdict = f'<div class="verdict">{self.verdict.html()}</div>\n'
        return block(verdict, maps, metric_table(self.judgement))
