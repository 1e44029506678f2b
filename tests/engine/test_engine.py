"""explain and compare: what they return, what they share, what they accept and what they note."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary

import camkit_core as camkit
from camkit_core import Adapter, CamkitWarning, LayerError
from camkit_core.maps import heatmaps, principal_map, upsample

pytestmark = pytest.mark.filterwarnings("ignore:blank map")

FIVE = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"]
GRADIENT = FIVE[:3]
five = pytest.mark.parametrize("method", FIVE)


class Small(nn.Module):
    """Two convolutions to explain and a head; `wrap` decides in what the logits come."""

    def __init__(self, wrap: Callable[[Tensor], Any] = lambda logits: logits, classes: int = 4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU())
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 8), nn.Tanh(),
            nn.Linear(8, classes),
        )  # fmt: skip
        self.wrap = wrap

    def forward(self, images: Tensor) -> Any:
        return self.wrap(self.head(self.body(self.stem(images))))


def small(**settings: Any) -> Small:
    return Small(**settings).double().eval()


def pictures(count: int = 2, height: int = 12, width: int = 16) -> Tensor:
    return torch.randn(count, 3, height, width, dtype=torch.float64)


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-9) -> bool:
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max().clamp(min=1e-9))


def passes(model: nn.Module) -> list[int]:
    """Counts the runs of the model's first module from now on, by wrapping its forward."""
    first, sizes = model.stem[0], []
    forward = first.forward

    def counted(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return forward(images)

    first.forward = counted
    return sizes


# What an explanation is


@five
@pytest.mark.parametrize("size", [(16, 16), (24, 16), (16, 24), (17, 23), (1, 9)])
def test_maps_have_the_layers_grid_and_heatmaps_the_images_size(
    method: str, size: tuple[int, int]
) -> None:
    found = camkit.explain(small(), pictures(2, *size), method, 1, "body")
    assert found.cam.shape == (2, -(-size[0] // 2), -(-size[1] // 2))
    assert found.heatmap.shape == (2, *size)
    assert found.heatmap.dtype == torch.float32
    assert found.heatmap.min() >= 0
    for cam, heat in zip(found.cam, found.heatmap, strict=True):
        assert float(heat.max()) == (1 if cam.max() > 0 else 0)


def test_a_heatmap_is_the_map_without_its_negative_part_resized_and_scaled_by_its_maximum() -> None:
    found = camkit.explain(small(), pictures(), "gradcam", 1, "body")
    expected = nn.functional.interpolate(
        found.cam.relu()[:, None], (12, 16), mode="bilinear", align_corners=False
    )[:, 0]
    expected = expected / expected.amax((1, 2), keepdim=True)
    assert close(found.heatmap, expected.float(), 1e-6)
    assert (found.to_numpy() == found.heatmap.numpy()).all()


def test_the_rest_of_an_explanation_says_what_was_explained() -> None:
    model, images = small(), pictures()
    found = camkit.explain(model, images, "ablationcam", None, "body", variant="paper")
    logits = model(images).detach()
    assert torch.equal(found.logits, logits)
    assert torch.equal(found.target, logits.argmax(1))
    assert torch.equal(found.score, logits.amax(1))
    assert (found.method, found.layer, found.adapter) == (
        "ablationcam", "body", "no adapter, layer given",
    )  # fmt: skip
    assert found.options == {"variant": "paper"}
    assert found.provenance["layers"] == ["body"]
    assert found.notes == ()
    assert [found.blank(index) for index in range(len(found))] == [None, None]
    assert found.describe(1) == f"class {int(found.target[1])} {float(found.score[1]):.2f}"


def test_one_image_may_come_without_its_batch() -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images[:1], "gradcam", 1, "body")
    found = camkit.explain(model, images[0], "gradcam", 1, "body")
    assert found.images.shape == (1, 3, 12, 16)
    assert torch.equal(found.cam, expected.cam)


def test_twice_the_score_is_twice_the_raw_map_and_the_same_heatmap() -> None:
    model, images = small(), pictures()
    once = camkit.explain(model, images, "gradcam", lambda row: row[1], "body")
    twice = camkit.explain(model, images, "gradcam", lambda row: 2 * row[1], "body")
    assert close(twice.cam, 2 * once.cam)
    assert close(twice.heatmap, once.heatmap, 1e-6)


# What is shared


def test_three_methods_and_four_targets_are_one_forward_pass() -> None:
    model, images = small(), pictures()
    sizes = passes(model)
    targets = [None, 1, [2, 3], lambda row: row.sum()]
    found = camkit.compare(model, images, GRADIENT, targets, "body")
    assert sizes == [2]
    assert len(found) == 12
    assert len(list(found)) == 12


def test_a_comparison_is_indexed_by_target_and_by_method_or_its_name() -> None:
    model, images = small(), pictures()
    found = camkit.compare(model, images, FIVE, [1, [2, 3]], "body")
    assert found.methods == tuple(FIVE)
    assert [one.method for one in found] == FIVE * 2
    assert found[1, 3] is found[1, "ablationcam"]
    assert found[1, "ablationcam"].target.tolist() == [2, 3]
    for row, target in enumerate([1, [2, 3]]):
        for name in FIVE:
            alone = camkit.explain(model, images, name, target, "body")
            assert close(found[row, name].cam, alone.cam), name


def test_gradients_of_several_targets_are_pulled_in_one_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pulls = []
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: (pulls.append(k), grad(*a, **k))[1])
    camkit.compare(small(), pictures(), GRADIENT, [0, 1, 2, 3], "body")
    assert [one["is_grads_batched"] for one in pulls] == [True]


class OneByOne(torch.autograd.Function):
    """A tail whose backward cannot be batched."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        return features.sin()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        assert float(grad.sum()) is not None  # .item() is refused under vmap
        return grad * features.cos()


def test_a_backward_that_cannot_be_batched_is_run_one_by_one() -> None:
    model, images = small(wrap=OneByOne.apply), pictures()
    found = camkit.compare(model, images, ["gradcam"], [0, 1, 2], "body")
    for row in range(3):
        alone = camkit.explain(model, images, "gradcam", row, "body")
        assert close(found[row, 0].cam, alone.cam)


@pytest.fixture
def kernels() -> Iterator[Callable[[], list[bool]]]:
    """Tells which kernels of attention the process may use: all of them, before and after."""
    names = ("flash_sdp", "mem_efficient_sdp", "math_sdp")

    def allow_all() -> None:
        for name in names:
            getattr(torch.backends.cuda, f"enable_{name}")(True)

    allow_all()
    yield lambda: [getattr(torch.backends.cuda, f"{name}_enabled")() for name in names]
    allow_all()


def test_two_models_in_two_threads_give_the_maps_they_give_one_after_the_other(
    kernels: Callable[[], list[bool]],
) -> None:
    models, images = [small(), small()], pictures()
    run = partial(camkit.explain, images=images, method="ablationcam", target=1, layer="body")
    expected = [run(model).cam for model in models]
    found: dict[int, list[Tensor]] = {0: [], 1: []}

    def work(index: int) -> None:
        for _ in range(5):
            found[index].append(run(models[index]).cam)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, cams in found.items():
        assert [close(cam, expected[index]) for cam in cams] == [True] * 5


class Waiting(nn.Module):
    """Calls `wait` once, in the first tail run: there the edits are rows of one batch."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        super().__init__()
        self.layer, self.wait = nn.Conv2d(3, 4, 3), [wait]

    def pause(self, features: Tensor) -> Tensor:
        if has_torch_function_unary(features):  # one call on the tape, whatever it does
            return handle_torch_function(self.pause, (features,), features)
        if len(features) > 1 and self.wait:
            self.wait.pop()()
        return features.sin()

    def forward(self, images: Tensor) -> Tensor:
        return self.pause(self.layer(images)).mean((2, 3))


def test_threads_in_tail_runs_at_once_leave_attention_its_kernels(
    kernels: Callable[[], list[bool]],
) -> None:
    """The first thread leaves while the second, which came later, is still inside."""
    inside, done = threading.Event(), threading.Event()
    images = torch.randn(1, 3, 6, 6)
    run = partial(camkit.explain, images=images, method="ablationcam", target=1, layer="layer")
    second = Waiting(lambda: (inside.set(), done.wait(5)))
    thread = threading.Thread(target=run, args=(second,))
    run(Waiting(lambda: (thread.start(), inside.wait(1))))
    done.set()
    thread.join()
    assert second.wait == []
    assert kernels() == [True, True, True]


# Layers


@five
def test_a_layer_is_named_by_module_name_or_list(method: str) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body.0")
    for layer in (model.body[0], ["body.0"], [model.body[0]], (model.body[0],)):
        found = camkit.explain(model, images, method, 1, layer)
        assert found.layer == "body.0"
        assert torch.equal(found.cam, expected.cam)


def test_a_module_with_two_names_is_found_by_both() -> None:
    model, images = small(), pictures()
    model.also = model.body
    expected = camkit.explain(model, images, "gradcam", 1, "body")
    assert torch.equal(camkit.explain(model, images, "gradcam", 1, "also").cam, expected.cam)


def test_maps_of_several_layers_are_averaged_each_by_its_largest_absolute_value() -> None:
    model, images = small(), pictures()
    fine, coarse = (
        camkit.explain(model, images, "gradcam", 1, one).cam for one in ("stem", "body")
    )
    unit = [cam / cam.abs().amax((1, 2), keepdim=True) for cam in (fine, coarse)]
    expected = (unit[0] + upsample(unit[1], (12, 16))) / 2
    for layers in (["stem", "body"], [model.body, model.stem]):
        found = camkit.explain(model, images, "gradcam", 1, layers)
        assert close(found.cam, expected)
        assert sorted(found.layer.split(", ")) == ["body", "stem"]


class Tokens(nn.Module):
    """Patches as tokens (N, 1 + h w, C) behind a class token, as in a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, 6))
        self.norm, self.mix = nn.LayerNorm(6), nn.MultiheadAttention(6, 2, batch_first=True)
        self.head = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        tokens = self.norm(torch.cat([self.first.expand(len(tokens), 1, 6), tokens], 1))
        return self.head((tokens + self.mix(tokens, tokens, tokens)[0])[:, 0])


def reshape(tokens: Tensor, height: int = 3, width: int = 5) -> Tensor:
    grid = tokens[:, 1:, :].reshape(tokens.size(0), height, width, tokens.size(2))
    return grid.transpose(2, 3).transpose(1, 2)


@five
def test_a_reshape_makes_a_grid_of_tokens(method: str) -> None:
    model, images = Tokens().double(), pictures(2, 12, 20)
    found = camkit.explain(model, images, method, 1, "norm", reshape)
    given = Adapter(model.norm, reshape, channel_axis=2)
    assert found.cam.shape == (2, 3, 5)
    assert found.cam.abs().max() > 0
    assert torch.equal(found.cam, camkit.explain(model, images, method, 1, adapter=given).cam)


def test_a_reshape_is_needed_for_tokens_and_the_error_proposes_grids() -> None:
    with pytest.raises(LayerError, match=r"\(2, 17, 6\) \(17 tokens: perhaps 4x4 after 1 prefix"):
        camkit.explain(Tokens().double(), pictures(2, 16, 16), "gradcam", 1, "norm")


class Pair(nn.Module):
    """Returns two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> tuple[None, Tensor, Tensor]:
        features = self.conv(images)
        return None, features, features * 2


class OfPair(nn.Module):
    """Reads the first tensor of a layer that returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.head = Pair(), nn.Linear(4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.pair(images)[1].tanh().mean((2, 3)))


@five
def test_a_layer_that_returns_a_tuple_means_its_first_tensor(method: str) -> None:
    model, images = OfPair().double(), pictures()
    expected = camkit.explain(model, images, method, 1, "pair.conv").cam
    assert close(camkit.explain(model, images, method, 1, "pair").cam, expected)


class Runs(nn.Module):
    """Runs its layer a number of times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.layer = times, nn.Conv2d(3, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        for _ in range(self.times):
            images = self.layer(images)
        return images.mean((2, 3))


@pytest.mark.parametrize(("times", "said"), [(0, "not at all"), (2, "2 times"), (3, "3 times")])
def test_a_layer_must_run_once(times: int, said: str) -> None:
    with pytest.raises(LayerError, match=f"'layer' ran {said} in one forward pass of Runs; choose"):
        camkit.explain(Runs(times), torch.randn(1, 3, 4, 4), "gradcam", 1, "layer")


# Smoothing


@five
def test_aug_smooth_is_the_mean_of_six_views_for_the_target_of_the_image_itself(
    method: str,
) -> None:
    model, images = small(), pictures(3)
    top = model(images).argmax(1)
    views = []
    for factor in (0.9, 1.0, 1.1):
        views.append(camkit.explain(model, images * factor, method, top, "body").cam)
        mirrored = camkit.explain(model, images.flip(-1) * factor, method, top, "body").cam
        views.append(mirrored.flip(-1))
    found = camkit.explain(model, images, method, None, "body", aug_smooth=True)
    assert close(found.cam, torch.stack(views).mean(0))
    assert torch.equal(found.target, top)
    assert torch.equal(found.score, model(images).amax(1))


def test_the_target_does_not_follow_the_views() -> None:
    """Class 0 for the image itself, class 1 for every view of it that is mirrored."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.ones(2, 1, 1, 1))
        model[2].weight.copy_(torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 1]]))
    image = torch.tensor([[[[2.0, 1.0]]]])
    found = camkit.explain(model, image, "gradcam", None, "0", aug_smooth=True)
    assert model(image.flip(-1)).argmax().item() == 1
    assert found.target.tolist() == [0]
    assert found.score.tolist() == [4.0]


@five
def test_eigen_smooth_is_the_principal_component_with_the_sign_of_the_sum(method: str) -> None:
    model, images = small(), pictures(3)
    plain = camkit.explain(model, images, method, 1, "body").cam
    found = camkit.explain(model, images, method, 1, "body", eigen_smooth=True).cam
    assert found.shape == plain.shape
    centred = plain - plain.mean((1, 2), keepdim=True)
    assert ((found * centred).sum((1, 2)) > 0).all()
    assert not close(found, plain)


def test_eigen_smooth_of_one_channel_is_that_channel_around_its_mean() -> None:
    evidence = torch.randn(2, 1, 3, 4, dtype=torch.float64)
    expected = evidence[:, 0] - evidence[:, 0].mean((1, 2), keepdim=True)
    assert close(principal_map(evidence), expected)


def test_a_method_that_sums_no_channels_says_that_eigen_smoothing_did_nothing() -> None:
    def mean_map(probe: camkit.Probe) -> Tensor:
        return probe.activations.mean(1)

    found = camkit.explain(small(), pictures(), mean_map, 1, "body", eigen_smooth=True)
    assert found.notes == ("eigen smoothing did nothing: mean_map does not sum over channels",)


@five
def test_guided_is_the_guided_gradient_times_the_heatmap(method: str) -> None:
    model, images = small(), pictures()
    found = camkit.explain(model, images, method, 1, "body", guided=True)
    seen: list[Tensor] = []

    def guided(probe: camkit.Probe) -> Tensor:
        seen.append(probe.guided_gradients()[0])
        return seen[0].sum(1)

    camkit.explain(model, images, guided, 1, "body")
    assert found.guided.shape == images.shape
    assert close(found.guided, seen[0] * heatmaps(found.cam, (12, 16))[:, None])


# Methods and their options


def test_a_function_is_a_method_with_its_keywords_as_options() -> None:
    def powered(probe: camkit.Probe, *, power: float = 1.0) -> Tensor:
        return probe.weighted_sum(probe.gradients.mean((2, 3))) ** power

    model, images = small(), pictures()
    plain = camkit.explain(model, images, powered, 1, "body")
    cubed = camkit.explain(model, images, powered, 1, "body", power=3)
    assert plain.method == "powered"
    assert cubed.options == {"power": 3}
    assert close(plain.cam, camkit.explain(model, images, "gradcam", 1, "body").cam)
    assert close(cubed.cam, plain.cam**3)


def test_each_method_gets_the_options_it_takes() -> None:
    found = camkit.compare(
        small(), pictures(), ["gradcam", "xgradcam"], [1], "body", variant="paper", tol=0.5
    )
    assert [one.options for one in found] == [{}, {"variant": "paper", "tol": 0.5}]


# Blank maps


def told(model: nn.Module, images: Tensor, method: Any, target: Any, layer: str = "body") -> Any:
    """An explanation and the warnings that came with it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = camkit.explain(model, images, method, target, layer)
    return found, caught


def scaled_gradcam(factor: float) -> Callable[[camkit.Probe], Tensor]:
    def method(probe: camkit.Probe) -> Tensor:
        return probe.channel_sum(probe.activations + probe.gradients.abs()).abs() * factor

    return method


@pytest.mark.parametrize(
    ("factor", "reason"),
    [
        (-1.0, "nothing at 'body' speaks for this target: the map is negative everywhere"),
        (0.0, "the map is zero everywhere: no channel of 'body' carries weight"),
        (float("nan"), "activations or gradients at 'body' are not finite"),
        (float("inf"), "activations or gradients at 'body' are not finite"),
    ],
)
def test_a_blank_map_is_noted_for_each_image_with_one_warning(factor: float, reason: str) -> None:
    found, caught = told(small(), pictures(), scaled_gradcam(factor), 1)
    assert [str(one.message).startswith("blank map: image 0: ") for one in caught] == [True]
    assert caught[0].category is CamkitWarning
    assert len(found.notes) == 2
    for index, note in enumerate(found.notes):
        assert note.startswith(f"image {index}: {reason}")
        assert found.blank(index) == note.partition(": ")[2]
    assert found.heatmap.abs().max() == 0


def test_a_zero_gradient_is_told_from_a_zero_map() -> None:
    found, caught = told(small(), pictures(), "gradcam", lambda row: (row * 0).sum())
    assert len(caught) == 1
    assert "the gradient is exactly zero at every position of 'body'" in found.notes[0]
    assert "try an earlier layer" in found.notes[0]


def test_images_that_are_not_finite_give_finite_heatmaps_and_a_reason() -> None:
    images = pictures()
    images[1, 0, 3, 3] = float("nan")
    found, caught = told(small(), images, "gradcam", 1)
    assert [found.blank(0), len(found.notes), len(caught)] == [None, 1, 1]
    assert "image 1: activations or gradients at 'body' are not finite" in found.notes[0]
    assert found.heatmap.isfinite().all()
    assert float(found.heatmap[0].max()) == 1


def test_a_warning_points_at_the_line_that_asked() -> None:
    _, caught = told(small(), pictures(), scaled_gradcam(-1.0), 1)
    assert caught[0].filename == __file__


def test_a_map_with_evidence_comes_without_a_word() -> None:
    found, caught = told(small(), pictures(), scaled_gradcam(1.0), 1)
    assert (found.notes, caught) == ((), [])


# Models


def test_of_one_logit_1_is_for_it_and_0_against_it() -> None:
    model, images = small(classes=1), pictures(4)
    positive, negative = (camkit.explain(model, images, "gradcam", k, "body") for k in (1, 0))
    logit = model(images)[:, 0].detach()
    assert close(positive.cam, -negative.cam)
    assert torch.equal(positive.score, logit)
    assert torch.equal(negative.score, -logit)
    top = camkit.explain(model, images, "gradcam", None, "body")
    assert torch.equal(top.target, (logit > 0).long())


class Output(OrderedDict):
    """A dictionary whose entries are attributes, too, as transformers return it."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Named(NamedTuple):
    """A named tuple with logits."""

    loss: None
    logits: Tensor


class Plain:
    """An object with logits that is neither tuple nor dictionary."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


WRAPPERS: dict[str, Callable[[Tensor], Any]] = {
    "dict of logits": lambda logits: {"features": logits[:, :1, None], "logits": logits},
    "dict of out": lambda logits: {"out": logits, "aux": logits * 2},
    "ModelOutput": lambda logits: Output(loss=None, logits=logits, hidden_states=(logits,)),
    "named tuple": lambda logits: Named(None, logits),
    "object": Plain,
    "dict with a scalar": lambda logits: {"logits": logits, "temperature": torch.tensor(2.0)},
}


@five
@pytest.mark.parametrize("name", WRAPPERS)
def test_logits_are_found_in_what_models_return(name: str, method: str) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, None, "body")
    wrapped = small(wrap=WRAPPERS[name])
    wrapped.load_state_dict(model.state_dict())
    found = camkit.explain(wrapped, images, method, None, "body")
    assert torch.equal(found.logits, expected.logits)
    assert close(found.cam, expected.cam)


@five
@pytest.mark.parametrize(
    ("wrap", "target"),
    [
        (lambda logits: (logits, None, [logits[:, :1]]), lambda one: one[0][1]),
        (lambda logits: [logits[:, :2], logits[:, 2:]], lambda one: one[0][1]),
        (WRAPPERS["ModelOutput"], lambda one: one.logits[1]),
        (WRAPPERS["dict of out"], lambda one: one["out"][1]),
        (WRAPPERS["object"], lambda one: one.logits[1]),
        (WRAPPERS["dict with a scalar"], lambda one: one["logits"][1]),
        (lambda logits: logits[:, :, None, None].expand(-1, -1, 3, 3), lambda one: one[1].mean()),
        (lambda logits: logits[:, 1], lambda one: one),
    ],
    ids=["tuple", "list", "ModelOutput", "dict", "object", "with a scalar", "dense", "regression"],
)
def test_a_callable_sees_one_samples_output(method: str, wrap: Any, target: Any) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body")
    wrapped = small(wrap=wrap)
    wrapped.load_state_dict(model.state_dict())
    found = camkit.explain(wrapped, images, method, target, "body")
    assert close(found.cam, expected.cam)
    assert close(found.score, expected.score)


@five
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_half_precision_model_gives_finite_float32_maps(method: str, dtype: torch.dtype) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body")
    found = camkit.explain(model.to(dtype), images.float(), method, 1, "body")
    assert found.cam.dtype == found.score.dtype == found.heatmap.dtype == torch.float32
    assert found.images.dtype == dtype
    assert found.cam.isfinite().all()
    # A drop is a difference of two scores, each of a few digits.
    allowed = 0.3 if method == "ablationcam" else 0.1
    assert close(found.cam.double(), expected.cam, allowed)


@five
def test_autocast_gives_finite_float32_maps(method: str) -> None:
    model, images = small().float(), pictures().float()
    expected = camkit.explain(model, images, method, 1, "body").cam
    with torch.autocast("cpu", torch.bfloat16):
        found = camkit.explain(model, images, method, 1, "body").cam
    assert found.dtype == torch.float32
    assert close(found, expected, 0.3 if method == "ablationcam" else 0.1)


@five
def test_a_float64_model_gives_float64_maps_from_float32_images(method: str) -> None:
    found = camkit.explain(small(), pictures().float(), method, 1, "body", guided=True)
    assert found.cam.dtype == found.score.dtype == found.guided.dtype == torch.float64
    assert found.heatmap.dtype == torch.float32


@five
def test_wrapped_models_give_the_maps_of_the_model_inside(method: str) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body").cam
    compiled = torch.compile(model, backend="eager")
    for wrapped in (nn.DataParallel(model), compiled, nn.DataParallel(compiled)):
        for layer in ("body", model.body):
            assert torch.equal(camkit.explain(wrapped, images, method, 1, layer).cam, expected)


def test_a_model_without_parameters_is_explained() -> None:
    model = nn.Sequential(nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    images = pictures()
    found = camkit.explain(model, images, "gradcam", 1, "0")
    assert close(found.cam, nn.functional.avg_pool2d(images, 2)[:, 1] / 48)


@five
def test_a_model_whose_own_forward_forbids_gradients_is_explained(method: str) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body", guided=True)
    model.forward = torch.no_grad()(model.forward)
    found = camkit.explain(model, images, method, 1, "body")
    assert close(found.cam, expected.cam)


def test_of_a_model_that_forbids_gradients_guided_backprop_does_not_say_it_has_no_relu() -> None:
    model = small()
    model.forward = torch.no_grad()(model.forward)
    with pytest.raises(camkit.CamkitError, match="no gradient"):
        camkit.explain(model, pictures(), "guided_backprop", 1, "body")
