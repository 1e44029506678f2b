"""Models of open_clip by name, with random weights; and a library that is not there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from camkit_core import load_model
from camkit_core.errors import CamkitError, FileError, ImportFailed, UnknownName
from camkit_core.inputs.models.sources.open_clip_models import clip

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_its_own_preprocessing_and_tokenizer_are_used() -> None:
    source = clip("RN50")
    assert source.preprocessing is not None
    made = source.preprocessing.tensor(PICTURE)
    transform = open_clip.image_transform(224, is_train=False)
    assert torch.equal(made, transform(Image.fromarray(PICTURE)))
    assert source.preprocessing.record()["resize"] == "open_clip: shortest, bicubic"
    assert source.task == "text-image"
    assert source.tokenizer is not None
    assert source.tokenizer()(["a red car"]).shape == (1, 77)


def test_a_tag_decides_what_its_weights_need(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("open_clip.create_model", lambda *a, **k: asked.append(k))
    for tag in ("", "/openai", "/laion2b_s34b_b79k"):
        clip(f"ViT-B-32{tag}").build(None)
    assert [each["force_quick_gelu"] for each in asked] == [True, True, False]
    assert not any(each["load_weights"] or each["pretrained_text"] for each in asked)


def test_names_that_open_clip_does_not_know_are_refused() -> None:
    with pytest.raises(UnknownName, match=r"no model named 'ViT-B-33'\. Did you mean .*ViT-B-32"):
        load_model("clip:ViT-B-33")
    with pytest.raises(UnknownName, match=r"no weights of clip:ViT-B-32 named 'laion'"):
        load_model("clip:ViT-B-32/laion")


def test_a_hub_out_of_reach_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*args: object, **keywords: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a, **k: None)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    with pytest.raises(FileError, match=r"clip:ViT-B-32 could not be downloaded .*no route"):
        load_model("clip:ViT-B-32")


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [
        ("open_clip", "clip:RN50", "clip"),
        ("transformers", "hf:x/y", "hf"),
        ("ultralytics.nn.tasks", "ultralytics:yolo11n.pt", "ultralytics"),
    ],
)
def test_a_library_that_is_not_installed_is_named_with_the_command(
    module: str, name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in {module, module.partition(".")[0]}:
        monkeypatch.setitem(sys.modules, each, None)
    with pytest.raises(ImportFailed) as error:
        load_model(name)
    assert isinstance(error.value, CamkitError)
    assert f'python -m pip install "camkit[{extra}]"' in str(error.value)
