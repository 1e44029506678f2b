"""Words of language models: the map finds the place of the image that decides the next token."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

import camkit_core as camkit
from camkit_core import InputError, LayerError, TargetError, TokenTarget
from camkit_core.testing import check_adapter
from helpers import language
from helpers.language import GREEN, IMAGE, RED, Planted
from helpers.language_models import MODELS
from helpers.planted.marks import EVERY_GRADIENT, ONE_GRADIENT, SIGMA

pytest.importorskip("transformers")
RUNS = {
    "ablationcam": (20, {}),
    "scorecam": (20, {"max_channels": 4}),
    "rise": (5, {"samples": 40, "grid": 4}),
}
pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


@cache
def planted(name: str) -> Planted:
    return MODELS[name]()


def found(cam: Tensor, model: Planted) -> Tensor:
    """The cell of each map's maximum."""
    cells = adaptive_avg_pool2d(cam[:, None], model.grid)
    return cells.flatten(1).argmax(1)


@pytest.mark.parametrize("name", MODELS)
def test_gradient_methods_find_the_place_of_each_word(name: str) -> None:
    model = planted(name)
    pictures, red, green = model.draws(100)
    words = [TokenTarget(-1, RED), TokenTarget(-1, GREEN)]
    compared = camkit.compare(model.model, model.inputs(pictures), ONE_GRADIENT, words)
    for word, place in enumerate((red, green)):
        for method in ONE_GRADIENT:
            e = compared[word, method]
            assert e.cam.shape == (100, *model.grid)
            assert int((found(e.cam, model) == place).sum()) >= 95, (word, method)


@pytest.mark.parametrize("method", sorted({*EVERY_GRADIENT} - {*ONE_GRADIENT}))
def test_every_other_gradient_method_finds_it(method: str) -> None:
    """FullGrad has no sign, so that what speaks against a word counts as what speaks for it."""
    model = planted("llava")
    pictures, red, _ = model.draws(100, seed=3, only_red=method == "fullgrad")
    options = {"sigma": SIGMA} if method == "smoothgradcam++" else {}
    e = camkit.explain(model.model, model.inputs(pictures), method, TokenTarget(-1, RED), **options)
    assert int((found(e.cam, model) == red).sum()) >= 95


@pytest.mark.parametrize("name", ["llava", "qwen2-vl", "smolvlm"])
@pytest.mark.parametrize("method", RUNS)
def test_methods_that_run_the_model_find_it(name: str, method: str) -> None:
    model, (count, options) = planted(name), RUNS[method]
    count = 100 if name == "llava" else count
    pictures, red, _ = model.draws(count, seed=1)
    target = TokenTarget(-1, RED)
    settings = {"batch_size": 400, **options}
    e = camkit.explain(model.model, model.inputs(pictures), method, target, **settings)
    assert int((found(e.cam, model) == red).sum()) >= 0.95 * count


@pytest.mark.parametrize("name", MODELS)
def test_the_next_token_is_explained_over_the_picture(name: str) -> None:
    model = planted(name)
    pictures, red, green = model.draws(1)
    inputs = model.inputs(pictures)
    before = {key: value.clone() for key, value in model.model.state_dict().items()}
    e = camkit.explain(model.model, inputs, target=camkit.TokenTarget(-1))
    assert e.heatmap.shape == (1, *model.size)
    assert torch.equal(e.images, pictures)
    with torch.no_grad():
        logits = model.model(**inputs).logits[0, -1]
    assert float(e.score) == pytest.approx(float(logits.max()), rel=1e-5)
    assert e.describe() == f"token {int(logits.argmax())} next {float(e.score):.2f}"
    expected = red if int(logits.argmax()) == RED else green
    assert found(e.cam, model).equal(expected)
    again = camkit.explain(model.model, inputs, target=TokenTarget(-1), layer=e.layer)
    assert torch.equal(again.cam, e.cam)
    after = model.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


