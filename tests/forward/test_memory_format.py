"""Images run in the quickest memory format, which changes nothing but the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.memory_format import run_quickest


def network(groups: int = 1) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=groups), nn.ReLU()
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


LAYOUTS: list[bool] = []


def note(module: nn.Module, args: Any) -> None:
    LAYOUTS.append(args[0].is_contiguous(memory_format=torch.channels_last))


def formats(model: nn.Module, images: Tensor, **settings: Any) -> list[bool]:
    """For each run of the model's first layer: whether its images came channels last."""
    LAYOUTS.clear()
    handle = model[0].register_forward_pre_hook(note)  # type: ignore[index]
    camkit.explain(model, images, target=1, **{"layer": "3", **settings})
    handle.remove()
    return LAYOUTS.copy()


@pytest.mark.parametrize(
    ("groups", "count", "dtype", "last"),
    [
        (1, 1, torch.float32, False),
        (1, 4, torch.float32, True),
        (4, 1, torch.float32, True),
        (2, 1, torch.float32, False),
        (4, 4, torch.float64, False),
    ],
)
def test_several_images_and_depthwise_convolutions_are_run_channels_last(
    groups: int, count: int, dtype: torch.dtype, last: bool
) -> None:
    model, images = network(groups).to(dtype), torch.randn(count, 3, 8, 8, dtype=dtype)
    assert formats(model, images)[1] == last  # after the search for the layout
    assert formats(model, images) == [last]


class Tokens(nn.Sequential):
    """Reads the first of its tokens."""

    def forward(self, images: Tensor) -> Tensor:
        return self[2](self[1](self[0](images).flatten(2).transpose(1, 2))[:, 0])


def tokens() -> nn.Module:
    return Tokens(nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8), nn.Linear(8, 3)).eval()


