"""torch-cam 0.5's names, so that code written for it runs after its imports are changed."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from types import ModuleType

__version__ = "0.5.0"
"""The version of torch-cam whose names, signatures and maps these are."""

__all__ = ["explain", "methods", "metrics", "utils", "version"]


def __getattr__(name: str) -> ModuleType:
    """A part of the package, imported when it is first read."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
