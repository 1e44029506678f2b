"""Images run in the quickest memory format, which changes nothing but the time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.memory_format import run_quickest


def network(groups: int = 1) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=groups), nn.ReLU()
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


def formats(model: nn.Module, images: Tensor, **settings: Any) -> list[bool]:
    """For each run of the model's first layer: whether its images came channels last."""
    layouts: list[bool] = []

    def note(module: nn.Module, args: Any) -> None:
        layouts.append(args[0].is_contiguous(memory_format=torch.channels_last))

    handle = model[0].register_forward_pre_hook(note)  # type: ignore[index]
    camkit.explain(model, images, target=1, **{"layer": "3", **settings})
    handle.remove()
    return layouts


@pytest.mark.parametrize(
    ("groups", "count", "dtype", "last"),
    [
        (1, 1, torch.float32, False),
        (1, 4, torch.float32, True),
        (4, 1, torch.float32, True),
        (2, 1, torch.float32, False),
        (4, 4, torch.float64, False),
    ],
)
def test_several_images_and_depthwise_convolutions_are_run_channels_last(
    groups: int, count: int, dtype: torch.dtype, last: bool
) -> None:
    model, images = network(groups).to(dtype), torch.randn(count, 3, 8, 8, dtype=dtype)
    assert formats(model, images) == [last]


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"])
def test_the_values_are_those_of_the_usual_format(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = network(4), torch.randn(5, 3, 8, 8)
    quick = camkit.explain(model, images, method, 1, "2")
    monkeypatch.setattr("camkit_core.forward.memory_format._helps", lambda *given: False)
    usual = camkit.explain(model, images, method, 1, "2")
    assert torch.allclose(quick.cam, usual.cam, rtol=1e-4, atol=1e-6)
    assert torch.allclose(quick.logits, usual.logits, rtol=1e-4, atol=1e-6)


class Viewing(nn.Sequential):
    """Changes its images in place, then takes a view that only the default format allows."""

    def forward(self, images: Tensor) -> Tensor:
        features = self[0](images.sub_(1))
        return self[1](features.view(len(features), -1))


def test_a_model_that_views_the_usual_format_gets_it_and_intact_images() -> None:
    torch.manual_seed(0)
    model = Viewing(nn.Conv2d(3, 4, 3, padding=1), nn.Linear(256, 3)).eval()
    images = torch.randn(4, 3, 8, 8)
    kept = images.clone()
    first = formats(model, images, layer="0")
    assert first[0] is True
    assert set(first[1:]) == {False}
    assert formats(model, images, layer="0") == [False]
    assert torch.equal(images, kept)
    assert torch.allclose(
        camkit.explain(model, images, target=1, layer="0").logits, model(kept.clone())
    )


def test_another_error_is_passed_on_at_once() -> None:
    runs: list[int] = []

    def fail(images: Tensor) -> None:
        runs.append(len(images))
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match=r"^mine$"):
        run_quickest(network(), torch.randn(4, 3, 8, 8), fail)
    assert runs == [4]
