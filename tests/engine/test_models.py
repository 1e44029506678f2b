"""Models that return, compute or wrap in ways of their own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.small_cnn import close, five, pictures, small

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


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
    """A dictionary whose entries are also attributes, as transformers' outputs are."""

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
    explanation = camkit.explain(wrapped, images, method, None, "body")
    assert torch.equal(explanation.logits, expected.logits)
    assert close(explanation.cam, expected.cam)


@five
@pytest.mark.parametrize(
    ("wrap", "target"),
    [
        (lambda logits: (logits, None, [logits[:, :1]]), lambda output: output[0][1]),
        (lambda logits: [logits[:, :2], logits[:, 2:]], lambda output: output[0][1]),
        (WRAPPERS["ModelOutput"], lambda output: output.logits[1]),
        (WRAPPERS["dict of out"], lambda output: output["out"][1]),
        (WRAPPERS["object"], lambda output: output.logits[1]),
        (WRAPPERS["dict with a scalar"], lambda output: output["logits"][1]),
        (
            lambda logits: logits[:, :, None, None].expand(-1, -1, 3, 3),
            lambda output: output[1].mean(),
        ),
        (lambda logits: logits[:, 1], lambda output: output),
    ],
    ids=["tuple", "list", "ModelOutput", "dict", "object", "with a scalar", "dense", "regression"],
)
def test_a_callable_sees_one_samples_output(method: str, wrap: Any, target: Any) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body")
    wrapped = small(wrap=wrap)
    wrapped.load_state_dict(model.state_dict())
    explanation = camkit.explain(wrapped, images, method, target, "body")
    assert close(explanation.cam, expected.cam)
    assert close(explanation.score, expected.score)


@five
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_half_precision_model_gives_finite_float32_maps(method: str, dtype: torch.dtype) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body")
    explanation = camkit.explain(model.to(dtype), images.float(), method, 1, "body")
    assert (
        explanation.cam.dtype
        == explanation.score.dtype
        == explanation.heatmap.dtype
        == torch.float32
    )
    assert explanation.images.dtype == dtype
    assert explanation.cam.isfinite().all()
    # A drop is the difference of two scores, and each score has only a few exact digits.
    allowed = 0.3 if method == "ablationcam" else 0.1
    assert close(explanation.cam.double(), expected.cam, allowed)


@five
def test_autocast_gives_finite_float32_maps(method: str) -> None:
    model, images = small().float(), pictures().float()
    expected = camkit.explain(model, images, method, 1, "body").cam
    with torch.autocast("cpu", torch.bfloat16):
        half = camkit.explain(model, images, method, 1, "body").cam
    assert half.dtype == torch.float32
    assert close(half, expected, 0.3 if method == "ablationcam" else 0.1)


@five
def test_a_float64_model_gives_float64_maps_from_float32_images(method: str) -> None:
    explanation = camkit.explain(small(), pictures().float(), method, 1, "body", guided=True)
    assert (
        explanation.cam.dtype
        == explanation.score.dtype
        == explanation.guided.dtype
        == torch.float64
    )
    assert explanation.heatmap.dtype == torch.float32


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
    explanation = camkit.explain(model, images, "gradcam", 1, "0")
    assert close(explanation.cam, nn.functional.avg_pool2d(images, 2)[:, 1] / 48)


@five
def test_a_model_whose_own_forward_forbids_gradients_is_explained(method: str) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body", guided=True)
    model.forward = torch.no_grad()(model.forward)
    explanation = camkit.explain(model, images, method, 1, "body")
    assert close(explanation.cam, expected.cam)


def test_guided_backprop_passes_through_a_forward_that_forbids_gradients() -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, "guided_backprop", 1, "body").cam
    model.forward = torch.no_grad()(model.forward)
    assert close(camkit.explain(model, images, "guided_backprop", 1, "body").cam, expected)
