"""The command that times the compat forms beside the libraries whose forms they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import peer_speed
import peer_tasks
import pytest
import pytorch_grad_cam
import torchcam.methods
from networks import Network
from torch import nn

pytestmark = pytest.mark.filterwarnings("ignore")


def small() -> nn.Module:
    """A convolution of few positions, and a head."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 8, 32),
        nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )


NETWORK = Network("small", small, lambda model: model[1])


def names(library: str) -> set[str]:
    """The methods that are timed."""
    return {task.method for task in peer_tasks.TASKS if task.library == library}


def test_each_method_of_both_libraries_is_timed() -> None:
    of_peer = {name for name in dir(pytorch_grad_cam) if name.endswith(("CAM", "FEM"))}
    of_torchcam = {name for name in dir(torchcam.methods) if name[0].isupper()} - {"OutputTarget"}
    assert of_peer | {"SESS", "FullGrad", "GradCAMPlusPlus", "GradCAMElementWise"} <= names(
        "pytorch-grad-cam"
    )
    assert of_torchcam <= names("torch-cam")


@pytest.mark.parametrize("method", ["GradCAM", "EigenCAM", "AblationCAM", "FinerCAM", "ScoreCAM"])
def test_both_are_asked_the_same(method: str) -> None:
    library = "pytorch-grad-cam"
    task = next(t for t in peer_tasks.TASKS if (t.library, t.method) == (library, method))
    theirs, ours = (
        task.run(each, NETWORK.build(), NETWORK, few=False)()
        for each in peer_tasks.LIBRARIES[library]
    )
    assert np.abs(theirs - ours).max() < 1e-4


def test_torch_cams_extractors_are_asked_the_same() -> None:
    task = peer_tasks.Task("torch-cam", "LayerCAM", images=2)
    theirs, ours = (
        task.run(each, NETWORK.build(), NETWORK, few=False)()
        for each in peer_tasks.LIBRARIES["torch-cam"]
    )
    np.testing.assert_allclose(theirs[0].detach(), ours[0].detach(), atol=1e-6)


def test_few_channels_are_those_of_both() -> None:
    seen: list[Any] = []

    class Library:
        """Keeps what its class is made with."""

        utils = pytorch_grad_cam.utils

        class ScoreCAM:
            def __init__(self, *layers: Any, reshape_transform: Any) -> None:
                seen.append(reshape_transform(np.zeros((1, 40, 2, 2))).shape)

    task = peer_tasks.Task("pytorch-grad-cam", "ScoreCAM", by_channel=True)
    task.run(Library, NETWORK.build(), NETWORK, few=True)
    assert seen == [(1, peer_tasks.FEW, 2, 2)]


def test_the_page_says_the_least_ratio_and_what_cannot_be_done() -> None:
    tasks = [peer_tasks.Task("pytorch-grad-cam", name) for name in ("GradCAM", "FEM", "CAM")]
    rows = [
        peer_speed.Row("small", tasks[0], cpu=2.5, wall=2.25),
        peer_speed.Row("small", tasks[1], cpu=1.01, wall=1.02),
        peer_speed.Row("small", tasks[2], error="ValueError: no"),
    ]
    page = peer_speed.page(rows, quick=True)
    assert "**The least of 2 is 1.01" in page
    assert "| GradCAM | 2.50 |" in page
    assert "- CAM, small: `ValueError: no`" in page
    assert "32 channels" in page
    assert "32 channels" not in peer_speed.page(rows, quick=False)


def test_a_peer_that_raises_is_a_row_with_its_error() -> None:
    models = {side: NETWORK.build() for side in ("theirs", "ours")}
    task = peer_tasks.Task("torch-cam", "LeGrad")
    assert "no attribute" in peer_speed.row(task, NETWORK, models, few=False).error
