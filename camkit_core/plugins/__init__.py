"""Plugins: every method, adapter, renderer, metric and source of models, from any package."""

from __future__ import annotations

from .contribution import Contribution, Problem
from .registry import API_VERSION, Registry, get_registry, using

__all__ = ["API_VERSION", "Contribution", "Problem", "Registry", "get_registry", "using"]
