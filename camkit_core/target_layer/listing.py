"""The layers that could be explained, the result of each test, and the choice, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..arguments import as_list
from ..errors import NoAdapter, TargetError
from ..forward.untouched import untouched_inputs
from ..inputs.models.load import LoadedModel
from ..inputs.output import Output
from ..inputs.prepare import Arguments, Inputs
from ..inputs.running_dtype import in_running_dtype
from ..inputs.targets.protocol import for_model
from ..inputs.targets.questions import of_call
from ..inputs.targets.resolve import Target, check_target
from .choose import TargetLayer, choose
from .known import Known, known
from .pictures import pictured
from .search.asked import reads_maps, scores_of
from .search.candidates import Candidate
from .search.search import Search, search

TESTS = {
    "a": "depends on the images",
    "b": "is read by the score",
    "c": "positions are places",
    "d": "is not the answer itself",
}


@dataclass(frozen=True)
class ListedLayer:
    """A tensor that a layer returns, and how the tests of the search for a layer went.

    Attributes:
        name: what `layer=` takes to explain it.
        layout: the order of its axes and its grid, such as "NLC 1 + 14x14".
        channels: how many it has.
        reach: the share of its positions that the score's gradient reaches; None if unknown.
        places: the share of pairs of positions that a disturbance of the image found in order;
            None if the calls that made the tensor tell where they lie, or if it was not tested.
        reason: the first test that it failed, and how; empty if it passed all.
        chosen: whether it is explained when no layer is named.
    """

    name: str
    layout: str
    channels: int
    reach: float | None
    places: float | None
    reason: str
    chosen: bool

    @property
    def tests(self) -> dict[str, bool | None]:
        """Whether it passed each test; None for those after the first that it failed."""
        failed = self.reason[1:2] if self.reason else "z"
        return {
            name: True if letter < failed else (False if letter == failed else None)
            for letter, name in TESTS.items()
        }


@dataclass(frozen=True)
class LayerList:
    """The layers of a model that could be explained, in the order in which they end.

    Attributes:
        rows: the layers.
        choice: the name of what is explained when no layer is named; None if there is none.
        origin: what chose it.
    """

    rows: tuple[ListedLayer, ...]
    choice: str | None
    origin: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ListedLayer]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> ListedLayer:
        return self.rows[index]

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=0)
        return "\n".join(_line(row, width) for row in self.rows) or "no layers"


def _line(row: ListedLayer, width: int) -> str:
    star = "*" if row.chosen else " "
    channels = f"{row.channels} channels"
    reach = "" if row.reach is None else f"gradient {row.reach:.0%}"
    line = f"{star} {row.name:{width}}  {row.layout:18}  {channels:14}  {reach:13}  {row.reason}"
    return line.rstrip()


def layers(
    model: nn.Module | LoadedModel,
    images: Tensor | Arguments,
    target: Target = None,
    *,
    image_input: int | str | None = None,
    output: Output | None = None,
) -> LayerList:
    """The layers that could be explained for a target, each test's result, and the choice.

    Takes a forward and a backward pass of the first image, and where the calls of the model leave
    open how a layer lies over the image, a pass of versions of it with one half disturbed.

    Args:
        model: see `explain`.
        images: tensors, see `explain`.
        target: see `explain`.
        image_input: see `compare`.
        output: see `compare`.

    Returns:
        A row for each tensor with positions that a layer returns; `print` shows a table.

    Raises:
        CamkitError: as for `explain`, but for NoAdapter.

    Example:
        >>> print(layers(model, images, target=254))  # doctest: +SKIP
    """
    model = model.model if isinstance(model, LoadedModel) else model
    check_target(target)
    if not callable(target) and as_list(target) == []:
        raise TargetError("got 0 targets; pass one for each image, or a single one for all of them")
    with untouched_inputs(model, images, image_input, output) as inputs:
        inputs, adapter = known(pictured(inputs))
        inputs = in_running_dtype(inputs)
        target = for_model(target, inputs.model, adapter.adapter)
        (target,) = of_call([target], inputs)
        found = search(inputs, scores_of([target]), reads_maps([target]))
        return listed(found, _choice(inputs, adapter, target))


def _choice(inputs: Inputs, adapter: Known, target: Any) -> list[TargetLayer]:
    try:
        return choose(inputs, adapter, targets=[target])
    except NoAdapter:
        return []


def listed(found: Search, chosen: Sequence[TargetLayer]) -> LayerList:
    """The candidates of a search as rows, and the choice: none, one, or a pyramid's levels."""
    names = [layer.name for layer in chosen]
    rows = tuple(_row(candidate, names) for candidate in found.candidates)
    origin = chosen[0].origin if chosen else "no layer passes the tests"
    return LayerList(rows, ", ".join(names) or None, origin)


def _row(candidate: Candidate, chosen: Sequence[str]) -> ListedLayer:
    names = str(candidate), str(candidate.name)
    return ListedLayer(
        names[0],
        str(candidate.layout),
        candidate.channels,
        candidate.reach,
        None if candidate.certified else candidate.places,
        candidate.reason,
        any(name in chosen for name in names),
    )
