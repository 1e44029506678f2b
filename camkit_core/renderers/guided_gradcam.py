"""Guided Grad-CAM in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from ..errors import ArgumentError
from ..image import deprocess_image, refuse_other_ranks, to_picture
from .caption import no_evidence

if TYPE_CHECKING:
    from ..results.explanation import Explanation


def guided_gradcam(explanation: Explanation, index: int, picture: Image.Image) -> Image.Image:
    """Guided gradients times the heatmap, in colour around mid grey.

    Args:
        explanation: made with `guided=True`.
        index: which image of the batch.
        picture: that image, for its size.

    Raises:
        ArgumentError: if it was made without `guided=True`, or is of a signal or a volume.
    """
    if explanation.guided is None:
        raise ArgumentError(
            "this explanation has no guided gradients; make it with guided=True "
            "(in the shell: --guided)"
        )
    gradient = explanation.guided[index].detach().float().cpu()
    refuse_other_ranks(gradient.shape[1:])
    colours = gradient if len(gradient) == 3 else gradient.sum(0, keepdim=True)
    small = to_picture(deprocess_image(colours.movedim(0, -1).numpy()))
    drawn = small.resize(picture.size, Image.Resampling.BICUBIC)
    reason = explanation.blank(index)
    return no_evidence(drawn, reason) if reason else drawn
