"""One row of the target layer for each image: other numbers are refused, and the advice works."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import InputError, LayerError


class Crops(nn.Module):
    """Three views of each image, folded into the batch; their scores averaged."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.f, self.head = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Linear(4, 3)

    def views(self, images: Tensor) -> Tensor:
        return torch.stack([images, images * 0.5, images + 0.1], 1).flatten(0, 1)

    def forward(self, images: Tensor) -> Tensor:
        scores = self.head(self.f(self.views(images)).relu().mean((2, 3)))
        return scores.view(len(images), 3, -1).mean(1)


class Frames(nn.Module):
    """Clips (N, T, C, H, W): each frame through a network, then a recurrent one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.f, self.rnn, self.head = (
            nn.Conv2d(3, 4, 3),
            nn.LSTM(4, 4, batch_first=True),
            nn.Linear(4, 3),
        )

    def forward(self, clips: Tensor) -> Tensor:
        n, t = clips.shape[:2]
        features = self.f(clips.flatten(0, 1)).relu().mean((2, 3)).view(n, t, -1)
        return self.head(self.rnn(features)[0][:, -1])


IMAGES = torch.randn(4, 3, 8, 8, generator=torch.manual_seed(1))


@pytest.mark.parametrize(
    "method", ["gradcam", "layercam", "eigencam", "ablationcam", "scorecam", "shapleycam"]
)
def test_a_layer_of_other_rows_is_refused_with_the_counts_never_the_method(method: str) -> None:
    with pytest.raises(LayerError, match=r"^layer 'f' gives 12 rows for 4 images"):
        camkit.explain(Crops().eval(), IMAGES, method, 1, "f")


def test_the_advice_for_crops_gives_the_sum_of_their_maps() -> None:
    model = Crops().eval()
    with pytest.raises(LayerError) as caught:
        camkit.explain(model, IMAGES, target=1, layer="f")
    found = re.search(r"reshape_transform=(lambda .*)$", str(caught.value))
    assert found
    together = camkit.explain(model, IMAGES, "gradcam", 1, "f", eval(found[1]))
    plain = nn.Sequential(model.f, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.head)
    views = camkit.explain(plain.eval(), model.views(IMAGES), "gradcam", 1, "0").cam
    assert torch.allclose(together.cam, views.view(4, 3, 4, 4).mean(1), atol=1e-6)


class Clip(nn.Module):
    """One clip's frames as images, as the message advises."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor) -> Tensor:
        return self.model(frames[None]).expand(len(frames), -1)  # type: ignore[no-any-return]


def test_clips_of_a_network_for_images_are_explained_as_the_refusal_says() -> None:
    model, frames = Frames().eval(), torch.randn(5, 3, 8, 8)
    with pytest.raises(InputError, match=r"frames \(T, C, H, W\) of one clip") as caught:
        camkit.explain(model, torch.randn(2, 5, 3, 8, 8), target=1, layer="f")
    assert "return self.model(frames[None]).expand(len(frames), -1)" in str(caught.value)
    kept: list[Tensor] = []
    hook = model.f.register_forward_hook(lambda m, a, output: kept.append(output))
    (gradient,) = torch.autograd.grad(model(frames[None])[0, 1], kept[0])
    hook.remove()
    expected = (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1)
    explained = camkit.explain(Clip(model).eval(), frames, "gradcam", 1, "model.f")
    assert torch.allclose(explained.cam, expected, atol=1e-6)
