"""What errors advise works when it is followed literally, on the output it is given for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget, SegmentationTarget, TargetError

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
NAMES = {
    "torch": torch,
    "DetectionTarget": DetectionTarget,
    "SegmentationTarget": SegmentationTarget,
}
ARGUMENT = r"(?:output|target)="


class Dense(nn.Module):
    """Features, and what `wrap` makes of the scores (N, 3, ...) of three classes at each place."""

    def __init__(self, wrap: Callable[[Tensor], Any], rank: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        kind: Any = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[rank]
        self.features, self.classes = kind(3, 4, 3, padding=1), kind(4, 3, 1)
        self.wrap = wrap

    def forward(self, images: Tensor) -> Any:
        return self.wrap(self.classes(torch.relu(self.features(images))))


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


@dataclass
class Held:
    first: Tensor
    second: Tensor


def vectors(maps: Tensor) -> Tensor:
    return maps.flatten(2).mean(2)


def _detections(maps: Tensor) -> list[dict[str, Tensor]]:
    def of_image(scores: Tensor) -> dict[str, Tensor]:
        count = len(scores)
        boxes = torch.tensor([[0.0, 0.0, 3.0, 3.0]]).expand(count, 4)
        return {"boxes": boxes, "labels": torch.arange(count), "scores": scores.sigmoid()}

    return [of_image(image) for image in vectors(maps)]


OUTPUTS: dict[str, Callable[[Tensor], Any]] = {
    "two heads in a dict": lambda maps: {"a": vectors(maps), "b": vectors(maps) ** 2},
    "two heads in a tuple": lambda maps: (vectors(maps), vectors(maps) ** 2),
    "two heads of another size": lambda maps: [vectors(maps), vectors(maps)[:, :2]],
    "a named tuple": lambda maps: Pair(vectors(maps), vectors(maps) ** 2),
    "an object": lambda maps: Held(vectors(maps), vectors(maps) ** 2),
    "nested heads": lambda maps: {"a": [vectors(maps), {"b": vectors(maps) ** 2}]},
    "keys with quotes": lambda maps: {"it's": vectors(maps), 'a "b"': vectors(maps) ** 2},
    "keys that are numbers": lambda maps: {0: vectors(maps), 7: vectors(maps) ** 2},
    "logits beside a number each": lambda maps: (vectors(maps), vectors(maps).sum(1)),
    "features and a head": lambda maps: {"features": maps, "head": vectors(maps)},
    "an embedding and maps": lambda maps: {"embedding": vectors(maps), "maps": maps},
    "embeddings alone": lambda maps: (vectors(maps), vectors(maps) ** 2),
    "an output of 1x1": lambda maps: maps.mean((2, 3), keepdim=True),
    "maps": lambda maps: maps,
    "maps of one class": lambda maps: maps[:, :1],
    "maps of one class, found nowhere": lambda maps: -maps[:, :1].abs(),
    "maps of two classes": lambda maps: maps[:, :2],
    "maps in a dict": lambda maps: {"out": maps},
    "maps as logits": lambda maps: {"logits": maps},
    "maps in a tuple": lambda maps: (maps, None),
    "maps of two scales": lambda maps: (maps, maps[..., ::2, ::2]),
    "maps with images second": lambda maps: maps.movedim(0, 1),
    "steps first": lambda maps: torch.stack([vectors(maps)] * 5),
    "steps second": lambda maps: torch.stack([vectors(maps)] * 5, 1),
    "as many steps as images": lambda maps: torch.stack([vectors(maps)] * 2),
    "steps in a dict": lambda maps: {"logits": torch.stack([vectors(maps)] * 5, 1), "loss": None},
    "detections": _detections,
    "an object of another kind each": lambda maps: [{"v": image} for image in vectors(maps)],
}


def followed(message: str) -> list[dict[str, Any]]:
    """The arguments in each piece of advice of a message; several joined by a comma are one."""
    advice = message[message.index("; say ") :] if "; say " in message else message
    pieces = [f"{first}" for first in re.split(rf" or (?={ARGUMENT})", advice)]
    matches = [re.search(rf"{ARGUMENT}.*", piece) for piece in pieces]
    return [eval(f"dict({match[0]})", NAMES) for match in matches if match]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", OUTPUTS)
def test_every_piece_of_advice_for_an_output_works(kind: str, count: int) -> None:
    model = Dense(OUTPUTS[kind])
    images = torch.randn(count, 3, 6, 6, generator=torch.manual_seed(1))
    with pytest.raises(TargetError, match="expected class scores") as caught:
        camkit.explain(model, images, layer="features")
    advised = followed(str(caught.value))
    assert advised
    for arguments in advised:
        e = camkit.explain(model, images, layer="features", **arguments)
        assert e.cam.shape == (count, 6, 6)
        assert bool(e.cam.any())


@pytest.mark.parametrize(("rank", "shape"), [(1, (8,)), (3, (4, 5, 6))])
def test_advice_for_signals_and_volumes_works(rank: int, shape: tuple[int, ...]) -> None:
    images = torch.randn(2, 3, *shape, generator=torch.manual_seed(1))
    for classes in (1, 2, 3):
        model = Dense(lambda maps, classes=classes: maps[:, :classes], rank)
        with pytest.raises(TargetError, match="expected class scores") as caught:
            camkit.explain(model, images, layer="features")
        for arguments in followed(str(caught.value)):
            e = camkit.explain(model, images, layer="features", **arguments)
            assert bool(e.cam.any())


@pytest.mark.parametrize("kind", ["maps", "two heads in a dict", "a named tuple", "nested heads"])
def test_advice_for_a_target_that_gives_no_number_works(kind: str) -> None:
    model, images = Dense(OUTPUTS[kind]), torch.randn(2, 3, 6, 6)
    with pytest.raises(TargetError, match="expected a scalar tensor") as caught:
        camkit.explain(model, images, target=lambda output: output, layer="features")
    (arguments,) = followed(str(caught.value))
    assert bool(camkit.explain(model, images, layer="features", **arguments).cam.any())


def test_every_part_that_could_be_meant_is_listed_with_its_shape() -> None:
    model = Dense(lambda maps: {"first": vectors(maps), "second": vectors(maps)[:, :2]})
    with pytest.raises(TargetError) as caught:
        camkit.explain(model, torch.randn(2, 3, 6, 6), layer="features")
    said = "first (2, 3), second (2, 2); say what to explain with output='first' or output='second'"
    assert str(caught.value).endswith(said)


def test_the_only_row_of_a_squeezed_output_is_not_taken_for_images() -> None:
    model = Dense(lambda maps: vectors(maps).squeeze(0))
    with pytest.raises(TargetError, match="3 rows for 1 image") as caught:
        camkit.explain(model, torch.randn(1, 3, 6, 6), layer="features")
    (arguments,) = followed(str(caught.value))
    e = camkit.explain(model, torch.randn(1, 3, 6, 6), layer="features", **arguments)
    assert e.logits.shape == (1, 3)