@pytest.mark.parametrize("name", ["llava", "qwen2-vl", "smolvlm", "idefics3"])
def test_a_layer_of_the_tower_has_its_own_grid(name: str) -> None:
    model = planted(name)
    pictures, red, _ = model.draws(10, seed=2)
    for _ in range(2):  # transformers captures hidden states by hooks, from the first run on
        e = camkit.explain(
            model.model, model.inputs(pictures), target=TokenTarget(-1, RED), layer=model.tower
        )
        assert e.cam.shape == (10, *model.tower_grid)
        assert found(e.cam, model).equal(red)


@pytest.mark.parametrize("name", ["llava", "smolvlm"])
def test_masks_over_positions_find_it(name: str) -> None:
    model = planted(name)
    pictures, red, _ = model.draws(5, seed=4)
    target = TokenTarget(-1, RED)
    e = camkit.explain(model.model, model.inputs(pictures), "reciprocam", target)
    assert found(e.cam, model).equal(red)


def test_methods_that_have_no_such_map_say_so() -> None:
    model = planted("smolvlm")
    inputs = model.inputs(model.draws(1)[0])
    for method, advice in {"fullgrad": "tiles or frames", "legrad": "take a gradient"}.items():
        with pytest.raises(LayerError, match=advice):
            camkit.explain(model.model, inputs, method, TokenTarget())


def test_metrics_judge_words_by_their_probability() -> None:
    model = planted("llava")
    inputs = model.inputs(model.draws(1)[0])
    compared = camkit.compare(
        model.model,
        inputs,
        ["gradcam", "randomcam"],
        [TokenTarget(-1, RED)],
        metrics={"average_drop": {}},
    )
    assert compared.judgement is not None


def test_what_is_missing_is_said() -> None:
    model = planted("qwen2-vl")
    inputs = model.inputs(model.draws(1)[0])
    for target, advice in {None: r"TokenTarget\(-1\)", 5: r"TokenTarget\(-1, 5\)"}.items():
        with pytest.raises(TargetError, match=advice):
            camkit.explain(model.model, inputs, target=target)
    with pytest.raises(InputError, match="all that its processor makes"):
        camkit.explain(model.model, inputs["pixel_values"], target=TokenTarget())
    two = {**inputs, "image_grid_thw": torch.tensor([[1, 8, 12], [1, 4, 4]])}
    with pytest.raises(InputError, match="images of one size"):
        camkit.explain(model.model, two, target=TokenTarget())
    del inputs["image_grid_thw"]
    with pytest.raises(InputError, match="whose places image_grid_thw tells"):
        camkit.explain(model.model, inputs, target=TokenTarget())


class Unknown(torch.nn.Module):
    """Takes tiles, and has no adapter."""

    def forward(self, pixel_values: Tensor, input_ids: Tensor) -> Tensor:
        return pixel_values.mean((1, 3, 4)) * input_ids.sum()


def test_tiles_that_no_adapter_knows_are_refused() -> None:
    inputs = {"pixel_values": torch.randn(1, 5, 3, 8, 8), "input_ids": torch.ones(1, 4).long()}
    with pytest.raises(InputError, match=r"pass adapter=Adapter\(layer, reshape, pictures=Pict"):
        camkit.explain(Unknown(), inputs, target=TokenTarget())


def test_layers_in_the_order_of_windows_are_refused() -> None:
    model = planted("qwen2.5-vl")
    inputs = model.inputs(model.draws(1)[0])
    with pytest.raises(LayerError, match="leave layer= out, or pass reshape_transform"):
        camkit.explain(model.model, inputs, target=TokenTarget(), layer="model.visual.merger")


