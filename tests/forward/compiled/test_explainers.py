"""Compiled explainers explain as eager ones do, and leave the model as it was."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.compiled.tail import Tail
from camkit_core.testing.networks import conv_net, token_net
from camkit_core.testing.state import nothing_changes, perturb
from helpers.uncompiled import X, close, explained, prepared

METHODS = ["gradcam", "eigencam", "ablationcam", "scorecam", "fullgrad"]


@pytest.mark.parametrize("method", METHODS)
def test_maps_scores_and_notes_are_the_eager_ones(uncompiled: list[Any], method: str) -> None:
    model = conv_net()
    e, eager = prepared(model, method)(X), explained(model, method)
    close(e.cam, eager.cam)
    torch.testing.assert_close(e.score, eager.score)
    assert e.notes[:-1] == eager.notes
    assert "ran compiled" in e.notes[-1]


@pytest.fixture(scope="module")
def folded() -> tuple[Any, Any]:
    """A network and its explainer, whose weights the compiler folded into the code."""
    if not shutil.which("g++") and not shutil.which("clang++"):
        pytest.skip("NOT TESTED: compiled explainers, as there is no C++ compiler")
    model: Any = conv_net()
    for convolution in (model.stem[0], model.layer):
        convolution.padding_mode = "zeros"  # torch 2.14 does not fold others
    return model, prepared(model)


class TestFolded:
    """By the compiler that folds weights into the code."""

    def test_the_map_is_the_eager_one(self, folded: tuple[Any, Any]) -> None:
        model, explainer = folded
        for target in (1, [2, 0], lambda output: output[1] * output[2]):
            close(explainer(X, target).cam, explained(model, target=target).cam)

    def test_the_model_and_the_process_are_left_as_they_were(self, folded: tuple[Any, Any]) -> None:
        model, explainer = folded
        perturb()
        with nothing_changes(model, X):
            explainer(X)

    def test_the_error_is_on_record(self, folded: tuple[Any, Any]) -> None:
        facts = folded[1](X).provenance["compiled"]
        assert 0 <= facts["error"] <= 1e-5
        assert facts["compared"] == len(X)

    def test_torchs_settings_are_put_back(self, folded: tuple[Any, Any]) -> None:
        assert not torch._inductor.config.freezing

    def test_a_weight_that_changed_is_not_the_one_in_the_code(
        self, folded: tuple[Any, Any]
    ) -> None:
        model, explainer = folded
        with torch.no_grad():
            model.stem[0].weight.mul_(2)
        close(explainer(X).cam, explained(model).cam)


def _reason(explainer: Any, images: Tensor = X) -> str:
    return str(explainer(images).provenance["compiled"]["eager"])


def test_images_of_another_shape_run_eagerly(uncompiled: list[Any]) -> None:
    model = conv_net()
    e = prepared(model)(X[:1])
    assert "images of shape (1, 3, 16, 16) came to code for (2, 3, 16, 16)" in e.notes[-1]
    assert torch.equal(e.cam, explained(model, images=X[:1]).cam)


class Odd(nn.Module):
    """Does as it passes what compiled code cannot follow, or would leave out."""

    def __init__(self, habit: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.habit, self.layer = habit, nn.Conv2d(3, 4, 3)
        self.count: Tensor
        self.register_buffer("count", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(self.habit(self, images)).mean((2, 3))


def _chooses(model: Any, images: Tensor) -> Tensor:
    return images if images.sum() > 0 else -images


def _draws(model: Any, images: Tensor) -> Tensor:
    return images + torch.rand_like(images)


def _counts(model: Any, images: Tensor) -> Tensor:
    model.count.add_(1)
    return images * model.count


HABITS = {"torch.export does not follow": _chooses, "draws random": _draws, "writes": _counts}


@pytest.mark.parametrize("words", HABITS)
def test_what_cannot_be_compiled_runs_eagerly_and_says_why(
    uncompiled: list[Any], words: str
) -> None:
    model = Odd(HABITS[words]).eval()
    with pytest.warns(camkit.CamkitWarning, match="runs eagerly"):
        explainer = prepared(model)
    assert words in _reason(explainer)
    assert explainer(X).cam.isfinite().all()


def test_a_model_with_hooks_runs_eagerly(uncompiled: list[Any]) -> None:
    model, calls = conv_net(), [0]
    explainer = prepared(model)
    handle = model.stem[0].register_forward_hook(lambda *_: calls.append(1))
    assert "has hooks" in _reason(explainer)
    assert len(calls) > 1
    handle.remove()
    assert "eager" not in explainer(X).provenance["compiled"]


def test_within_autocast_the_pass_runs_eagerly(uncompiled: list[Any]) -> None:
    model = conv_net()
    explainer = prepared(model)
    with torch.autocast("cpu", torch.bfloat16):
        e, eager = explainer(X), explained(model)
    assert "torch.autocast is on" in e.notes[-1]
    assert torch.equal(e.cam, eager.cam)


def test_a_model_that_lost_its_hooks_is_compiled(uncompiled: list[Any]) -> None:
    model = conv_net()
    handle = model.stem[0].register_forward_hook(lambda *_: None)
    with pytest.warns(camkit.CamkitWarning, match="has hooks"):
        explainer = prepared(model)
    handle.remove()
    assert "ran compiled" in explainer(X).notes[-1]


def test_a_refused_model_is_tried_again_where_it_changed(uncompiled: list[Any]) -> None:
    model = Odd(_chooses).eval()
    with pytest.warns(camkit.CamkitWarning, match="does not follow"):
        explainer = prepared(model)
    model.habit = lambda _, images: -images
    assert "ran compiled" in explainer(X).notes[-1]


def test_less_precision_says_how_far_the_maps_are_apart(uncompiled: list[Any]) -> None:
    model = conv_net()
    e = prepared(model, dtype=torch.bfloat16)(X)
    assert e.cam.dtype == torch.float32
    assert 1e-5 < e.provenance["compiled"]["error"] < 0.1
    assert "in bfloat16" in " ".join(e.notes)


def test_tokens_are_read_as_the_adapter_says(uncompiled: list[Any]) -> None:
    model: Any = token_net()
    reshape = camkit.tokens_to_grid(*model.grid(16, 16), prefix=model.prefix.shape[1])
    asked: Any = {"layer": model.layer, "reshape_transform": reshape}
    for method in ("gradcam", "ablationcam"):
        e = camkit.prepare(model, X, method, 1, compile=True, **asked)(X)
        close(e.cam, camkit.explain(model, X, method, 1, **asked).cam)
        assert "ran compiled" in e.notes[-1]


def test_behind_a_class_token_its_row_alone_is_computed(
    uncompiled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, depth=2, embed_dim=12, num_heads=2, num_classes=4
    ).eval()
    images = torch.randn(2, 3, 32, 32)
    short: list[int] = []
    run_short = Tail.run_short

    def counted(*args: Any) -> Any:
        short.append(1)
        return run_short(*args)

    monkeypatch.setattr(Tail, "run_short", counted)
    e = camkit.prepare(model, images, compile=True)(images)
    close(e.cam, camkit.explain(model, images).cam)
    assert short


@pytest.mark.parametrize(
    "asked", [{"dtype": torch.bfloat16}, {"compile": 1}, {"compile": True, "dtype": "int8"}]
)
def test_what_cannot_be_asked_for_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(camkit.CamkitError):
        camkit.prepare(conv_net(), X, **asked)


def test_one_thread_at_a_time_compiles(
    uncompiled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most, export = [0], [0], torch.export.export

    def counted(*given: Any, **asked: Any) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        try:
            return export(*given, **asked)
        finally:
            inside[0] -= 1

    monkeypatch.setattr(torch.export, "export", counted)
    with ThreadPoolExecutor(3) as pool:
        explainers = list(pool.map(lambda _: prepared(conv_net()), range(3)))
    assert most == [1]
    assert all("ran compiled" in each(X).notes[-1] for each in explainers)


def test_a_pickled_explainer_compiles_at_its_first_call(uncompiled: list[Any]) -> None:
    explainer = prepared(conv_net())
    copy = pickle.loads(pickle.dumps(explainer))
    assert len(uncompiled) == 1
    assert "ran compiled" in copy(X).notes[-1]
    assert len(uncompiled) == 2
    close(copy(X).cam, explainer(X).cam)


def test_threads_share_an_explainer(uncompiled: list[Any]) -> None:
    explainer, targets = prepared(conv_net()), [0, 1, 2, 3] * 3
    alone = [explainer(X, target).cam for target in targets]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda target: explainer(X, target).cam, targets))
    assert all(map(torch.equal, together, alone))
