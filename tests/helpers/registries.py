"""What tests ask of a registry, and plugins made in code."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from camkit_core.plugins import Registry
from camkit_core.plugins.hookspecs import hookimpl
from helpers.fake_packages import Install

Capture = pytest.CaptureFixture[str]
OWN = ["gradcam", "gradcam++"]


def names(registry: Registry, kind: str = "method") -> list[str]:
    return [row.name for row in registry.contributions(kind)]


def problem_with(distribution: str) -> str:
    [text] = [
        str(problem) for problem in Registry().problems() if problem.distribution == distribution
    ]
    return text


def code(**hooks: Callable[[], object]) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(hook) for name, hook in hooks.items()})


def usable(registry: Registry, kind: str = "method") -> list[str]:
    return [row.name for row in registry.contributions(kind) if row.status == ""]


def fancy(install: Install) -> None:
    for letter in ("a", "b"):
        entry = f"[camkit.methods]\nfancy = camkit_{letter}:fancy\n"
        install(f"camkit-{letter}", entry, **{f"camkit_{letter}": "def fancy(probe): ..."})
