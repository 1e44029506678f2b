"""The coverage report's checks: what they let pass, what they refuse, and a spread of models."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import coverage_models
import pytest
import timm
import torch
from coverage_checks import drawn, resolved
from coverage_models import Built, build_timm
from coverage_stage import in_last_stage
from coverage_workers import run
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.testing.orientation import orientation
from helpers.orders import obey

pytestmark = pytest.mark.filterwarnings("ignore")


# Orientation

WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "transposed": lambda grid: grid.transpose(-1, -2),
    "rows flipped": lambda grid: grid.flip(-2),
    "columns flipped": lambda grid: grid.flip(-1),
    "turned": lambda grid: grid.rot90(1, (-2, -1)),
    "a prefix token too few": lambda grid: shifted(grid, 1),
    "a prefix token too many": lambda grid: shifted(grid, -1),
    "shuffled": lambda grid: shuffled(grid),
    "the same everywhere": lambda grid: grid.mean((-1, -2), keepdim=True).expand_as(grid),
}
SMALL = ["test_resnet", "test_vit", "test_convnext", "test_mambaout"]


def shifted(grid: Tensor, by: int) -> Tensor:
    return grid.flatten(-2).roll(by, -1).view_as(grid)


def shuffled(grid: Tensor) -> Tensor:
    order = torch.randperm(grid[0, 0].numel(), generator=torch.Generator().manual_seed(0))
    return grid.flatten(-2)[..., order].view_as(grid)


@cache
def built(name: str) -> Built:
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    return Built(model, model.default_cfg["input_size"])


def activations(name: str) -> Callable[[Tensor], Tensor]:
    def of(images: Tensor) -> Tensor:
        kept: list[Tensor] = []

        def look(probe: camkit.Probe) -> Tensor:
            kept.append(probe.activations)
            return probe.activations.sum(1)

        camkit.explain(built(name).model, images, look)
        return kept[0]

    return of


@pytest.mark.parametrize("name", SMALL)
def test_a_grid_read_as_it_lies_is_the_right_way_round(name: str) -> None:
    assert orientation(activations(name), built(name).images(2)).right


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", SMALL)
def test_a_grid_read_wrongly_is_not(name: str, wrong: str) -> None:
    read = activations(name)
    assert not orientation(lambda images: WRONG[wrong](read(images)), built(name).images(2)).right


def test_activations_that_do_not_move_are_no_map() -> None:
    reading = orientation(
        lambda images: torch.ones(len(images), 4, 7, 7), torch.randn(1, 3, 28, 28)
    )
    assert not reading.right


# The last stage


def test_the_last_stage_has_run_most_layers_and_nothing_coarser_follows() -> None:
    convs = [nn.Conv2d(3, 3, 3, 2, 1) for _ in range(4)]
    model = nn.Sequential(*convs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    images = torch.randn(1, 3, 64, 64)
    places = [32 * 32, 16 * 16, 8 * 8, 4 * 4]
    late = [in_last_stage(model, images, str(at), grid) for at, grid in enumerate(places)]
    assert late == [False, False, False, True]


# Models

SPREAD = [  # and the draw of weights at which the model shows it
    ("timm", "test_byobnet", "NCHW 5x5", "as built"),
    ("timm", "swin_tiny_patch4_window7_224", "NHWC 7x7", "as built"),
    ("timm", "levit_128s", "NLC 4x4", "local"),
    ("timm", "vit_tiny_patch16_dinov3_qkvb", "NLC 16x16", "as built"),
    ("timm", "crossvit_tiny_240", "NLC 14x14", "as built"),
    ("torchvision", "mobilenet_v3_small", "NCHW 7x7", "as built"),
    ("huggingface", "ViTForImageClassification", "NLC 14x14", "as built"),
    ("huggingface", "Dinov2WithRegistersForImageClassification", "NLC 14x14", "as built"),
    ("huggingface", "SwinForImageClassification", "NLC 7x7", "as built"),
    ("huggingface", "SegformerForImageClassification", "NCHW 7x7", "as built"),
]


NARROW: dict[str, dict[str, Any]] = {  # the entries of configs that say how large a model is
    "swin_tiny_patch4_window7_224": {"embed_dim": 24, "depths": (1, 1, 2, 1)},
    "vit": {"hidden_size": 96, "num_attention_heads": 3, "intermediate_size": 192},
    "dinov2_with_registers": {"hidden_size": 96, "num_attention_heads": 3},
    "swin": {"embed_dim": 24, "depths": [1, 1, 2, 1]},
}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of the usual architecture and grid, with fewer channels and blocks."""
    create, config = timm.create_model, coverage_models._config

    def small(config_class: Any) -> Any:
        made = config(config_class)
        return made.__class__(**{**made.to_dict(), **NARROW.get(made.model_type, {})})

    monkeypatch.setattr(timm, "create_model", lambda name: create(name, **NARROW.get(name, {})))
    monkeypatch.setattr(coverage_models, "_config", small)


@pytest.mark.parametrize(("part", "name", "layout", "draw"), SPREAD)
def test_a_model_of_each_kind_gives_a_sound_map(
    part: str, name: str, layout: str, draw: str, narrow: None
) -> None:
    row, _ = drawn(part, name, draw)
    assert row["sound"], row
    assert f"{row['layout']} {row['grid']}" == layout


@pytest.mark.parametrize(
    "name",
    [
        "levit_128s",
        "crossvit_tiny_240",
        "xcit_nano_12_p16_224",
        "pvt_v2_b0",
    ],
)
def test_without_values_the_same_layer_is_found(name: str) -> None:
    built = build_timm(name)
    explained = camkit.explain(built.model.eval(), built.images())
    assert resolved("timm", name)["layer"] == explained.layer


# Workers


def test_what_hangs_dies_or_fails_is_an_answer_too() -> None:
    tasks = [("return 3",), ("hang",), ("die",), ("fail",), ("return 4",)]
    answers = {task[0]: (result, reason) for task, result, reason in run(obey, tasks, 1, 2)}
    assert answers["return 3"] == (3, "")
    assert answers["return 4"] == (4, "")
    assert answers["hang"] == (None, "given up after 2 s")
    assert "the process died" in answers["die"][1]
    assert answers["fail"] == (None, "ValueError: fail")
