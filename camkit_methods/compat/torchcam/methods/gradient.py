"""torch-cam's extractors by gradients, under the name of its module."""

from __future__ import annotations

from .attention import LeGrad
from .gradient_base import _GradCAM
from .gradient_maps import GradCAM, GradCAMpp, LayerCAM, SmoothGradCAMpp, XGradCAM
from .wrappers import FinerCAM, RefineCAM

__all__ = [
    "FinerCAM",
    "GradCAM",
    "GradCAMpp",
    "LayerCAM",
    "LeGrad",
    "RefineCAM",
    "SmoothGradCAMpp",
    "XGradCAM",
    "_GradCAM",
]
