"""The two libraries, small networks and their inputs, for each situation of torch-cam's tests."""

from __future__ import annotations

from helpers.torchcam_situations import (
    _seeded,
    images,
    library,
    methods,
    net,
    structured,
    video,
    video_net,
)

__all__ = ["_seeded", "images", "library", "methods", "net", "structured", "video", "video_net"]
