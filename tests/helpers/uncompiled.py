"""Explainers with compile=True whose graphs run as they are, weights copied as if folded.

Everything but the compiler is at work, in a tenth of the time.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core.forward.compiled import folding, parts
from camkit_core.testing.networks import some_images

X = some_images(2)


def graphs_run_as_they_are(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """From now on, in this test; gives the graphs that would have been compiled."""
    graphs: list[Any] = []

    def folded(trunk: Any, *given: Any) -> Any:
        graphs.append(deepcopy(trunk))
        return folding.in_precision(graphs[-1], *given)

    monkeypatch.setattr(parts, "folded", folded)
    return graphs


def prepared(model: Any, method: str = "gradcam", images: Tensor = X, **asked: Any) -> Any:
    """A compiled explainer of `model.layer`."""
    return camkit.prepare(model, images, method, 1, model.layer, compile=True, **asked)


def explained(model: Any, method: str = "gradcam", images: Tensor = X, target: Any = 1) -> Any:
    """The eager explanation of `model.layer`."""
    return camkit.explain(model, images, method, target, model.layer)


def close(cam: Tensor, expected: Tensor) -> None:
    """Asserts that maps are the same but for rounding."""
    torch.testing.assert_close(cam, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
