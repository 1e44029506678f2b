"""The built-in methods, one file each, found as plugins, and the class form of five of them."""

from __future__ import annotations

from .compat import AblationCAM, GradCAM, GradCAMPlusPlus, ScoreCAM, XGradCAM

__all__ = ["AblationCAM", "GradCAM", "GradCAMPlusPlus", "ScoreCAM", "XGradCAM"]
