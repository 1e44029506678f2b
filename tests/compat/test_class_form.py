"""The class form takes what both generations of pytorch-grad-cam's code pass it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.errors import LayerTypeError
from camkit_core.image import preprocess_image
from camkit_methods import AblationCAM, GradCAM, ScoreCAM


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *head).eval()


@pytest.mark.parametrize("form", [AblationCAM, ScoreCAM])
def test_the_size_of_chunks_is_an_argument(form: type, model: nn.Module) -> None:
    x = torch.randn(1, 3, 12, 12)
    cam = form(model, [model[1]], batch_size=2)
    assert cam.batch_size == 2
    assert np.allclose(cam(x), form(model, [model[1]])(x), atol=1e-6)


@pytest.mark.parametrize(
    "third", [None, False, lambda output: output.flip(3)], ids=["none", "false", "reshape"]
)
def test_the_third_argument_is_the_reshape_of_newer_code_or_use_cuda(
    third: object, model: nn.Module
) -> None:
    x = torch.randn(1, 3, 12, 12)
    given = GradCAM(model, [model[1]], third)(x)
    reshape = third if callable(third) else None
    expected = camkit.explain(model, x, layer=model[1], reshape_transform=reshape).to_numpy()
    assert (given == expected).all()


def test_a_grey_picture_is_prepared_as_a_batch_of_one_channel() -> None:
    grey = np.random.default_rng(0).random((6, 5), np.float32)
    batch = preprocess_image(grey, [0.5], [0.25])
    assert batch.shape == (1, 1, 6, 5)
    assert torch.allclose(batch[0, 0], (torch.from_numpy(grey) - 0.5) / 0.25)


def test_a_mask_of_a_segmentation_may_be_an_array_and_of_a_volume() -> None:
    scores = torch.randn(2, 3, 4, 5)
    mask = np.zeros((3, 4, 5), np.float32)
    mask[1, 2, :3] = 1
    target = camkit.SegmentationTarget(1, mask)
    expected: Tensor = scores[1, 1, 2, :3].mean()
    assert torch.allclose(target(scores), expected)


def test_a_reshape_of_several_tensors_is_told_what_it_is_given() -> None:
    class Backbone(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"0": x, "pool": x[..., ::2, ::2]}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = Backbone()

        def forward(self, x: Tensor) -> Tensor:
            return self.backbone(x)["pool"].mean((2, 3))

    def reshape(levels: dict[str, Tensor]) -> Tensor:
        return levels["pool"]

    x = torch.randn(1, 3, 8, 8)
    with pytest.raises(LayerTypeError, match="of a layer that returns several it is given one"):
        camkit.explain(Model(), x, "eigencam", layer="backbone", reshape_transform=reshape)
