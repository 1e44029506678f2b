"""The layers before the target layer with a finer grid, one for each doubling of its side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..adapter import Adapter
from ..errors import LayerError
from ..forward.recording import Recording
from ..target_layer.names import parse
from ..target_layer.search.candidates import Candidate
from ..target_layer.search.search import search


def stages(recording: Recording, layers: Sequence[str], count: int) -> list[Recording]:
    """The same images and model, recorded at other layers; the coarsest grid first.

    Args:
        recording: at the target layer.
        layers: dotted names of these layers; none for a layer of each resolution before the target
            layer, each about twice as fine as the next. Of several layers with the same grid, the
            last of the least nested is taken.
        count: how many at most, where none are named.

    Raises:
        LayerError: if a named layer gives no grid that the score's gradient reaches.
    """
    found = search(recording.inputs).candidates
    candidates = {
        str(layer.name): layer for layer in found if layer.differentiable and layer.slot is not None
    }
    if missing := [name for name in layers if name not in candidates]:
        raise LayerError(
            f"layer {missing[0]!r} runs never or more than once, or gives no grid over the image "
            f"that the score's gradient reaches; those that do: {', '.join(candidates) or 'none'}"
        )
    named = [candidates[name] for name in layers]
    chosen = named or _finer_grids(list(candidates.values()), recording.layer)[:count]
    return [_recorded_at(layer, recording) for layer in chosen]


def _finer_grids(candidates: Sequence[Candidate], target: str) -> list[Candidate]:
    """A candidate for each doubling of the side before the target layer; the coarsest first."""
    own = _of_target(candidates, target)
    if not own:
        return []  # then nobody knows which layers run before it
    positions = math.prod(own[-1].layout.grid)
    best: dict[int, tuple[float, int, Candidate]] = {}
    for layer in reversed(candidates[: candidates.index(own[0])]):
        doublings = math.log2(math.prod(layer.layout.grid) / positions) / len(layer.layout.grid)
        # A grid in between was only padded, as before a convolution.
        rank = (abs(doublings - round(doublings)), _depth(layer), layer)
        if round(doublings) not in best or rank[:2] < best[round(doublings)][:2]:
            best[round(doublings)] = rank
    return [best[doublings][2] for doublings in sorted(best) if doublings > 0]


def _of_target(candidates: Sequence[Candidate], target: str) -> list[Candidate]:
    """What the target layer returns, up to the tensor that is explained.

    A layer may return several, such as the levels of a pyramid; none of them is before another.
    """
    name = parse(target)
    call = (name.module, name.call) if name else None
    own = [each for each in candidates if (each.name.module, each.name.call) == call]
    keys = [each.name.key for each in own]
    return own[: keys.index(name.key) + 1] if name and name.key in keys else own[:1]


def _depth(layer: Candidate) -> int:
    return layer.name.module.count(".")


def _recorded_at(layer: Candidate, recording: Recording) -> Recording:
    name = layer.name
    module = recording.model.get_submodule(name.module)
    read, output = layer.layout.reshape, recording.adapter.output
    adapter = Adapter(module, read, output=output, call=name.call, key=name.key)
    return recording.at(adapter, str(name))
