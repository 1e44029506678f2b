"""The built-in methods, one file each, and the class form of five of them.

pyproject.toml declares each under its name, as a third party's does.
"""

from __future__ import annotations

from .compat import AblationCAM, GradCAM, GradCAMPlusPlus, ScoreCAM, XGradCAM

__all__ = ["AblationCAM", "GradCAM", "GradCAMPlusPlus", "ScoreCAM", "XGradCAM"]
