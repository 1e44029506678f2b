"""The edges of a picture, which need no model, under pytorch-grad-cam's name."""

from __future__ import annotations

from camkit_core.image import opencv

from .probing import Array


def sobel_cam(img: Array) -> Array:
    """The mean size of the two Sobel derivatives of a picture (H, W, 3), RGB: (H, W), uint8."""
    cv2 = opencv()
    grey = cv2.cvtColor(img, cv2.COLOR_RGB2GRAY)
    across, down = (
        cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_64F, *axes, ksize=3))
        for axes in ((1, 0), (0, 1))
    )
    edges: Array = cv2.addWeighted(across, 0.5, down, 0.5, 0)
    return edges
