"""A model by its name, ready to be explained."""

from __future__ import annotations

from .class_names import check_class_names
from .load import LoadedModel, load_model

__all__ = ["LoadedModel", "check_class_names", "load_model"]
