"""Methods that ask for no class explain models that have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import TargetError
from helpers.class_scores import net

IMAGES = torch.randn(2, 3, 12, 12, generator=torch.manual_seed(0))
METHODS = ["eigencam", "kpcacam", "fem", "randomcam"]


class Maps(nn.Module):
    """Features, and anything but class scores."""

    def __init__(self, wrap: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.wrap = nn.Conv2d(3, 4, 3), wrap

    def forward(self, images: Tensor) -> Any:
        return self.wrap(self.features(images).relu())


WRAPS = {
    "maps": lambda maps: maps,
    "two heads": lambda maps: {"a": maps.mean((2, 3)), "b": maps.sum((2, 3))},
    "tokens": lambda maps: maps.flatten(2).mT,
    "a list of detections": lambda maps: [
        {"boxes": each.new_zeros(0, 4), "labels": torch.zeros(0), "scores": each.new_zeros(0)}
        for each in maps
    ],
    "rows of crops": lambda maps: maps.mean((2, 3)).repeat_interleave(3, 0),
    "one number": lambda maps: maps.sum(),
}


@pytest.mark.parametrize("kind", WRAPS)
@pytest.mark.parametrize("method", METHODS)
def test_the_map_is_that_of_a_classifier_with_the_same_features(method: str, kind: str) -> None:
    classifier = Maps(lambda maps: maps.mean((2, 3)))
    torch.manual_seed(0)
    expected = camkit.explain(classifier, IMAGES, method, 1, "features")
    torch.manual_seed(0)
    e = camkit.explain(Maps(WRAPS[kind]), IMAGES, method, layer="features")
    assert torch.equal(e.cam, expected.cam)


@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
def test_what_is_told_and_written_names_no_class(tmp_path: Path) -> None:
    e = camkit.explain(Maps(WRAPS["maps"]), IMAGES, "eigencam", layer="features")
    assert e.describe(1) == "no class"
    assert repr(e) == "<Explanation eigencam at features: no class; no class>"
    assert e.score.shape == (2,)
    assert e.logits is None
    assert len(e.target) == 2
    summary = json.loads(json.dumps(e.summary(), allow_nan=False))
    assert (summary["target"], summary["score"]) == ("no class", None)
    for name in ("map.png", "map.npz"):
        assert e.save(tmp_path / name).exists()
    for renderer in ("overlay", "heatmap", "side_by_side"):
        e.render(renderer)
    both = camkit.compare(
        Maps(WRAPS["maps"]), IMAGES, ["eigencam", "fem"], layer="features", aug_smooth=True
    )
    both.render()


@pytest.mark.parametrize("target", [1, [0, 1], camkit.top(2)[1]])
def test_a_class_that_is_asked_for_must_be_there(target: Any) -> None:
    with pytest.raises(TargetError):
        camkit.explain(Maps(WRAPS["maps"]), IMAGES, "eigencam", target, "features")


def test_beside_a_method_that_asks_for_a_class_there_must_be_one() -> None:
    with pytest.raises(TargetError, match="expected class scores"):
        camkit.compare(Maps(WRAPS["maps"]), IMAGES, ["eigencam", "gradcam"], layer="features")


def test_a_method_that_states_nothing_asks_for_a_class() -> None:
    with pytest.raises(TargetError, match="expected class scores"):
        camkit.explain(
            Maps(WRAPS["maps"]), IMAGES, lambda probe: probe.activations.sum(1), layer="features"
        )


def test_of_a_classifier_the_top_class_is_named_as_ever() -> None:
    assert camkit.explain(net(), IMAGES, "eigencam", layer="0").describe().startswith("class ")
