"""What a call leaves behind: nothing, on any path out of it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
import camkit_methods
from helpers.lively import (
    ATTENTION,
    FEW,
    METHODS,
    SETTINGS,
    Lively,
    changes,
    every_method,
    lived_in,
    perturb,
    snapshot,
)

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


def test_every_method_is_tried() -> None:
    files = {path.stem for path in Path(camkit_methods.__file__).parent.glob("*.py")}
    assert len(METHODS) == len(files - {"__init__", "compat"} - ATTENTION)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_the_snapshot_sees_what_a_plain_training_step_does() -> None:
    model, images = lived_in(Lively()), torch.randn(2, 3, 8, 8)
    before = snapshot(model, images)
    model.register_forward_hook(lambda *_: None)
    model(images).sum().backward()
    model.eval()
    changed = " ".join(changes(before, snapshot(model, images)))
    for expected in ("buffer runs", "buffer window", "absent", "gradient", "_forward_hooks",
                     "head itself", "torch random", "python random", "numpy random"):  # fmt: skip
        assert expected in changed


@every_method
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_call_changes_nothing(method: str, settings: dict[str, bool]) -> None:
    model, images = lived_in(Lively()), torch.randn(2, 3, 8, 8)
    before = snapshot(model, images)
    camkit.explain(model, images, method, [0, 2], "layer", **settings, **FEW.get(method, {}))
    assert changes(before, snapshot(model, images)) == []


@every_method
@pytest.mark.parametrize("context", [nullcontext, torch.no_grad, torch.inference_mode])
def test_a_frozen_model_stays_frozen_and_the_mode_stays_set(method: str, context: Any) -> None:
    model, images = Lively().eval().requires_grad_(False), torch.randn(2, 3, 8, 8)
    perturb()
    with context():
        before = snapshot(model, images)
        camkit.explain(model, images, method, None, "layer", **FEW.get(method, {}))
        assert changes(before, snapshot(model, images)) == []


@every_method
@pytest.mark.parametrize("fails", [ZeroDivisionError("mine"), KeyboardInterrupt("mine")])
def test_an_error_in_the_target_passes_through_and_leaves_nothing(
    method: str, fails: BaseException
) -> None:
    model, images = lived_in(Lively()), torch.randn(2, 3, 8, 8)

    def target(sample: Tensor) -> Tensor:
        raise fails

    before = snapshot(model, images)
    with pytest.raises(type(fails), match=r"^mine$") as caught:
        camkit.explain(model, images, method, target, "layer")
    assert caught.value is fails
    assert changes(before, snapshot(model, images)) == []


@every_method
@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("run", [1, 2, 5])
@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_in_the_model_passes_through_and_leaves_nothing(
    method: str, where: str, run: int, kind: type[BaseException]
) -> None:
    """Later runs come from aug_smooth and from the methods."""
    model, images = lived_in(Lively(kind("mine"), where, run)), torch.randn(2, 3, 8, 8)
    before = snapshot(model, images)
    with pytest.raises(kind, match=r"^mine$") as caught:
        camkit.explain(model, images, method, 1, "layer", aug_smooth=run > 1, batch_size=2)
    assert caught.value is model.fails
    assert changes(before, snapshot(model, images)) == []


@pytest.mark.parametrize("at", ["activations", "gradients", "ablated_scores", "guided_gradients"])
@pytest.mark.parametrize("fails", [LookupError("mine"), KeyboardInterrupt("mine")])
def test_an_error_in_a_method_passes_through_and_leaves_nothing(
    at: str, fails: BaseException
) -> None:
    model, images = lived_in(Lively()), torch.randn(2, 3, 8, 8)

    def method(probe: camkit.Probe) -> Tensor:
        attribute = getattr(probe, at)
        _ = attribute() if callable(attribute) else attribute
        raise fails

    before = snapshot(model, images)
    with pytest.raises(type(fails), match=r"^mine$"):
        camkit.explain(model, images, method, 1, "layer")
    assert changes(before, snapshot(model, images)) == []


def test_an_error_in_the_middle_of_input_runs_leaves_nothing() -> None:
    model, images = lived_in(Lively()), torch.randn(1, 3, 8, 8)

    def method(probe: camkit.Probe) -> Tensor:
        def edits() -> Any:
            yield probe.images[0]
            raise LookupError("mine")

        return probe.input_scores(0, edits(), 2)

    before = snapshot(model, images)
    with pytest.raises(LookupError, match=r"^mine$"):
        camkit.explain(model, images, method, 1, "layer", batch_size=1)
    assert changes(before, snapshot(model, images)) == []


def test_the_search_for_a_layer_leaves_nothing() -> None:
    model, images = lived_in(Lively()), torch.randn(2, 3, 8, 8)
    before = snapshot(model, images)
    assert camkit.explain(model, images).layer == "head.2"
    assert changes(before, snapshot(model, images)) == []


class Hidden(nn.Module):
    """Changes its buffers without their version counters, or adds or deletes one."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.layer, self.how = nn.Conv2d(3, 3, 1), how
        self.register_buffer("runs", torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        if self.how == "data":
            self.runs.data += 1
        elif self.how == "numpy":
            self.runs.numpy()[0] += 1
        elif self.how == "added":
            self.register_buffer("late", torch.ones(1))
        elif self.how == "deleted" and "runs" in self._buffers:
            del self.runs
        return self.layer(images).mean((2, 3))


@pytest.mark.parametrize("how", ["data", "numpy", "added", "deleted"])
def test_buffers_changed_in_roundabout_ways_are_put_back(how: str) -> None:
    model, images = Hidden(how), torch.randn(1, 3, 4, 4)
    before = snapshot(model, images)
    camkit.explain(model, images, "gradcam", 1, "layer")
    assert changes(before, snapshot(model, images)) == []
