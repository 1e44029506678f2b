"""Every wrong argument is refused before the model runs, by its name, as what callers catch."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import camkit_core as camkit
from camkit_core import CamkitError, DetectionTarget, RegressionTarget, SegmentationTarget
from camkit_core import SimilarityTarget as Similarity
from camkit_core.errors import shown
from camkit_core.testing.networks import conv_net, some_images

IMAGES = some_images(2)
META = torch.zeros(2, 3, 8, 8, device="meta")
LONG = "x" * 10**6


class NeverRuns(nn.Module):
    """A model that fails if it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Fails."""
        raise AssertionError("the model ran")


EXPLAIN = [
    *[("images", each, TypeError) for each in (None, "dog.jpg", [IMAGES[0]], IMAGES.numpy())],
    *[("images", each, TypeError) for each in (IMAGES.to(torch.int32), META, IMAGES.to_sparse())],
    *[("images", each, TypeError) for each in (IMAGES.to(torch.complex64), {1: IMAGES})],
    *[("images", each, ValueError) for each in (IMAGES[:0], torch.tensor(1.0), {}, (1, 2))],
    ("images", torch.quantize_per_tensor(IMAGES, 0.1, 0, torch.qint8), TypeError),
    *[("target", each, TypeError) for each in (1.5, True, "pug", {1}, {}, object(), [1, "a"])],
    *[("target", each, TypeError) for each in ([[1], [2]], torch.ones(2), torch.tensor(True))],
    *[("target", each, TypeError) for each in (np.array([True, False]), [None, None])],
    *[("layer", each, TypeError) for each in (5, {}, [5], np.array(["layer"]), True)],
    *[("layer", each, ValueError) for each in ([], "", LONG, nn.ReLU(), "layer#" + "9" * 5000)],
    *[("method", each, TypeError) for each in (None, 5, ["gradcam"])],
    *[("batch_size", each, TypeError) for each in (True, 2.5, "4", [4], torch.ones(2))],
    *[("batch_size", each, ValueError) for each in (0, -1)],
    *[("guided", each, TypeError) for each in ("no", None, 1, torch.ones(2))],
    *[("aug_smooth", each, TypeError) for each in ("no", None, np.array([]))],
    *[("eigen_smooth", each, TypeError) for each in ("no", None, torch.ones(2))],
    *[("metrics", each, TypeError) for each in (5, None, "area", {"area": 5}, [None], True)],
    *[("metrics", each, ValueError) for each in ({"insertion": {"steps": 0}}, {})],
    *[("reshape_transform", each, TypeError) for each in (5, "tokens", IMAGES)],
    *[("adapter", each, TypeError) for each in (5, camkit.Adapter, "vit")],
    ("adapter", camkit.Adapter(nn.ReLU()), ValueError),
    *[("image_input", each, TypeError) for each in (1.5, True, [0])],
    *[("image_input", each, ValueError) for each in ("nothing", 3, -1)],
    *[("shared_inputs", each, TypeError) for each in (1.5, [None], max)],
    *[("shared_inputs", each, ValueError) for each in ("x", [3])],
    *[("output", each, TypeError) for each in ([], 1.5, True)],
    *[(name, 1, LookupError) for name in ("targets", "methods", "nonsense", "batchsize")],
]


@pytest.mark.parametrize(("name", "value", "kind"), EXPLAIN, ids=shown)
def test_a_wrong_argument_of_explain(name: str, value: Any, kind: type[Exception]) -> None:
    arguments = {"images": IMAGES, "layer": "layer", name: value}
    with pytest.raises(kind) as error:
        camkit.explain(NeverRuns(), **arguments)
    assert isinstance(error.value, CamkitError)
    assert len(str(error.value)) < 900


@pytest.mark.parametrize("model", [None, "resnet18", nn.Conv2d, lambda images: images])
def test_what_is_no_model_is_of_another_type(model: Any) -> None:
    for function in (camkit.explain, camkit.compare, camkit.layers):
        with pytest.raises(camkit.InputError) as error:
            function(model, IMAGES)
        assert isinstance(error.value, TypeError)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        *[
            ({"methods": each}, TypeError)
            for each in ("gradcam", None, 5, [None], META[0, 0, 0, 0])
        ],
        *[({"methods": each}, ValueError) for each in ([], (), np.array([]))],
        *[({"targets": each}, TypeError) for each in (1, None, "pug", iter([1]), ["pug"])],
        *[({"targets": each}, ValueError) for each in ([], ())],
    ],
    ids=shown,
)
def test_a_wrong_argument_of_compare(arguments: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind) as error:
        camkit.compare(NeverRuns(), IMAGES, **{"layer": "layer", **arguments})
    assert isinstance(error.value, CamkitError)


@pytest.mark.parametrize("target", ["pug", 1.5, [], [[1]], {1}])
def test_a_wrong_target_of_layers(target: Any) -> None:
    with pytest.raises(camkit.TargetError):
        camkit.layers(NeverRuns(), IMAGES, target)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        *[(lambda each=each: camkit.top(each), TypeError) for each in ("3", 1.5, None, True)],
        *[(lambda each=each: camkit.top(each), ValueError) for each in (0, -1, 10**8)],
        *[
            (lambda cls=cls, each=each: cls(each), TypeError)
            for cls in (camkit.ClassifierOutputTarget, SegmentationTarget)
            for each in ("pug", None, 1.5, True)
        ],
        *[(lambda each=each: DetectionTarget(each), TypeError) for each in (1.5, True, [])],
        *[(lambda m=m: SegmentationTarget(1, m), TypeError) for m in ("abc", object(), [[1], []])],
        *[(lambda b=b: DetectionTarget(1, b), TypeError) for b in ("abcd", 5, [None] * 4)],
        *[(lambda b=b: DetectionTarget(1, b), ValueError) for b in ((1, 2), range(5), [])],
        *[(lambda e=e: Similarity(e), TypeError) for e in (None, [1.0], np.ones(3))],
        *[(lambda e=e: Similarity(e), ValueError) for e in (torch.ones(1, 3), torch.tensor(1.0))],
        (lambda: Similarity(torch.ones(3), 5), TypeError),
        *[(lambda i=i: RegressionTarget(i), TypeError) for i in ("x", 1.5, None)],
        *[(lambda v=v: RegressionTarget(0, v), TypeError) for v in ("x", [1.0])],
        (lambda: RegressionTarget(0, float("nan")), ValueError),
    ],
)
def test_a_wrong_argument_of_a_target(make: Callable[[], Any], kind: type[Exception]) -> None:
    with pytest.raises(kind) as error:
        make()
    assert isinstance(error.value, camkit.TargetError)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        *[("layer", each, TypeError) for each in ("body", 5, nn.ReLU)],
        *[(each, 5, TypeError) for each in ("reshape", "activation", "output", "key", "after")],
        *[("channel_axis", each, TypeError) for each in ("1", 1.5)],
        ("call", "first", TypeError),
        ("call", -1, ValueError),
    ],
)
def test_a_wrong_attribute_of_an_adapter(name: str, value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=rf"^Adapter takes {name}= ") as error:
        camkit.Adapter(**{"layer": nn.ReLU(), name: value})
    assert isinstance(error.value, camkit.LayerError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("target", each) for each in (np.int64(1), torch.tensor(1), (1, 1), np.array([1, 1]))],
        *[("target", each) for each in (torch.tensor([1, 1]), [np.int8(1), lambda y: y[1]])],
        *[("layer", each) for each in (("layer",), np.str_("layer"))],
        *[("batch_size", each) for each in (np.int64(4), torch.tensor(4))],
        ("guided", np.bool_(False)),
        ("shared_inputs", set()),
        ("output", operator.itemgetter(slice(None))),
        ("image_input", np.int64(0)),
        ("image_input", "images"),
        ("images", {"images": IMAGES}),
    ],
    ids=shown,
)
def test_what_sensible_callers_pass_is_taken(name: str, value: Any) -> None:
    arguments = {"target": 1, "layer": "layer", "images": IMAGES, name: value}
    given = camkit.explain(conv_net(), **arguments)
    plain = camkit.explain(conv_net(), IMAGES, target=1, layer="layer")
    assert torch.equal(given.cam, plain.cam)


def test_a_position_that_is_not_there_is_an_index_error() -> None:
    comparison = camkit.compare(conv_net(), IMAGES, targets=[1], layer="layer")
    explanation = comparison[-1, "gradcam"]
    for place in ((1, 0), (0, 1), (-2, 0)):
        with pytest.raises(IndexError, match=r"^no (target|method) -?\d: the comparison has 1"):
            comparison[place]
    for call in (explanation.render, explanation.summary, explanation.describe, explanation.blank):
        with pytest.raises((IndexError, TypeError)) as error:
            call(index=2)
        assert isinstance(error.value, camkit.InputError)
    for place in (0, "gradcam", (0, 0, 0), (0, 1.5), ("0", 0)):
        with pytest.raises(TypeError) as error:
            comparison[place]  # type: ignore[index]
        assert isinstance(error.value, CamkitError)


@pytest.mark.parametrize("arguments", [{"side": 0}, {"side": "x"}, {"index": 2}, {"index": "x"}])
def test_a_wrong_argument_of_a_sheet(arguments: dict[str, Any]) -> None:
    comparison = camkit.compare(conv_net(), IMAGES, targets=[1], layer="layer")
    with pytest.raises(CamkitError):
        comparison.render(**arguments)


def test_a_reshape_that_gives_no_tensor_is_said() -> None:
    with pytest.raises(camkit.LayerError, match="from reshape_transform, got None"):
        camkit.explain(conv_net(), IMAGES, layer="layer", reshape_transform=lambda output: None)