class Normed(torch.nn.Module):
    """Reads directions alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.nn.functional.normalize(self.conv(images), dim=1).mean((2, 3)))


def test_hirescam_says_where_a_norm_leaves_it_nothing() -> None:
    images = torch.randn(2, 3, 9, 9)
    notes = camkit.explain(Normed(), images, "hirescam", 1, "conv").notes
    assert any("adds up to next to nothing" in note for note in notes)
    model = planted("llava")
    e = camkit.explain(model.model, model.inputs(model.draws(1)[0]), "hirescam", TokenTarget())
    assert e.notes == ()


def test_a_prompt_that_is_read_as_a_whole_has_no_words_of_its_own() -> None:
    model = planted("paligemma")
    inputs = model.inputs(model.draws(1)[0])
    inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
    with pytest.raises(TargetError, match="has read the token at 18"):
        camkit.explain(model.model, inputs, target=TokenTarget(-2))
    generated = torch.cat([inputs["input_ids"], torch.tensor([[RED, GREEN]])], 1)
    full = camkit.with_answer(inputs, generated)
    for position, token in ((19, RED), (20, GREEN), (-2, GREEN)):
        e = camkit.explain(model.model, full, target=TokenTarget(position))
        assert e.target[0].token == token


def test_images_of_other_sizes_have_other_grids() -> None:
    model = planted("qwen2-vl")
    pictures = torch.zeros(1, 3, 96, 32)
    pictures[:, 0, 80:, 16:] = 2  # the last of 6 by 2 tokens
    e = camkit.explain(model.model, model.inputs(pictures), target=TokenTarget(-1, RED))
    assert e.cam.shape == (1, 6, 2)
    assert int(e.cam.argmax()) == 11
    assert e.heatmap.shape == (1, 96, 32)


def test_several_images_in_one_text_have_a_map_each() -> None:
    model = planted("llava")
    pictures, red, _ = model.draws(2)
    inputs = language.prompts(1, [IMAGE] * 16 + [7] + [IMAGE] * 16) | {"pixel_values": pictures}
    with pytest.raises(TargetError, match=r"output=lambda output: output.logits.expand\(2, -1"):
        camkit.explain(model.model, inputs, target=TokenTarget(-1, RED))
    e = camkit.explain(
        model.model,
        inputs,
        target=TokenTarget(-1, RED),
        output=lambda output: output.logits.expand(2, -1, -1),
    )
    assert found(e.cam, model).equal(red)


@pytest.mark.parametrize("name", ["llava", "qwen2-vl", "qwen2.5-vl"])
def test_adapters_keep_their_promises(name: str) -> None:
    model = planted(name)
    kind = type(model.model)
    check_adapter(
        f"{kind.__module__}.{kind.__name__}", model.model, [model.size], call=model.inputs
    )


@pytest.mark.parametrize("name", ["llava", "qwen2-vl"])
def test_a_turned_picture_has_its_map_at_the_turned_place(name: str) -> None:
    model = planted(name)
    rows, columns = model.grid
    pictures, red, _ = model.draws(100, seed=4)
    half = 2 if rows != columns else 1  # an oblong picture stays one when it is turned twice
    turned, place = pictures.rot90(half, (2, 3)), red
    for _ in range(half):
        place = (columns - 1 - place % columns) * rows + place // columns
        rows, columns = columns, rows
    e = camkit.explain(model.model, model.inputs(turned), target=TokenTarget(-1, RED))
    assert int((found(e.cam, model) == place).sum()) >= 95


@pytest.mark.parametrize("name", ["llava", "qwen2-vl", "smolvlm"])
def test_a_letterboxed_picture_has_its_map_in_its_own_part(name: str) -> None:
    model = planted(name)
    pictures, red, _ = model.draws(300, seed=5)
    rows, columns = model.grid
    inner = (red // columns > 0) & (red // columns < rows - 1)
    pictures, red = pictures[inner][:100], red[inner][:100]
    bar = model.size[0] // rows
    pictures[:, :, :bar] = pictures[:, :, -bar:] = 0.45
    e = camkit.explain(model.model, model.inputs(pictures), target=TokenTarget(-1, RED))
    assert int((found(e.cam, model) == red).sum()) >= 0.95 * len(red)
    assert len(red) > 50
