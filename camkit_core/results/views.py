"""Every view of the images at every layer: one forward pass at a time, and its probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..forward.compiled.in_force import compiled_passes
from ..forward.recording import Recording, record_levels
from ..inputs.prepare import Inputs
from ..probe.probe import Probe
from ..target_layer.choose import TargetLayer
from .kept_passes import passes_kept
from .smoothing import PLAIN, View, image_views


def recorded(inputs: Inputs, layers: Sequence[TargetLayer], taped: bool) -> list[Recording]:
    """One forward pass, cut at each of `layers`; one that is kept, where passes are."""
    if (kept := passes_kept.get()) is not None:
        return kept.recorded(inputs, layers)
    passes = compiled_passes()
    levels = [(each.adapter, each.name) for each in layers]
    return (passes.recorded if passes else record_levels)(inputs, levels, taped)


def probed_views(
    inputs: Inputs,
    passes: Sequence[Sequence[TargetLayer]],
    aug_smooth: bool,
    taped: bool,
    plain: list[list[Probe]],
    probes_of: Callable[[Sequence[Recording]], list[list[Probe]]],
) -> Iterator[tuple[View, list[list[Probe]]]]:
    """Every view of the images at every layer, with its probes; one forward pass at a time.

    The probes of the images as they are in the first pass are there already: `plain`.

    Args:
        inputs: the model and its images.
        passes: the layers at which each pass is cut: one, or the levels of a pyramid.
        aug_smooth: see `compare`.
        taped: whether to note what runs after the layers.
        plain: the probes of each target, for each layer of the first pass.
        probes_of: the probes of each target, for the recordings of one pass.
    """
    views = image_views(aug_smooth)
    for number, layers in enumerate(passes):
        for view in views:
            if number == 0 and view is PLAIN:
                yield view, plain
            else:
                changed = replace(inputs, images=view.change(inputs.images))
                yield view, probes_of(recorded(changed, layers, taped))
