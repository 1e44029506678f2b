"""Maps that can be drawn as a picture: those of two dimensions."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError


def refuse_other_ranks(shape: Sequence[int]) -> None:
    """Refuse to draw a map that is not two-dimensional.

    Args:
        shape: of the map.

    Raises:
        InputError: for any other rank, saying what can be done instead.
    """
    if len(shape) == 2:
        return
    slice_ = "e.heatmap[0, t]" if len(shape) == 3 else "e.heatmap[0]"
    how = "with show_cam_on_image of camkit_core.image" if len(shape) == 3 else "as a line"
    raise InputError(
        f"cannot draw a map of shape {tuple(shape)} as a picture; "
        f"draw {slice_} {how}, or save a .npz"
    )
