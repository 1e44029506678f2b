"""What a call leaves behind: nothing, on any path out of it."""

from __future__ import annotations

import gc
import random
import weakref
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
import camkit_methods
from camkit_core.plugins import get_registry
from camkit_core.probe.tail import proof

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

# Those are checked on networks that have attention, by the kit and in their own tests.
ATTENTION = {"attention_rollout", "chefer", "legrad"}
METHODS = sorted(
    row.name
    for row in get_registry().contributions("method")
    if row.distribution == "camkit" and row.name not in ATTENTION
)
SETTINGS: dict[str, dict[str, bool]] = {
    "plain": {},
    "guided": {"guided": True},
    "aug_smooth": {"aug_smooth": True},
    "eigen_smooth": {"eigen_smooth": True},
    "all": {"guided": True, "aug_smooth": True, "eigen_smooth": True},
}
every_method = pytest.mark.parametrize("method", METHODS)


class Lively(nn.Module):
    """Changes and replaces buffers, and draws random numbers, whenever it runs.

    Args:
        fails: raise this error ...
        where: ... "before" or "after" the layer ...
        run: ... in this run, counted from 1 within a call.
    """

    def __init__(self, fails: BaseException | None = None, where: str = "", run: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(True))
        self.layer = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Sequential(
            nn.ReLU(True), nn.Dropout(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)
        )
        self.fails, self.where, self.run = fails, where, run
        self.register_buffer("runs", torch.zeros(1))
        self.register_buffer("window", torch.zeros(2, 3))
        self.register_buffer("absent", None)

    def forward(self, images: Tensor) -> Tensor:
        self.runs += 1
        self.window[:, 1].fill_(float(self.runs))
        self.window = torch.rand(2, 3) + random.random() + np.random.rand()
        self.absent = torch.ones(1)
        self._stumble("before")
        features = self.layer(self.stem(images))
        self._stumble("after")
        return self.head(features)

    def _stumble(self, place: str) -> None:
        if self.fails and self.where == place and int(self.runs) == self.run:
            raise self.fails


@dataclass(frozen=True)
class Snapshot:
    """What can be compared, and the objects themselves, so that no id is given out twice."""

    facts: dict[str, Any]
    kept: list[Any]


def snapshot(model: nn.Module, images: Tensor) -> Snapshot:
    """All that a call could have changed."""
    kept: list[Any] = []

    def same(thing: Any) -> int:
        kept.append(thing)
        return id(thing)

    def state(tensor: Tensor | None) -> Any:
        return None if tensor is None else (same(tensor), tensor.detach().tolist())

    facts: dict[str, Any] = {"images": state(images), "images.grad": state(images.grad)}
    for name, module in model.named_modules():
        facts[f"{name} itself"] = same(module), module.training, module.forward.__func__
        for attribute, value in vars(module).items():
            if attribute.endswith("_hooks") and value is not None:
                facts[f"{name} {attribute}"] = same(value), [(k, same(h)) for k, h in value.items()]
        for key, buffer in module._buffers.items():
            facts[f"{name} buffer {key}"] = state(buffer)
        facts[f"{name} names"] = [list(module._buffers), list(module._parameters), [*vars(module)]]
    for name, parameter in model.named_parameters():
        facts[f"parameter {name}"] = state(parameter), parameter.requires_grad
        facts[f"gradient {name}"] = state(parameter.grad)
        facts[f"hooks {name}"] = list(parameter._backward_hooks or {})
    return Snapshot(facts | surroundings(), kept)


def surroundings() -> dict[str, Any]:
    """Random states, modes and global hooks of this process."""
    kind, keys, *position = np.random.get_state()
    return {
        "torch random": torch.get_rng_state().tolist(),
        "python random": random.getstate(),
        "numpy random": (kind, keys.tolist(), position),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "function modes": torch._C._len_torch_function_stack(),
        "global hooks": len(torch.nn.modules.module._global_forward_hooks),
        "attention": (
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
        ),
    }


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """Names of what differs between two snapshots."""
    both = before.facts.keys() | after.facts.keys()
    return sorted(key for key in both if before.facts.get(key) != after.facts.get(key))


def lived_in(model: nn.Module) -> nn.Module:
    """The model in the middle of training: modes, flags, gradients and hooks all mixed."""
    model.train()
    model.stem[1].eval()
    model.layer.weight.requires_grad_(False)
    for parameter in list(model.parameters())[::2]:
        parameter.grad = torch.randn_like(parameter)
    model.layer.register_forward_hook(lambda module, args, output: None)
    model.head.register_forward_pre_hook(lambda module, args: None)
    model.stem.register_full_backward_hook(lambda module, given, got: None)
    model.head[4].weight.register_hook(lambda grad: grad)
    perturb()
    return model


def perturb() -> None:
    """Leave the random states where no seed puts them."""
    torch.rand(7), random.random(), np.random.rand(3)


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
    seen = " ".join(changes(before, snapshot(model, images)))
    for expected in ("buffer runs", "buffer window", "absent", "gradient", "_forward_hooks",
                     "head itself", "torch random", "python random", "numpy random"):  # fmt: skip
        assert expected in seen


