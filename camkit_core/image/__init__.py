"""Pictures: read from files, converted, prepared for a model, and drawn under a heatmap."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .opencv import opencv as opencv  # its module has the same name, so it cannot come late

# Each is imported when it is first used: whether a file is a picture can be told without torch.
_HOMES = {
    "JET": "pixels",
    "colour_table": "colour_maps",
    "decoded_picture": "reading",
    "deprocess_image": "pixels",
    "pixel_limit": "reading",
    "preprocess_image": "pixels",
    "read_image": "reading",
    "refuse_other_ranks": "ranks",
    "show_cam_on_image": "pixels",
    "to_picture": "pixels",
    "visible": "pixels",
}
__all__ = sorted([*_HOMES, "opencv"])

if TYPE_CHECKING:
    from .colour_maps import colour_table as colour_table
    from .pixels import JET as JET
    from .pixels import deprocess_image as deprocess_image
    from .pixels import preprocess_image as preprocess_image
    from .pixels import show_cam_on_image as show_cam_on_image
    from .pixels import to_picture as to_picture
    from .pixels import visible as visible
    from .ranks import refuse_other_ranks as refuse_other_ranks
    from .reading import decoded_picture as decoded_picture
    from .reading import pixel_limit as pixel_limit
    from .reading import read_image as read_image


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
