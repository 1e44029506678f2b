"""The local engine: a row for each image, target and method, whatever the source."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import camkit_core as camkit
from camkit_core.errors import ArgumentError, CamkitError, InputError, RunError, UnknownName
from helpers.picture_folders import BROKEN, Tiny, transform

MODEL = Tiny()


def explained(source, output, *question, model=MODEL, workers=0, **settings):
    if not isinstance(source, (Dataset, DataLoader)):
        settings["transform"] = transform
    return camkit.explain_dataset(model, source, output, *question, workers=workers, **settings)


@pytest.fixture(scope="module")
def maps(photos, tmp_path_factory):
    """The folder explained, in batches of 7 that two workers read."""
    return explained(photos, tmp_path_factory.mktemp("maps"), workers=2, batch_size=7)


def ids(maps):
    return [row.id for row in maps]


def test_each_picture_is_a_row_and_each_that_cannot_be_read_names_its_error(maps):
    assert len(maps) == len(set(ids(maps))) == 60
    failed = {row.id: row.error for row in maps if row.error}
    assert set(failed) == set(BROKEN)
    assert failed["text.jpg"].startswith("InputError: cannot read ")
    assert "the file is empty" in failed["b/empty.jpg"]
    assert "no such file is there" in failed["gone.jpg"]


def test_a_row_is_what_explain_gives(maps, photos):
    row = next(row for row in maps if row.id == "c/deep 0/002.jpg")
    e = camkit.explain(MODEL, photos / row.id, transform=transform)
    assert row.class_index == int(e.target[0])
    assert row.score == pytest.approx(float(e.score[0]), rel=1e-4)
    assert row.probability == pytest.approx(float(e.logits.softmax(1).max()), rel=1e-4)
    assert (row.top_class, row.top_probability) == (row.class_index, row.probability)
    assert np.abs(row.map - e.cam[0].numpy()).max() <= 2**-10 * row.scale
    assert np.abs(row.heatmap - e.heatmap[0].numpy()).max() <= 2**-10
    assert (row.layer, row.method, row.target) == (e.layer, "gradcam", "top1")


def test_a_row_is_drawn_on_its_picture(maps):
    row = next(row for row in maps if not row.error)
    assert row.render(transform=transform).size == (48, 40)


def test_the_metadata_says_what_the_maps_are_of(maps):
    facts = maps.metadata
    assert (facts["model"], facts["methods"], facts["targets"]) == ("Tiny", ["gradcam"], ["top1"])
    assert facts["source"]["kind"] == "folder"
    assert len(facts["weights_hash"]) == 64
    assert {"camkit", "torch", "pyarrow"} <= set(facts["versions"])


def test_several_methods_and_targets_are_rows_beside_each_other(photos, tmp_path):
    maps = explained(photos, tmp_path, "gradcam,layercam", "top2,0")
    assert len(maps) == 60 * 2 * 3
    asked = [(row.target, row.method) for row in maps[:6]]
    assert asked == [(t, m) for t in ("top1", "top2", "0") for m in ("gradcam", "layercam")]
    assert len(set(ids(maps[:6]))) == 1
    assert sum(row.error is not None for row in maps) == len(BROKEN) * 6


def test_images_of_several_sizes_are_explained_at_their_own(tmp_path):
    sizes = [32, 40, 32, 48, 40, 32, 32, 48]
    images = [(torch.rand(3, size, size), 1) for size in sizes]
    maps = camkit.explain_dataset(MODEL, images, tmp_path, batch_size=3, workers=0)
    assert {int(row.id): row.input_size[0] for row in maps} == dict(enumerate(sizes))


class Labelled(Dataset):
    """Ten pictures with labels of its own; the fourth raises."""

    classes = ("cat", "dog", "owl")

    def __len__(self):
        return 10

    def __getitem__(self, index):
        if index == 3:
            raise OSError(f"no picture {index}, says {object()!r}")
        return Image.new("RGB", (40, 40), (index * 20, 80, 90)), index % 3


def test_a_dataset_gives_indices_and_labels(tmp_path):
    maps = camkit.explain_dataset(
        MODEL, Labelled(), tmp_path, workers=0, batch_size=4, transform=transform
    )
    rows = {row.id: row for row in maps}
    assert sorted(rows, key=int) == [str(index) for index in range(10)]
    assert (rows["7"].label, rows["7"].label_name) == (1, "dog")
    assert rows["3"].error == "OSError: no picture 3, says <object object>"


def test_labels_are_explained_where_they_are_asked_for(tmp_path):
    data = TensorDataset(torch.rand(6, 3, 32, 32), torch.tensor([0, 1, 2, 0, 1, 2]))
    maps = explained(data, tmp_path, "gradcam", "label")
    assert [row.class_index for row in maps] == [row.label for row in maps] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("collate", [None, lambda items: torch.stack([item[0] for item in items])])
def test_a_data_loader_gives_its_images_in_order(collate, tmp_path):
    data = TensorDataset(torch.rand(11, 3, 32, 32))
    loader = DataLoader(data, batch_size=4, collate_fn=collate)
    first = explained(loader, tmp_path, workers=None)
    assert ids(first) == [str(index) for index in range(11)]
    expected = camkit.explain(MODEL, data.tensors[0][9:10])
    assert np.abs(first[9].heatmap - expected.heatmap[0].numpy()).max() <= 2**-10
    assert len(explained(loader, tmp_path, workers=None)) == 11


def test_a_data_loader_that_shuffles_is_refused(tmp_path):
    loader = DataLoader(TensorDataset(torch.rand(4, 3, 32, 32)), shuffle=True)
    with pytest.raises(ArgumentError, match="shuffle=False, or pass its dataset"):
        explained(loader, tmp_path)


class Endless(IterableDataset):
    """Five images, and then an error."""

    def __iter__(self):
        yield from torch.rand(5, 3, 32, 32)
        raise ValueError("the connection is gone")


def test_what_a_stream_gave_before_it_broke_is_kept(tmp_path):
    with pytest.raises(RunError, match=r"stopped after 4 images.*the connection is gone"):
        explained(DataLoader(Endless(), batch_size=2), tmp_path)
    assert ids(camkit.open_dataset(tmp_path)) == ["0", "1", "2", "3"]


def test_a_list_of_paths_has_the_paths_as_ids_each_once(photos, tmp_path):
    paths = [photos / "a/deep 0/000.jpg", str(photos / "text.jpg"), photos / "a/deep 0/000.jpg"]
    maps = explained(paths, tmp_path)
    assert ids(maps) == [str(photos / "text.jpg"), str(paths[0])]  # errors are known at once


def test_a_name_that_is_no_text_is_read_all_the_same(photos, tmp_path):
    odd = os.path.join(os.fsencode(tmp_path), b"\xff.jpg")
    with open(odd, "wb") as file:
        file.write((photos / "a/deep 0/000.jpg").read_bytes())
    (row,) = explained(tmp_path, tmp_path / "maps")
    assert (row.id, row.error) == ("\\xff.jpg", None)


def test_an_address_is_listed_and_read(photos, tmp_path):
    maps = explained(photos.as_uri(), tmp_path)
    assert len(maps) == 59  # a link to nothing is no file
    assert maps.metadata["source"] == {"kind": "address", "root": photos.as_uri()}


def test_the_model_is_left_as_it_was(photos, tmp_path):
    model = Tiny().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explained(photos, tmp_path, model=model)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model.body[0]._forward_hooks


class Fussy(Tiny):
    """Raises for a batch with an image that is all zero."""

    def forward(self, images):
        if bool((images.flatten(1).abs().sum(1) == 0).any()):
            raise RuntimeError("an image is empty")
        return super().forward(images)


def test_a_batch_that_fails_is_tried_image_by_image(tmp_path):
    images = torch.rand(6, 3, 32, 32)
    images[2] = 0
    maps = explained(TensorDataset(images), tmp_path, model=Fussy(), batch_size=3)
    assert {row.id: row.error for row in maps if row.error} == {
        "2": "RuntimeError: an image is empty"
    }
    assert len(maps) == 6


def test_what_fails_for_all_images_ends_the_run(tmp_path):
    data = TensorDataset(torch.rand(6, 3, 32, 32))
    with pytest.raises(CamkitError, match=r"out of range: the model has 3 classes"):
        explained(data, tmp_path / "target", "gradcam", 7)
    with pytest.raises(UnknownName, match="Did you mean 'gradcam'"):
        explained(data, tmp_path / "method", "gradcma")
    with pytest.raises(RunError, match="none of the first 6 images can be explained: RuntimeError"):
        explained(TensorDataset(torch.rand(6, 5, 32, 32)), tmp_path / "channels")
    assert not list((tmp_path / "target").glob("[!.]*"))  # nothing that another run would mind


def test_another_precision_says_how_far_its_maps_are_off(tmp_path):
    data = TensorDataset(torch.rand(6, 3, 32, 32))
    model = Tiny()
    maps = explained(data, tmp_path, model=model, dtype="bfloat16", memory_format="channels_last")
    own = explained(data, tmp_path / "own", model=model)
    apart = max(np.abs(a.heatmap - b.heatmap).max() for a, b in zip(maps, own, strict=True))
    error = maps.metadata["precision_error"]
    assert error["largest"] == pytest.approx(apart, abs=2**-10)
    assert 0 < error["largest"] < 0.1
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    with pytest.raises(ArgumentError, match="expected dtype= as float32 or bfloat16"):
        explained(data, tmp_path / "other", dtype="int8")


def test_compiled_passes_give_the_same_maps(tmp_path, uncompiled):
    data = TensorDataset(torch.rand(6, 3, 32, 32))
    model = Tiny()
    maps = explained(data, tmp_path, model=model, batch_size=4, compile=True)
    own = explained(data, tmp_path / "own", model=model)
    for compiled, eager in zip(maps, own, strict=True):
        np.testing.assert_allclose(compiled.heatmap, eager.heatmap, atol=2**-10)
    assert maps.metadata["precision"]["compiled"]
    assert maps.metadata["precision_error"]["largest"] < 1e-5
    assert "not_compiled" not in maps.metadata


def test_pictures_need_somebody_who_says_how_they_are_prepared(photos, tmp_path):
    with pytest.raises(InputError, match="pass transform="):
        camkit.explain_dataset(MODEL, photos, tmp_path)
