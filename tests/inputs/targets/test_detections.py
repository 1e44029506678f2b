"""The form of detections: candidates before thresholds, those that are kept, targets by index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Adapter, DetectionTarget

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
BOXES = torch.tensor([[0.0, 0, 2, 4], [2, 0, 4, 4], [1, 0, 4, 4]])


class Detector(nn.Module):
    """Three candidates in each image; the score of class c is the mean of a place of channel c."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Identity()

    def forward(self, images: Tensor) -> Any:
        maps = self.features(images)
        places = [maps[..., :2], maps[..., 2:], maps[..., 1:]]
        return torch.stack([place.mean((2, 3)) for place in places], 1)  # (N, candidates, classes)


def without_the_third(sample: Any) -> Tensor:
    scores = sample["scores"][:2]
    return scores.argsort(descending=True)[scores.sort(descending=True).values > 0.3]


def form(scores: Tensor, kept: Any = without_the_third) -> dict[str, Any]:
    return {
        "boxes": BOXES.to(scores).expand(len(scores), 3, 4),
        "class_scores": scores,
        "kept": kept,
    }


def listed(scores: Tensor) -> list[dict[str, Any]]:
    best = scores.max(2)
    pairs = zip(best.values, best.indices, scores, strict=True)
    return [
        {
            "boxes": BOXES.to(scores),
            "scores": s,
            "labels": n,
            "class_scores": c,
            "kept": torch.tensor([1, 0, -1]),
        }
        for s, n, c in pairs
    ]


def scene() -> Tensor:
    image = torch.rand(1, 3, 4, 4, dtype=torch.float64, generator=torch.manual_seed(3)) * 0.1 + 0.1
    image[0, 1, :, 2:] += 0.6  # class 1 on the right, the best
    image[0, 0, :, :2] += 0.4  # class 0 on the left
    return image


def explained(target: Any, output: Any = form, **settings: Any) -> camkit.Explanation:
    model = Detector()
    return camkit.explain(
        model, scene(), target=target, adapter=Adapter(model.features, output=output), **settings
    )


@pytest.mark.parametrize("output", [form, listed])
def test_the_boxes_are_those_that_are_kept_best_first(output: Any) -> None:
    (boxes,) = explained(DetectionTarget(0), output).boxes or []
    assert boxes["boxes"].tolist() == [[2, 0, 4, 4], [0, 0, 2, 4]]
    assert boxes["labels"].tolist() == [1, 0]
    assert boxes["names"] == ("class 1", "class 0")
    assert not boxes["scores"].requires_grad
    assert boxes["scores"][0] > boxes["scores"][1] > 0.3


@pytest.mark.parametrize(
    ("target", "category", "box"),
    [
        (DetectionTarget(index=0), 1, (2, 0, 4, 4)),
        (DetectionTarget(index=1), 0, (0, 0, 2, 4)),
        (DetectionTarget(index=-1), 0, (0, 0, 2, 4)),
        (DetectionTarget(0, index=0), 0, (0, 0, 2, 4)),
        (DetectionTarget(), 1, (2, 0, 4, 4)),
        (DetectionTarget(1), 1, (2, 0, 4, 4)),
        (DetectionTarget(box=(0, 0, 2, 3)), 0, (0, 0, 2, 3)),
        (DetectionTarget(2, box=(0, 0, 2, 3)), 2, (0, 0, 2, 3)),
    ],
)
def test_a_target_settles_on_a_class_and_a_box(target: Any, category: int, box: Any) -> None:
    explanation = explained(target)
    (settled,) = explanation.target
    assert (settled.category, settled.box, settled.index) == (category, box, None)
    if len(box) == 4 and box[3] == 4:
        score = scene()[0, category, :, int(box[0]) : int(box[2])].mean()
        torch.testing.assert_close(explanation.score[0], score)


def test_a_class_that_is_not_found_is_explained_at_its_best_candidate_with_a_note() -> None:
    explanation = explained(DetectionTarget(2))
    assert explanation.target[0].category == 2
    (note,) = [note for note in explanation.notes if "comes nearest" in note]
    assert "finds no object of class 2" in note
    assert "It finds class 1 at [2, 0, 4, 4] (0.7" in note


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            DetectionTarget(index=2),
            r"no object 2: there are 2, counted from 0; it finds class 1 at",
        ),
        (DetectionTarget(2, index=0), r"no object 0 of class 2: there are 0"),
        (DetectionTarget(9), r"9 is out of range: the detector has 3 classes, 0 to 2; it finds cl"),
        (DetectionTarget(box=(5, 5, 6, 6)), r"no object that overlaps \(5, 5, 6, 6\); it finds c"),
        (DetectionTarget("dog"), r"'dog'"),
    ],
)
def test_what_is_not_found_is_refused_with_what_is(target: Any, message: str) -> None:
    with pytest.raises(camkit.TargetError, match=message):
        explained(target)


def test_a_class_by_name_becomes_its_number() -> None:
    model = nn.Linear(1, 1)
    model.class_names = ["Cat", "dog", "Dog", "N/A", "n/a"]
    for name, number in (("cat", 0), ("Dog", 2), ("dog", 1)):
        assert DetectionTarget(name).of_model(model).category == number
    for name, message in (("dgo", "among its 5 are 'dog', 'Dog'$"), ("N/a", "number: 3, 4$")):
        with pytest.raises(camkit.TargetError, match=message):
            DetectionTarget(name).of_model(model)
    with pytest.raises(camkit.TargetError, match=r"carries no names .*'dog'"):
        DetectionTarget("dog").of_model(nn.Linear(1, 1))


def test_an_index_and_a_box_are_one_too_many() -> None:
    with pytest.raises(camkit.TargetError, match="index= or box=, not both"):
        DetectionTarget(1, (0, 0, 1, 1), index=0)


def test_described_and_saved(tmp_path: Any) -> None:
    explanation = explained(DetectionTarget(index=0))
    assert explanation.describe().startswith("class 1 0.7")
    assert explanation.describe().endswith(" at [2, 0, 4, 4]")
    named = camkit.Explanation(**{**vars(explanation), "class_names": ["cat", "dog", "cow"]})
    assert named.boxes is not None
    assert named.boxes[0]["names"] == ("dog", "cat")
    assert named.summary()["boxes"][0] == named.describe()
    assert named.describe().startswith("dog 0.7")
    file = np.load(named.save(tmp_path / "e.npz"))
    assert file["boxes"].shape == (2, 4)
    assert file["box_labels"].tolist() == [1, 0]
    assert file["box_images"].tolist() == [0, 0]
    assert "dog 0.7" in str(file["metadata"])


def test_half_precision_has_areas_beyond_its_range() -> None:
    sample = {
        "boxes": torch.tensor([[0.0, 0, 640, 640]]).half(),
        "labels": torch.tensor([1]),
        "scores": torch.tensor([0.5]).half(),
    }
    assert float(DetectionTarget(1, (0, 0, 640, 320))(sample)) == pytest.approx(0.25)


def test_without_a_target_the_error_names_one_that_works() -> None:
    with pytest.raises(camkit.TargetError, match=r"target=DetectionTarget\(1\)$"):
        explained(None)


@pytest.mark.parametrize("place", [{}, {"category": 1}, {"box": (0, 0, 2, 4)}])
def test_boxes_that_are_not_finite_are_not_found(place: Any) -> None:
    nowhere = {"boxes": BOXES * torch.nan, "class_scores": torch.ones(3, 2)}
    with pytest.raises(camkit.TargetError, match=r"nothing at all, as no box is finite"):
        DetectionTarget(**place).fixed(nowhere)
