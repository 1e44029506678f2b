"""The edited images that a metric shows the model, for people to look at."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Interval
from torch import Tensor

from ..arguments import checked
from ..errors import ArgumentError
from ..plugins.facts import Metric
from ..plugins.lookup import blaming_plugin, look_up, refuse_unknown
from ..plugins.options import checked as checked_options
from ..results.explanation import Explanation

Share = Annotated[float, Interval(gt=0, lt=1)]
_INT64 = Annotated[int, Interval(ge=-(2**63), lt=2**64)]


def perturbed(
    explanation: Explanation,
    metric: str | Any = "road_morf",
    share: float = 0.2,
    seed: int = 0,
    **options: Any,
) -> Tensor:
    """The images that a metric shows the model when a share of the pixels is taken out, or put in.

    Args:
        explanation: whose heatmap orders the pixels.
        metric: one that edits images by a share: "road_morf" (and "road"), "road_lerf",
            "insertion", "deletion", or a plugin that states `Metric(edit=...)`; by name or as a
            function.
        share: of all pixels, in (0, 1): filled in by ROAD, put in by insertion, taken out by
            deletion. What other libraries call ROAD at the percentile 80 is share=0.2.
        seed: of pixels of equal value, and of ROAD's noise, as in a comparison.
        options: the metric's own, such as `noise` or `baseline`.

    Returns:
        (N, C, H, W), as the model takes them. `explanation.render(image=...)` draws on pictures;
        `camkit_core.image.visible(images[0])` makes a tensor one.

    Raises:
        ArgumentError: for a metric that edits no image by a share, or a share out of range.
        UnknownName: for a metric that is not installed, or an option that its edit does not take.

    Example:
        >>> e = explain(model, images)                            # doctest: +SKIP
        >>> visible(perturbed(e, "road_morf", 0.3)[0])            # doctest: +SKIP
    """
    name, function, origin = look_up("metric", metric)
    edit = Metric.of(function).edit
    if edit is None:
        raise ArgumentError(
            f"metric {name!r} edits no image by a share of its pixels; take 'road_morf', "
            f"'road_lerf', 'insertion' or 'deletion'"
        )
    share = checked("perturbed", "share", share, Share)
    seed = checked("perturbed", "seed", seed, _INT64)
    refuse_unknown(options, [(name, edit)])
    options = checked_options(edit, options)
    pairs = zip(explanation.images, explanation.heatmap, strict=True)
    with blaming_plugin(f"metric {name!r} ({origin})", origin):
        return torch.stack([edit(image, heat, share, seed, **options) for image, heat in pairs])
