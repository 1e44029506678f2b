"""A YOLO whose weights say where each object is: every map lies on it, and on its own level."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget
from camkit_core.forward.counting import counting
from helpers.planted.marks import EVERY_GRADIENT, SIGMA, concentration, found
from helpers.planted.yolo import NAMES, SIDES, planted_yolo, random_corners, scenes

pytest.importorskip("ultralytics")
pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

SIZE = (64, 96)
DRAWS = 34  # of each class
OTHERS: dict[str, dict[str, Any]] = {
    "ablationcam": {},
    "scorecam": {"max_channels": 4},
    "drise": {"samples": 20, "grid": 4},
}
CLASSES = (0, 1, 2)


@pytest.fixture(scope="module")
def yolo() -> nn.Module:
    return planted_yolo()


def draws(category: int, size: tuple[int, int] = SIZE, count: int = DRAWS) -> tuple[Tensor, Tensor]:
    """Pictures with a square of a class each, and the squares' corners."""
    corners = random_corners(torch.tensor([category] * count), size, seed=category)
    return scenes(corners[:, None], size, torch.tensor([category])), corners


@pytest.mark.parametrize("category", CLASSES)
def test_the_largest_value_lies_on_the_object(yolo: nn.Module, category: int) -> None:
    pictures, corners = draws(category)
    target, methods = DetectionTarget(category), [m for m in EVERY_GRADIENT if m != "fullgrad"]
    row = camkit.compare(yolo, pictures, methods, [target], sigma=SIGMA)
    maps = {method: row[0, method] for method in methods}
    # The paper's FullGrad stretches each channel by itself, those of noise alone as well.
    maps["fullgrad"] = camkit.explain(yolo, pictures, "fullgrad", target, variant="official")
    hits = {method: found(e, corners, SIDES[category]) for method, e in maps.items()}
    assert hits == dict.fromkeys(EVERY_GRADIENT, DRAWS)


@pytest.mark.parametrize("method", OTHERS)
def test_it_does_without_gradients(yolo: nn.Module, method: str) -> None:
    hits = 0
    for category in CLASSES:
        pictures, corners = draws(category, (64, 64))
        settings = {"target": DetectionTarget(category), "batch_size": 200, **OTHERS[method]}
        explanation = camkit.explain(yolo, pictures, method, **settings)
        hits += found(explanation, corners, SIDES[category])
    assert hits >= 0.95 * DRAWS * len(CLASSES)


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "layercam"])
def test_three_boxes_of_one_image_take_one_forward_pass(method: str) -> None:
    yolo = planted_yolo()  # of which nothing is known yet
    places = torch.tensor([[8, 8], [72, 24], [32, 128]])
    images = scenes(places[None], (128, 192), torch.arange(3))
    planted = [
        (column, row, column + side, row + side)
        for (row, column), side in zip(places.tolist(), SIDES, strict=True)
    ]
    targets = [DetectionTarget("person"), DetectionTarget(box=planted[1]), DetectionTarget(2)]
    runs: list[int] = []
    handle = yolo.register_forward_hook(lambda *_: runs.append(1))
    with counting() as passes:
        rows = camkit.compare(yolo, images, [method], targets)
    handle.remove()
    assert (len(runs), passes["forward"]) == (1, 1)
    for index, (corner, side) in enumerate(zip(places, SIDES, strict=True)):
        explanation = rows[index, 0]
        assert float(concentration(explanation, corner[None], side)) > 3
        assert explanation.target[0].category == index
        assert explanation.target[0].box == pytest.approx(planted[index], abs=0.5)
        shares = torch.tensor(list(explanation.provenance["level_shares"].values()))
        assert shares[:, 0].tolist() == [float(level == index) for level in range(3)]


def test_by_name_by_box_and_by_index(yolo: nn.Module) -> None:
    pictures, corners = draws(2, count=1)
    (row, column), side = corners[0].tolist(), SIDES[2]
    by_name = camkit.explain(yolo, pictures, target=DetectionTarget("dog"))
    box = (column, row, column + side, row + side)
    by_box = camkit.explain(yolo, pictures, target=DetectionTarget(box=box))
    by_index = camkit.explain(yolo, pictures, target=DetectionTarget(index=0))
    assert by_name.boxes is not None
    assert by_name.boxes[0]["names"] == ("dog",)
    assert by_name.describe() == f"dog 0.77 at {[*box]}" == by_index.describe()
    assert torch.equal(by_index.cam, by_name.cam)
    torch.testing.assert_close(by_box.cam, by_name.cam, atol=1e-3, rtol=0.01)
    again = camkit.explain(yolo, pictures, target=DetectionTarget("dog"), layer=by_name.layer)
    assert by_name.layer == "model.16, model.19, model.22"
    assert torch.equal(again.cam, by_name.cam)


@pytest.mark.parametrize("category", CLASSES)
def test_a_turned_picture_has_its_map_at_the_turned_place(yolo: nn.Module, category: int) -> None:
    pictures, corners = draws(category, count=10)
    side = SIDES[category]
    rows, columns = SIZE[1] - side - corners[:, 1], corners[:, 0]
    e = camkit.explain(
        yolo, torch.rot90(pictures, 1, (2, 3)), "layercam", DetectionTarget(category)
    )
    assert found(e, torch.stack([rows, columns], 1), side) == 10


@pytest.mark.parametrize("category", CLASSES)
def test_a_letterboxed_picture_has_its_map_in_its_own_part(yolo: nn.Module, category: int) -> None:
    pictures, corners = draws(category, count=10)
    padded = nn.functional.pad(pictures, (0, 0, 32, 0), value=114 / 255)
    for method in ("gradcam", "layercam"):
        e = camkit.explain(yolo, padded, method, DetectionTarget(category))
        assert found(e, corners + torch.tensor([32, 0]), SIDES[category]) == 10
        assert float(concentration(e, corners + torch.tensor([32, 0]), SIDES[category]).min()) > 3


def test_what_is_not_there_is_explained_with_a_note(yolo: nn.Module) -> None:
    pictures, _ = draws(0, count=1)
    e = camkit.explain(yolo, pictures, target=DetectionTarget("cat"))
    assert any("finds no object of class 1" in note for note in e.notes)
    with pytest.raises(camkit.TargetError, match="among its 3 are"):
        camkit.explain(yolo, pictures, target=DetectionTarget("giraffe"))
    assert NAMES[1] == "cat"
