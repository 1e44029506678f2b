"""Models of Hugging Face by name, from folders and from a hub that is out of reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoImageProcessor,
    MobileViTImageProcessor,
    OwlViTConfig,
    TimmWrapperConfig,
    ViTModel,
)

from camkit_core import load_model, preprocessing_in
from camkit_core.errors import CamkitError, FileError, InputError, UnknownName
from camkit_core.inputs.models.class_names import names_in
from camkit_core.inputs.models.sources.hugging_face import hf
from camkit_core.inputs.models.sources.image_processors import preprocessing_by
from helpers.hub_folders import classifier, detector, text_image
from helpers.network_files import same_weights

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_a_folder_has_weights_names_and_preprocessing(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "pets")
    loaded = load_model(f"hf:{folder}")
    assert type(loaded.model).__name__ == "ViTForImageClassification"
    assert names_in(loaded.model) == ("cat", "dog", "pug")
    assert (loaded.task, loaded.model.training) == ("classification", False)
    assert loaded.weights.startswith("pets sha256:")
    processor = AutoImageProcessor.from_pretrained(folder)
    expected = processor(images=PICTURE, return_tensors="pt")["pixel_values"][0]
    assert torch.equal(loaded.preprocess(PICTURE), expected)
    assert loaded.prepared == {
        "size": [32, 32],
        "mean": [0.4, 0.5, 0.6],
        "std": [0.5, 0.5, 0.5],
        "resize": "ViTImageProcessor, size height=32 width=32",
    }


def test_random_weights_and_a_file_of_weights_replace_its_own(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "pets")
    own = load_model(f"hf:{folder}")
    random = load_model(f"hf:{folder}", "none")
    assert not same_weights(own.model, random.model)
    from_file = load_model(f"hf:{folder}", folder / "model.safetensors")
    assert same_weights(own.model, from_file.model)
    torch.save(random.model.state_dict(), tmp_path / "w.pth")
    assert same_weights(load_model(f"hf:{folder}", tmp_path / "w.pth").model, random.model)
    torch.save({"other.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"lack classifier\.bias, .* which would be random"):
        load_model(f"hf:{folder}", tmp_path / "other.pth")


@pytest.mark.parametrize(
    ("make", "task", "sides"),
    [(detector, "detection", (48, 64)), (text_image, "text-image", (32, 32))],
)
def test_other_tasks_are_told_by_the_class(
    make: Callable[[Path], Path], task: str, sides: tuple[int, int], tmp_path: Path
) -> None:
    loaded = load_model(f"hf:{make(tmp_path)}")
    assert loaded.task == task
    assert loaded.preprocess(PICTURE).shape == (3, *sides)
    assert (loaded.tokenizer is None) == (task == "detection")
    if loaded.tokenizer is not None:
        assert loaded.tokenizer()("a red car")["input_ids"][0] == 52


def changed(folder: Path, file: str, **values: Any) -> None:
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_without_an_image_processor_it_has_to_be_said(tmp_path: Path) -> None:
    folder = classifier(tmp_path)
    (folder / "preprocessor_config.json").unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"no image processor; .* --size N --mean R,G,B --std R,G"):
        load_model(f"hf:{folder}")
    said = load_model(f"hf:{folder}", size=[32], mean=[0.5], std=[0.5])
    assert said.preprocess(PICTURE).shape == (3, 32, 32)


def test_code_of_its_own_is_not_run(tmp_path: Path) -> None:
    folder = classifier(tmp_path)
    (folder / "own.py").write_text("raise SystemExit('ran')")
    changed(folder, "config.json", architectures=["OwnModel"], auto_map={"AutoModel": "own.Own"})
    with pytest.raises(InputError, match="OwnModel, which transformers has not"):
        load_model(f"hf:{folder}")


def test_weights_without_a_head_are_refused(tmp_path: Path) -> None:
    folder = classifier(tmp_path)
    ViTModel.from_pretrained(folder).save_pretrained(folder)
    changed(folder, "config.json", architectures=["ViTForImageClassification"])
    with pytest.raises(InputError, match=r"lack classifier\.bias, classifier\.weight of ViTFor"):
        load_model(f"hf:{folder}")


@pytest.mark.parametrize("name", ["", "gone/away/far", "a b", "../gone", "~nobody/x", "x" * 5000])
def test_what_can_be_no_name_is_refused(name: str) -> None:
    with pytest.raises(CamkitError) as error:
        load_model(f"hf:{name}")
    assert isinstance(error.value, (UnknownName, FileError))
    assert len(str(error.value)) < 500


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no config\.json in the folder"):
        load_model(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(FileError, match=r"config\.json of hf:.* cannot be read"):
        load_model(f"hf:{tmp_path}")


def test_a_hub_out_of_reach_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*args: object, **keywords: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    with pytest.raises(FileError, match=r"hf:facebook/detr-.*no route to host.* hf:FOLDER"):
        load_model("hf:facebook/detr-resnet-50")


def test_what_is_cached_is_used_without_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object, **keywords: object) -> None:
        raise OSError("no route to host")

    folder = classifier(tmp_path / "snapshots" / "abc")
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda name, file, **k: str(folder / file)
    )
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    loaded = load_model("hf:owner/pets")
    assert loaded.weights == "owner/pets@abc"
    loaded.model.config._name_or_path = "owner/pets"
    carried = preprocessing_in(loaded.model)
    assert carried is not None
    assert carried.record() == loaded.prepared


def test_colours_in_another_order_come_back_in_the_right_one() -> None:
    processor = MobileViTImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    preprocessing = preprocessing_by(processor)
    flat = np.full((32, 32, 3), (200, 100, 30), np.uint8)
    made = preprocessing.tensor(flat)
    assert made[0, 0, 0] < made[2, 0, 0]  # blue first
    assert preprocessing.picture(made)[5, 5].tolist() == [200, 100, 30]


def test_a_backbone_is_not_fetched_to_build_a_model() -> None:
    from camkit_core.inputs.models.sources.hugging_face import _without_downloads

    class Config:
        use_pretrained_backbone = True
        backbone_config = None

    assert not _without_downloads(Config()).use_pretrained_backbone


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (OwlViTConfig(architectures=["OwlViTForObjectDetection"]), "reads in texts what it is to"),
        (TimmWrapperConfig(architecture="resnet18"), "name it as timm does: --model timm:"),
    ],
)
def test_models_that_need_another_way_say_which(config: Any, said: str, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=said):
        load_model(f"hf:{tmp_path}")


def test_the_number_of_classes_can_be_another(tmp_path: Path) -> None:
    model = hf(str(classifier(tmp_path))).build(7)
    assert model(torch.rand(1, 3, 32, 32)).logits.shape == (1, 7)
