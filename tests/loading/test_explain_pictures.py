"""`explain` takes pictures: from a file, by PIL or as an array, and draws on them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import camkit_core as camkit
from camkit_core import CamkitError, LoadedModel

NAMES = ("dark", "light", "grey")


class Tiny(nn.Module):
    """A network of one convolution and three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(images).relu().mean((2, 3)))


def build() -> tuple[nn.Module, Any, Any]:
    """A factory for `load_model`, with the usual preprocessing and names."""
    return Tiny(), camkit.Preprocessing(), NAMES


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return camkit.load_model(f"{__name__}:build")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)


def test_a_file_a_picture_and_an_array_give_the_same_map(loaded, pixels, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    given = (path, str(path), Image.open(path), Image.fromarray(pixels), pixels)
    maps = [camkit.explain(loaded, each).cam for each in given]
    assert all(torch.equal(each, maps[0]) for each in maps)


def test_a_list_of_pictures_is_a_batch(loaded, pixels):
    e = camkit.explain(loaded, [pixels, pixels[::-1].copy()], target=["light", 0])
    assert [e.describe(index).split()[0] for index in (0, 1)] == ["light", "dark"]


def test_several_classes_are_compared_by_name(loaded, pixels):
    compared = camkit.compare(loaded, pixels, ["gradcam", "eigencam"], ["grey", None])
    assert compared[0, 0].describe().startswith("grey")
    assert compared.render().size[0] > 3 * 224


def test_methods_are_judged_on_pictures_by_their_names(loaded, pixels, tmp_path):
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    judged = camkit.compare(loaded, [tmp_path / "photo.png", pixels], ["gradcam"], metrics=["area"])
    assert [name.partition(",")[0] for name in judged.judgement.names] == ["photo.png", "image 1"]
    assert judged.judgement.provenance["model"] == loaded.name
    assert judged.judgement.pictures[0].shape == (224, 224, 3)


def test_the_picture_is_drawn_at_its_own_size_or_as_the_input(loaded, pixels):
    e = camkit.explain(loaded, pixels)
    assert e.render().size == (90, 60)
    assert e.render(on="input").size == (224, 224)
    assert e.on_original().shape == (60, 90)


def test_it_says_what_was_explained(loaded, pixels, tmp_path):
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    e = camkit.explain(loaded, tmp_path / "photo.png", target="light")
    record = e.summary()
    assert (record["image"], record["class"], record["target"]) == ("photo.png", "light", 1)
    assert record["original"]["size"] == [60, 90]
    assert record["original"]["box"] == pytest.approx([18.75, 3.75, 71.25, 56.25], abs=0.3)
    assert record["preprocessing"]["resize"] == "fit, middle 7/8"
    e.save(tmp_path / "e.npz")
    metadata = camkit.load_raw(tmp_path / "e.npz")[1]
    assert metadata["originals"] == [{"image": "photo.png", "original": record["original"]}]


def test_a_model_of_ones_own_takes_pictures_with_its_transform(pixels):
    transform = camkit.Preprocessing(size=(32, 48))
    e = camkit.explain(Tiny(), pixels, transform=transform)
    assert e.images.shape == (1, 3, 32, 48)
    assert e.render().size == (90, 60)


def test_a_loaded_model_takes_tensors_too(loaded):
    e = camkit.explain(loaded, torch.zeros(1, 3, 32, 32), target="grey")
    assert e.originals is None
    assert e.describe().startswith("grey")


def test_its_layers_are_listed(loaded):
    assert "layer" in str(camkit.layers(loaded, torch.rand(1, 3, 32, 32)))


def cut_off(pixels):
    """A picture whose file ends early, as Pillow opens it."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return Image.open(io.BytesIO(stream.getvalue()[:900]))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, p: camkit.explain(m, p, target="ligth"), "Did you mean 'light'"),
        (lambda m, p: camkit.explain(m, "no.jpg"), "no such file"),
        (lambda m, p: camkit.explain(m, "https://x.y/z.jpg"), "https://x.y/z.jpg: an address"),
        (lambda m, p: camkit.explain(m, p[:0]), "the picture has no pixels"),
        (lambda m, p: camkit.explain(m, cut_off(p)), "Pillow cannot read this picture"),
        (lambda m, p: camkit.explain(m, p / 255), r"expected pictures .*got ndarray \(60, 90, 3\)"),
        (lambda m, p: camkit.explain(m, []), r"expected pictures .*got \[\]"),
        (lambda m, p: camkit.explain("vgg11", p), r"camkit.load_model\('vgg11'\)"),
        (lambda m, p: camkit.explain(m.model, p), "pass the function that makes its input"),
        (lambda m, p: camkit.explain(m, p, transform=camkit.Preprocessing()), "explain\\(loaded"),
        (lambda m, p: camkit.explain(m, torch.zeros(3, 9, 9), transform=abs), "render"),
        (lambda m, p: camkit.explain(m, p).render(on="photo"), "on='original' or on='input'"),
        (lambda m, p: camkit.explain(m, p).render(transform=abs), "image="),
        (lambda m, p: camkit.explain(m, torch.zeros(3, 9, 9)).on_original(), "load_model"),
    ],
)
def test_mistakes_are_named_with_what_to_do(loaded, pixels, call, said):
    with pytest.raises(CamkitError, match=said):
        call(loaded, pixels)


def test_what_is_random_is_not_guessed(loaded, pixels):
    def crop(image: Image.Image) -> torch.Tensor:
        left = int(torch.randint(0, 20, ()))
        return torch.from_numpy(np.array(image.crop((left, 0, left + 40, 40)))).movedim(2, 0) / 255

    before = torch.get_rng_state()
    e = camkit.explain(Tiny(), pixels, transform=crop)
    assert any("cannot be measured (it is random)" in note for note in e.notes)
    assert e.render().size == (40, 40)
    assert not torch.equal(before, torch.get_rng_state())  # drawn once, for the input itself
