"""A model by its name, ready to be explained."""

from __future__ import annotations

from .load import LoadedModel, check_class_names, load_model

__all__ = ["LoadedModel", "check_class_names", "load_model"]
