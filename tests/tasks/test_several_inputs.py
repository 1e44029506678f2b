"""Pairs, views, clips, several inputs and several heads: as they are, or as the message says."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.planted.lraspp import SIDE, pictures, random_places
from helpers.planted.marks import found

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
SIZE = (64, 96)
DRAWS = 100
METHODS = ("gradcam", "gradcam++", "xgradcam", "hirescam", "layercam", "gradcam_elementwise")


@cache
def places() -> Tensor:
    return random_places(DRAWS, SIZE)


@cache
def images() -> Tensor:
    return pictures(places(), SIZE)


class Colours(nn.Sequential):
    """How much there is of each colour, on a grid."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 3, 1, bias=False), nn.ReLU(), nn.AvgPool2d(SIDE))
        with torch.no_grad():
            self[0].weight.copy_(torch.eye(3)[..., None, None])


def classes() -> nn.Linear:
    """Each speaks for a colour, and against the next one."""
    linear = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(3) - 0.3 * torch.eye(3).roll(1, 1))
    return linear


class Pair(nn.Module):
    """Whether two pictures have the same colours: one encoder, run twice."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Colours()

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        one, other = self.encoder(first).mean((2, 3)), self.encoder(second).mean((2, 3))
        return (one * other).sum(1, keepdim=True)


class Views(nn.Module):
    """Several views of one thing, (N, V, C, H, W), of which the best counts."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.classes = Colours(), classes()

    def forward(self, views: Tensor) -> Tensor:
        scores = self.classes(self.encoder(views.flatten(0, 1)).mean((2, 3)))
        return scores.view(*views.shape[:2], 3).amax(1)


class Both(nn.Module):
    """Two inputs with an encoder each, and two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.colours, self.others = Colours(), Colours()
        self.classes = classes()

    def forward(self, colours: Tensor, others: Tensor) -> dict[str, Tensor]:
        one, other = self.colours(colours), self.others(others)
        return {"one": self.classes(one.mean((2, 3))), "two": self.classes(other.mean((2, 3)))}


def mostly(colour: int) -> Tensor:
    """One picture that is mostly of one colour."""
    picture = torch.full((1, 3, *SIZE), 0.2)
    picture[:, colour] = 1
    return picture


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("side", [0, 1])
def test_of_a_pair_the_image_that_is_named_is_explained(method: str, side: int) -> None:
    given = [mostly(1).expand(DRAWS, -1, -1, -1)] * 2
    given[side] = images()
    e = camkit.explain(Pair(), tuple(given), method, 1, image_input=side)
    assert e.layer == f"encoder#{side}"
    assert found(e, places()[:, 1], SIDE) >= 95


def test_of_a_pair_nobody_names_the_message_says_how() -> None:
    pair = (images()[:1], mostly(0))
    with pytest.raises(camkit.CamkitError, match=r"name one, e\.g\. image_input=0"):
        camkit.explain(Pair(), pair)
    assert found(camkit.explain(Pair(), pair, target=1, image_input=0), places()[:1, 0], SIDE) == 1


def test_views_are_explained_as_the_message_says() -> None:
    model = Views()
    views = torch.stack([images()[0], torch.zeros(3, *SIZE), torch.zeros(3, *SIZE)])
    with pytest.raises(ValueError, match="inside a module with forward") as caught:
        camkit.explain(model, views[None], target=2)
    advice = str(caught.value)
    assert advice.endswith("return self.model(frames[None]).expand(len(frames), -1)")

    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, frames: Tensor) -> Tensor:
            return self.model(frames[None]).expand(len(frames), -1)

    e = camkit.explain(Inside(), views, target=2)
    assert found(e, places()[:1, 2].expand(3, -1), SIDE) >= 1
    assert [bool(cam.any()) for cam in e.cam] == [True, False, False]


class Slices(Views):
    """The same of volumes (N, C, D, H, W), slice by slice."""

    def forward(self, volumes: Tensor) -> Tensor:
        return super().forward(volumes.transpose(1, 2))


def test_volumes_that_are_read_slice_by_slice_are_explained_as_the_message_says() -> None:
    model = Slices()
    volume = torch.stack([images()[0], torch.zeros(3, *SIZE)], 1)
    with pytest.raises(ValueError, match=r"clips \(N, C, T, H, W\) frame by frame") as caught:
        camkit.explain(model, volume[None], target=2)
    call = "self.model(frames[None].transpose(1, 2)).expand(len(frames), -1)"
    assert str(caught.value).endswith(f"return {call}")

    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, frames: Tensor) -> Any:
            return self.model(frames[None].transpose(1, 2)).expand(len(frames), -1)

    e = camkit.explain(Inside(), volume.transpose(0, 1), target=2)
    assert [bool(cam.any()) for cam in e.cam] == [True, False]


@pytest.mark.parametrize("method", METHODS)
def test_each_of_several_inputs_and_heads_is_explained(method: str) -> None:
    given = {"colours": images(), "others": images().flip(3)}
    one = camkit.explain(Both(), given, method, 0, output="one", image_input="colours")
    assert (one.layer, found(one, places()[:, 0], SIDE)) == ("colours", DRAWS)
    two = camkit.explain(Both(), given, method, 0, output="two", image_input="others")
    mirrored = torch.stack([places()[:, 0, 0], SIZE[1] - SIDE - places()[:, 0, 1]], 1)
    assert (two.layer, found(two, mirrored, SIDE)) == ("others", DRAWS)


@pytest.mark.parametrize("kind", ["VideoMAE", "Vivit"])
def test_clips_with_the_frames_first_are_explained_as_the_message_says(kind: str) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"image_size": [32, 48], "patch_size": 8, "num_frames": 8, "tubelet_size": 2}
    if kind == "Vivit":
        sizes["tubelet_size"] = [2, 8, 8]
    widths = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = getattr(transformers, f"{kind}Config")(**sizes, **widths, intermediate_size=64)
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}ForVideoClassification")(config).eval()
    frames_first = torch.randn(1, 8, 3, 32, 48)
    with pytest.raises(ValueError, match="frames before the channels") as caught:
        camkit.explain(model, frames_first, target=1)
    assert str(caught.value).endswith("return self.model(clips.transpose(1, 2))")

    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, clips: Tensor) -> Any:
            return self.model(clips.transpose(1, 2))

    e = camkit.explain(Inside(), frames_first.transpose(1, 2), target=1)
    assert (e.cam.shape, e.heatmap.shape) == ((1, 4, 4, 6), (1, 8, 32, 48))


def test_frames_of_a_transformer_that_reads_them_one_by_one() -> None:
    transformers = pytest.importorskip("transformers")
    widths = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.TimesformerConfig(
        image_size=32, patch_size=8, num_frames=8, intermediate_size=64, **widths
    )
    torch.manual_seed(0)
    model = transformers.TimesformerForVideoClassification(config).eval()
    frames = torch.randn(8, 3, 32, 32)
    with pytest.raises(ValueError, match=r"return self.model\(frames\[None\]\).logits.expand"):
        camkit.explain(model, frames[None], target=1)

    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, frames: Tensor) -> Any:
            return self.model(frames[None]).logits.expand(len(frames), -1)

    assert camkit.explain(Inside(), frames, target=1).cam.shape == (8, 4, 4)