@every_method
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_call_changes_nothing(method: str, settings: dict[str, bool]) -> None:
    model, images = lived_in(Lively()), torch.randn(2, 3, 8, 8)
    before = snapshot(model, images)
    camkit.explain(model, images, method, [0, 2], "layer", **settings)
    assert changes(before, snapshot(model, images)) == []


@every_method
@pytest.mark.parametrize("context", [nullcontext, torch.no_grad, torch.inference_mode])
def test_a_frozen_model_stays_frozen_and_the_mode_stays_set(method: str, context: Any) -> None:
    model, images = Lively().eval().requires_grad_(False), torch.randn(2, 3, 8, 8)
    perturb()
    with context():
        before = snapshot(model, images)
        camkit.explain(model, images, method, None, "layer")
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
    """The later runs are those of aug_smooth, and the methods' own."""
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
        asked = getattr(probe, at)
        _ = asked() if callable(asked) else asked
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
    """Changes its buffers behind the back of their version counters, or adds one."""

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


@every_method
def test_images_are_left_alone(method: str) -> None:
    model = Lively()
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    images.grad = torch.ones_like(images)
    before, version = snapshot(model, images), images._version
    camkit.explain(model, images, method, 1, "layer", aug_smooth=True, guided=True)
    assert changes(before, snapshot(model, images)) == []
    assert images.requires_grad
    assert images._version == version


class Normalising(nn.Module):
    """Normalises the images it is given in place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.sub_(0.5).div_(0.2)).relu().mean((2, 3))


@every_method
def test_a_model_that_writes_into_its_input_does_not_reach_the_callers(method: str) -> None:
    model, images = Normalising(), torch.rand(2, 3, 8, 8)
    given = images.clone()
    found = camkit.explain(model, images, method, 1, "layer", aug_smooth=True)
    assert torch.equal(images, given)
    assert torch.equal(found.images, given)


@pytest.mark.parametrize("method", ["gradcam", "ablationcam"])
def test_a_model_that_writes_into_its_input_gives_the_map_of_one_that_does_not(method: str) -> None:
    model, images = Normalising(), torch.rand(2, 3, 8, 8)
    plain = nn.Sequential(model.layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    expected = camkit.explain(plain, (images - 0.5) / 0.2, method, 1, "0", batch_size=2).cam
    found = camkit.explain(model, images, method, 1, "layer", batch_size=2).cam
    assert torch.allclose(found, expected, atol=1e-6)


def tensors_of(found: camkit.Explanation) -> dict[str, Tensor]:
    """All tensors an explanation holds, by name."""
    values = {name: getattr(found, name) for name in (*vars(found), "heatmap")}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


@every_method
def test_results_are_detached(method: str) -> None:
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    found = camkit.explain(Lively(), images, method, None, "layer", guided=True)
    held = tensors_of(found)
    assert held.keys() >= {"cam", "heatmap", "logits", "target", "score", "images", "guided"}
    assert [name for name, value in held.items() if value.requires_grad or value.grad_fn] == []


@every_method
def test_results_share_no_memory_with_model_or_images(method: str) -> None:
    model, images = Lively().eval(), torch.randn(2, 3, 8, 8)
    found = camkit.explain(model, images, method, 1, "layer", guided=True)
    given = [images, *model.parameters(), *model.buffers()]
    places = {one.untyped_storage().data_ptr() for one in given}
    held = tensors_of(found).items()
    assert [k for k, value in held if value.untyped_storage().data_ptr() in places] == []


def test_two_methods_do_not_share_memory_so_that_one_may_be_changed() -> None:
    both = camkit.compare(Lively(), torch.randn(1, 3, 8, 8), ["gradcam"] * 2, [1], "layer")
    first, second = both
    kept = second.cam.clone()
    first.cam.zero_()
    assert torch.equal(second.cam, kept)


def live_tensors() -> int:
    gc.collect()
    return sum(issubclass(type(one), Tensor) for one in gc.get_objects())


def test_fifty_calls_leave_as_many_tensors_and_hooks_as_two() -> None:
    """Also after an error in the middle, whose traceback is forgotten with it."""
    model, images = Lively(), torch.randn(2, 3, 8, 8)

    def refuse(sample: Tensor) -> Tensor:
        raise LookupError

    def call(times: int) -> tuple[int, int]:
        for _ in range(times):
            for method in METHODS:
                few = {"sscam": {"samples": 2}, "iscam": {"steps": 2}}.get(method, {})
                camkit.explain(model, images, method, [1, 2], "layer", guided=True, **few)
                with pytest.raises(LookupError):
                    camkit.explain(model, images, method, refuse, "layer", **few)
        return live_tensors(), sum(len(one._forward_hooks) for one in model.modules())

    assert call(2) == call(48)


@every_method
def test_the_model_can_be_collected_while_its_explanation_lives(method: str) -> None:
    before = len(proof._proofs)
    model = Lively()
    found = camkit.explain(model, torch.randn(1, 3, 8, 8), method, 1, "layer", guided=True)
    model_ref, layer_ref = weakref.ref(model), weakref.ref(model.layer)
    del model
    gc.collect()
    assert model_ref() is None
    assert layer_ref() is None
    assert len(proof._proofs) <= before
    assert found.heatmap.shape == (1, 8, 8)
