"""Guided Grad-CAM in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..errors import ArgumentError
from ..image import deprocess_image, refuse_other_ranks, to_picture
from .caption import no_evidence
from .colour import window_at
from .unseen import GREY, with_unseen

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
    drawn = _placed(small, explanation, index, picture.size)
    reason = explanation.blank(index)
    return no_evidence(drawn, reason) if reason else drawn


def _placed(
    small: Image.Image, explanation: Explanation, index: int, size: tuple[int, int]
) -> Image.Image:
    """The drawing at its place in a picture of this size, with grey around it."""
    window = window_at(explanation, index, size)
    if window is None:
        return small.resize(size, Image.Resampling.BICUBIC)
    channels = [np.asarray(channel, dtype=np.float32) for channel in small.split()]
    pixels = np.stack([window.placed(channel) for channel in channels], -1)
    page = Image.new("RGB", size, (GREY,) * 3)
    drawn = Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))
    return with_unseen(drawn, page, explanation, index)