@pytest.mark.parametrize(
    ("build", "count", "settings"),
    [
        (lambda: network(4), 1, {"layer": "3"}),
        (network, 4, {"layer": "3"}),
        (network, 4, {"layer": "3", "method": "ablationcam"}),
        (tokens, 4, {"layer": "1", "reshape_transform": camkit.tokens_to_grid(4, 4)}),
    ],
)
def test_calls_that_are_known_to_give_the_same_need_no_trial(
    build: Callable[[], nn.Module], count: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Any] = []

    def trial(*given: Any) -> bool:
        tried.append(given)
        return True

    monkeypatch.setattr("camkit_core.forward.memory_format._same_in_both_formats", trial)
    camkit.explain(build(), torch.randn(count, 3, 16, 16), target=1, **settings)
    assert not tried


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"])
def test_the_values_are_those_of_the_usual_format(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = network(4), torch.randn(5, 3, 8, 8)
    quick = camkit.explain(model, images, method, 1, "2")
    monkeypatch.setattr("camkit_core.forward.memory_format._helps", lambda *given: False)
    usual = camkit.explain(model, images, method, 1, "2")
    assert torch.allclose(quick.cam, usual.cam, rtol=1e-4, atol=1e-6)
    assert torch.allclose(quick.logits, usual.logits, rtol=1e-4, atol=1e-6)


class Viewing(nn.Sequential):
    """Changes its images in place, then takes a view that only the default format allows."""

    def forward(self, images: Tensor) -> Tensor:
        features = self[0](images.sub_(1))
        return self[1](features.view(len(features), -1))


def test_a_model_that_views_the_usual_format_gets_it_and_intact_images() -> None:
    torch.manual_seed(0)
    model = Viewing(nn.Conv2d(3, 4, 3, padding=1), nn.Linear(256, 3)).eval()
    images = torch.randn(4, 3, 8, 8)
    kept = images.clone()
    first = formats(model, images, layer="0")
    assert True in first
    assert first[-1] is False
    assert formats(model, images, layer="0") == [False]
    assert torch.equal(images, kept)
    assert torch.allclose(
        camkit.explain(model, images, target=1, layer="0").logits, model(kept.clone())
    )


def _strided(features: Tensor) -> Tensor:
    n, c, h, w = features.shape
    return features.as_strided((n, c, h // 2, w // 2), (c * h * w, h * w, 2 * w, 2))


def _in_storage_order(features: Tensor) -> Tensor:
    return torch.empty(0).set_(features.untyped_storage(), 0, features.shape)


def _through_complex(features: Tensor) -> Tensor:
    pairs = features.reshape(*features.shape[:3], -1, 2)
    return torch.view_as_real(torch.view_as_complex(pairs) * (1 + 1j)).flatten(3)


def _contiguous(error: type[Exception]) -> Callable[[Tensor], Tensor]:
    def checked(features: Tensor) -> Tensor:
        if not features.is_contiguous():
            raise error("input has to be contiguous")
        return features

    return checked


def _by_strides(features: Tensor) -> Tensor:
    return features * (1.0 if features.stride(1) > 1 else 0.5)


OWN = torch.library.Library("camkit_tests", "FRAGMENT")
OWN.define("relu(Tensor features) -> Tensor")
OWN.impl("relu", _strided, "CompositeImplicitAutograd")


def _by_an_operator_of_a_known_name(features: Tensor) -> Tensor:
    result: Tensor = torch.ops.camkit_tests.relu(features)
    return result


READS = [_strided, _in_storage_order, _through_complex, _contiguous(RuntimeError),
         _contiguous(AssertionError), _contiguous(ValueError), _by_strides,
         _by_an_operator_of_a_known_name]  # fmt: skip


class Reading(nn.Module):
    """Reads the features in a way of its own, and counts its runs on itself."""

    def __init__(self, read: Callable[[Tensor], Tensor], groups: int) -> None:
        super().__init__()
        self.features, self.read = network(groups)[:4], read
        self.head, self.calls = nn.Linear(4, 3), 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.head(self.read(self.features(images)).relu().mean((2, 3)))


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(("count", "groups"), [(1, 1), (1, 4), (4, 1), (5, 4)])
@pytest.mark.parametrize("method", ["gradcam", "scorecam"])
def test_a_model_that_reads_memory_in_its_order_keeps_its_values(
    read: Callable[[Tensor], Tensor], count: int, groups: int, method: str
) -> None:
    model, images = Reading(read, groups).eval(), torch.randn(count, 3, 8, 8)
    with torch.no_grad():
        expected = model(images)
    explanation = camkit.explain(model, images, method, 1, "features")
    assert torch.allclose(explanation.logits, expected, atol=1e-6)
    singles = [camkit.explain(model, image[None], method, 1, "features").cam for image in images]
    assert torch.allclose(explanation.cam, torch.cat(singles), rtol=1e-4, atol=1e-6)


def test_the_format_is_settled_again_when_a_module_changes() -> None:
    model, images = nn.Sequential(*network(), Strided()), torch.randn(4, 3, 8, 8)
    model[0].register_forward_hook(lambda module, args, output: asked.append(len(output)))
    asked: list[int] = []
    counts = []
    for change in (False, False, True):
        if change:
            model[3] = nn.ReLU()
        asked.clear()
        run_quickest(model, images, model, model)
        counts.append(list(asked))
    assert counts[0] == counts[2] != [4]
    assert counts[1] == [4]


class Strided(nn.Module):
    """Asks for the strides, so that the calls alone do not tell whether the format matters."""

    def forward(self, features: Tensor) -> Tensor:
        assert features.stride()
        return features


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt("mine")])
def test_an_error_in_both_formats_is_passed_on(error: BaseException) -> None:
    def fail(images: Tensor) -> None:
        raise error

    with pytest.raises(type(error), match=r"^mine$"):
        run_quickest(network(), torch.randn(4, 3, 8, 8), fail, network())


def test_memory_that_runs_out_is_no_matter_of_the_format() -> None:
    runs: list[int] = []

    def fail(images: Tensor) -> None:
        runs.append(len(images))
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        run_quickest(network(), torch.randn(4, 3, 8, 8), fail, network())
    assert runs == [4]


def test_an_image_with_nan_does_not_settle_the_format() -> None:
    model, images = Reading(_strided, 1).eval(), torch.randn(4, 3, 8, 8)
    images[0, 0, 2, 2] = float("nan")
    e = camkit.explain(model, images, target=1, layer="features")
    assert torch.allclose(e.score[1:], model(images)[1:, 1].detach())
