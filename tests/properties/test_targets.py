"""Every way to write a target means the same; a wrong number of them is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from helpers.small_nets import Net, explained, small_net

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


def score(category: int) -> Callable[[Tensor], Tensor]:
    return lambda row: row[category]


SAME: dict[str, Any] = {
    "list": [2, 2, 2],
    "tuple": (2, 2, 2),
    "tensor": torch.tensor([2, 2, 2]),
    "scalar tensor": torch.tensor(2),
    "array": np.array([2, 2, 2]),
    "numpy integer": np.int64(2),
    "callable": score(2),
    "callables": [score(2), score(2), score(2)],
    "class and callables": [2, score(2), score(2)],
    "object": camkit.ClassifierOutputTarget(2),
    "objects": [camkit.ClassifierOutputTarget(2)] * 3,
}


@pytest.mark.parametrize("form", SAME)
@pytest.mark.parametrize("name", ["vgg", "densenet", "timm_vit"])
def test_all_forms_of_a_target_agree(form: str, name: str, method: str) -> None:
    net = small_net(name)
    wanted = explained(net, method, 2)
    e = camkit.explain(net.model, net.images, method, SAME[form])
    assert torch.allclose(e.cam, wanted.cam, rtol=1e-9, atol=1e-12)
    assert torch.equal(e.score, wanted.score)
    other = explained(net, method, 3)
    assert not torch.allclose(other.cam, wanted.cam, rtol=1e-2)


def test_each_image_is_explained_for_its_own_target(net: Net, method: str) -> None:
    targets = [4, score(0), 1]
    e = camkit.explain(net.model, net.images, method, targets)
    for index, category in enumerate((4, 0, 1)):
        alone = explained(net, method, category)
        assert torch.allclose(e.cam[index], alone.cam[index], rtol=1e-7, atol=1e-10)
        assert e.score[index] == alone.logits[index, category]


def test_no_target_means_each_images_top_class(net: Net, method: str) -> None:
    e = camkit.explain(net.model, net.images, method)
    top = net.model(net.images).argmax(1)
    assert torch.equal(e.target, top)
    assert torch.equal(e.cam, camkit.explain(net.model, net.images, method, top).cam)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("of", [2, score(2)], ids=["classes", "callables"])
def test_another_number_of_targets_than_images_is_an_error(of: Any, count: int) -> None:
    net = small_net("vgg")
    with pytest.raises(camkit.TargetError, match=f"got {count} targets for 3 images; pass one"):
        camkit.explain(net.model, net.images, "gradcam", [of] * count)


def test_several_targets_in_one_call_are_those_of_single_calls(net: Net) -> None:
    methods = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"]
    together = camkit.compare(net.model, net.images, methods, [0, [1, 2, 3], score(4)])
    for index, categories in enumerate(((0, 0, 0), (1, 2, 3), (4, 4, 4))):
        for method in methods:
            maps = [explained(net, method, c).cam[i] for i, c in enumerate(categories)]
            alone, given = torch.stack(maps), together[index, method].cam
            assert torch.allclose(given, alone, rtol=1e-7, atol=1e-10 * float(alone.abs().max()))
            assert given.any()
    assert not torch.allclose(together[0, 0].cam, together[2, 0].cam, rtol=1e-2)


def test_a_shared_answer_comes_with_its_note_for_every_target() -> None:
    """Only the first target runs the model; its measured error holds for the others, too."""
    net = small_net("vgg", torch.float32)
    for e in camkit.compare(net.model, net.images, ["scorecam"], [0, 1], fast="bfloat16"):
        assert any("fast runs (bfloat16)" in note for note in e.notes)
