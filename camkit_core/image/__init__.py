"""Pictures: read from files, converted, prepared for a model, and drawn under a heatmap."""

from .opencv import opencv
from .pixels import (
    JET,
    deprocess_image,
    preprocess_image,
    refuse_other_ranks,
    show_cam_on_image,
    to_picture,
    visible,
)
from .reading import pixel_limit, read_image

__all__ = [
    "JET",
    "deprocess_image",
    "opencv",
    "pixel_limit",
    "preprocess_image",
    "read_image",
    "refuse_other_ranks",
    "show_cam_on_image",
    "to_picture",
    "visible",
]
