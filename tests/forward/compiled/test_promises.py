"""The promises of explainers hold where passes are compiled, while they are compiled as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor

import camkit_core as camkit
from camkit_core.errors import quietly
from camkit_core.forward.compiled import folding
from camkit_core.testing import maps, side_effects

KEPT = (
    side_effects.untouched,
    side_effects.untouched_in_training,
    side_effects.gradients_kept,
    side_effects.random_states,
    side_effects.images_kept,
    side_effects.modes_kept,
)
TRUE = (maps.repeat, maps.detached, maps.leak, maps.exception)


def heatmaps(model: Any, images: Tensor, target: Any = None) -> Tensor:
    """The heatmaps by compiled passes, compiled anew in each call."""
    layer = getattr(model, "network", model).layer
    with quietly():
        explainer = camkit.prepare(model, images, "gradcam", target, layer, compile=True)
        return explainer(images, target).heatmap


@pytest.mark.parametrize("check", [*KEPT, *TRUE], ids=lambda check: str(check.__name__))
def test_the_promise_holds(monkeypatch: pytest.MonkeyPatch, check: Callable[..., None]) -> None:
    monkeypatch.setattr(folding, "BACKEND", "eager")
    check(heatmaps)
