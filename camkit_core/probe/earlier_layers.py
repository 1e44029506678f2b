"""The layers before the target layer at which the grid is finer, one for each resolution."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..adapter import Adapter
from ..errors import LayerError
from ..forward.recording import Recording
from ..layers.candidates import Candidate, find_candidates


def stages(recording: Recording, layers: Sequence[str], count: int) -> list[Recording]:
    """The same images and model, recorded at other layers; the coarsest grid first.

    Args:
        recording: at the target layer.
        layers: dotted names of these layers; none for the last of each finer grid before the
            target layer, of those that are nested the least deep.
        count: how many at most, where none are named.

    Raises:
        LayerError: if a named layer gives no grid that the score's gradient reaches.
    """
    found = find_candidates(recording.inputs)
    known = {one.name: one for one in found if one.connected}
    if missing := [name for name in layers if name not in known]:
        raise LayerError(
            f"layer {missing[0]!r} runs never or more than once, or gives no grid over the image "
            f"that the score's gradient reaches; those that do: {', '.join(known) or 'none'}"
        )
    chosen = [known[name] for name in layers] or _finer(recording, known.values())[:count]
    return [_at(recording, one) for one in chosen]


def _finer(recording: Recording, candidates: Iterable[Candidate]) -> list[Candidate]:
    by_grid: dict[tuple[int, ...], Candidate] = {}
    for one in candidates:
        if one.name == recording.layer:
            break
        before = by_grid.get(one.layout.grid)
        if before is None or one.name.count(".") <= before.name.count("."):
            by_grid[one.layout.grid] = one
    else:
        return []  # the target layer is not among them: which come before it nobody knows
    limit = math.prod(one.layout.grid)
    finer = [found for grid, found in by_grid.items() if math.prod(grid) > limit]
    return sorted(finer, key=lambda found: math.prod(found.layout.grid))


def _at(recording: Recording, found: Candidate) -> Recording:
    module = recording.model.get_submodule(found.name)
    adapter = Adapter(module, found.layout.reshape, output=recording.adapter.output)
    return recording.at(adapter, found.name)
