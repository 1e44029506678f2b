"""RefineCAM (Domeniconi et al. 2026), https://arxiv.org/abs/2605.14641."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from camkit_core import Method, Probe, unit_range, upsample


@Method(group="gradient", cost="1 run per layer", based=True)
def refinecam(
    probe: Probe,
    *,
    base_method: str | Callable[..., Tensor] = "layercam",
    base: Literal["layercam", "hirescam", "gradcam", "gradcam++"] | None = None,
    layers: Sequence[str] = (),
    count: Annotated[int, Interval(ge=1, le=1_000_000)] = 4,
) -> Tensor:
    """Multiply the target layer's map by those of earlier layers, whose grids are finer.

    arXiv 2605.14641: each layer's map is brought to [0, 1] and resized to the finest grid. So a
    position is bright where it is bright at all layers: fine and sparse, more detail than object.

    Args:
        probe: the forward pass.
        base_method: the method of the maps, by its name or as a function. Those that average
            gradients over the positions ("gradcam", "gradcam++", the default of the authors' code)
            hardly tell classes apart at early layers, and their product shows what those layers
            respond to.
        base: the first name of `base_method`, for these four.
        layers: dotted names of the earlier layers; none for the last layer of each resolution, each
            about twice as fine as the next.
        count: the number of layers, the target layer included, if `layers` names none.

    Returns:
        The map (N, h, w) in [0, 1], at the finest of the grids.

    Raises:
        LayerError: if a named layer gives no grid.
    """
    probes = [probe, *probe.stages(layers, count - 1)]
    probe.note(f"RefineCAM multiplied {', '.join(each.recording.layer for each in probes)}")
    maps = [unit_range(each.by(base or base_method).relu()) for each in probes]
    finest = max((cam.shape[1:] for cam in maps), key=torch.Size.numel)
    return torch.stack([upsample(cam, finest) for cam in maps]).prod(0)
