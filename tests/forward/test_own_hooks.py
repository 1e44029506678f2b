"""Models that register hooks on themselves in their first run, as those of transformers do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn
from helpers.families.huggingface import segformer

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


class Hooking(nn.Module):
    """Reads its maps from a hook that it registers in its first run; twice if it does so twice."""

    def __init__(self, kwargs: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act, self.head = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 3)
        self.kwargs, self.ready, self.kept = kwargs, False, list[Tensor]()

    def forward(self, images: Tensor) -> Tensor:
        if not self.ready:
            self.conv.register_forward_hook(self._keep, with_kwargs=self.kwargs)
            self.conv.register_forward_pre_hook(lambda module, args: None)
            self.ready = True
        self.kept = []
        self.conv(images)
        return self.head(self.act(torch.stack(self.kept).sum(0)).mean((2, 3)))

    def _keep(self, module: nn.Module, args: Any, *more: Any) -> None:
        self.kept.append(more[-1])


def hooks(model: nn.Module) -> list[list[Any]]:
    names = [name for name in vars(model) if "hooks" in name]
    return [list(getattr(module, name) or ()) for module in model.modules() for name in names]


@pytest.mark.parametrize("kwargs", [False, True])
def test_hooks_of_a_first_run_are_taken_off_and_registered_once(kwargs: bool) -> None:
    model, images = Hooking(kwargs).eval(), drawn(2, 3, 8, 8)
    before = hooks(model)
    first = camkit.explain(model, images, target=1)
    assert (hooks(model), model.ready) == (before, False)
    assert torch.equal(camkit.explain(model, images, target=1).cam, first.cam)
    torch.testing.assert_close(model(images), Hooking(kwargs)(images))


def test_hooks_that_were_there_stay() -> None:
    model, images = Hooking(True).eval(), drawn(2, 3, 8, 8)
    scores = model(images)
    before = hooks(model)
    camkit.explain(model, images, target=1)
    assert hooks(model) == before
    assert torch.equal(model(images), scores)


def test_a_model_of_transformers_runs_after_an_explanation() -> None:
    model, images = segformer(), drawn(1, 3, 64, 64)
    expected = segformer()(images).logits
    camkit.explain(model, images, target=lambda output: output["logits"][1].mean())
    assert torch.equal(model(images).logits, expected)
