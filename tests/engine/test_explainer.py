"""What `prepare` gives is what `explain` gives, and leaves the model as it was."""

from __future__ import annotations

import gc
import pickle
import weakref
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

import camkit_core as camkit
from camkit_core.errors import CamkitError, LayerError
from camkit_core.inputs import seen
from camkit_core.testing.networks import conv_net, some_images
from helpers.small_cnn import FIVE, Small, passes, pictures, small

X = pictures()


@pytest.mark.parametrize("method", FIVE)
@pytest.mark.parametrize("target", [None, [0, 2], lambda output: output.sum()])
def test_an_explainer_gives_what_explain_gives(method: str, target: Any) -> None:
    model = small()
    e, plain = camkit.prepare(model, X, method)(X, target), camkit.explain(model, X, method, target)
    assert torch.equal(e.cam, plain.cam)
    assert torch.equal(e.heatmap, plain.heatmap)
    assert (e.notes, e.reasons, e.layer) == (plain.notes, plain.reasons, plain.layer)
    assert e.provenance == plain.provenance


def test_the_prepared_target_is_asked_where_a_call_asks_nothing() -> None:
    model = small()
    explainer = camkit.prepare(model, X, "gradcam", 2)
    assert explainer(X).target.tolist() == [2, 2]
    assert explainer(X, 1).target.tolist() == [1, 1]


def test_settings_are_those_of_explain() -> None:
    model = small()
    settings = {"layer": "stem", "aug_smooth": True, "guided": True}
    e = camkit.prepare(model, X, **settings)(X)
    plain = camkit.explain(model, X, **settings)
    assert torch.equal(e.cam, plain.cam)
    assert torch.equal(e.guided, plain.guided)


def test_an_error_in_the_settings_is_raised_at_once() -> None:
    with pytest.raises(LayerError):
        camkit.prepare(small(), X, layer="nowhere")
    with pytest.raises(CamkitError, match="prepare takes method="):
        camkit.prepare(small(), X, methods=["gradcam"])


def test_its_name_tells_method_layer_and_model() -> None:
    assert repr(camkit.prepare(small(), X)) == "<PreparedExplainer gradcam at head.0 of Small>"


def test_a_call_runs_the_model_once() -> None:
    model = small()
    explainer = camkit.prepare(model, X)
    runs = passes(model)
    explainer(X)
    runs.clear()  # behind other code, the layer is found anew
    explainer(X)
    explainer(X)
    assert runs == [2, 2]


def test_the_model_is_left_as_it_was() -> None:
    model = small().train()
    model.body[0].calls = 0

    def counted(module: nn.Module, args: Any) -> None:
        module.calls += 1

    model.body[0].register_forward_pre_hook(counted)
    before = {name: dict(vars(each)) for name, each in model.named_modules()}
    explainer = camkit.prepare(model, X)
    explainer(X)
    assert {name: dict(vars(each)) for name, each in model.named_modules()} == before
    assert model.body[0].calls == 0


def test_what_explain_remembers_does_not_keep_a_model_alive() -> None:
    model: Any = small()
    camkit.explain(model, X)
    alive = weakref.ref(model), weakref.ref(model.body)
    del model
    assert [each() for each in alive] == [None, None]


def test_a_model_that_a_part_of_it_holds_is_collected() -> None:
    model: Any = small()
    model.body.whole = [model]
    camkit.explain(model, X)
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_few_models_are_remembered() -> None:
    models = [small() for _ in range(seen._MOST + 1)]
    for model in models:
        camkit.explain(model, X)
    assert len(seen._kept) <= seen._MOST


def test_a_loop_looks_at_the_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    class Counted(seen.Look):
        def __init__(self, model: nn.Module) -> None:
            looks.append(model)
            super().__init__(model)

    monkeypatch.setattr(seen, "Look", Counted)
    model = small()
    for _ in range(5):
        camkit.explain(model, X)
    assert len(looks) == 1


def test_an_explainer_takes_all_arguments_of_a_call() -> None:
    class Masked(Small):
        def forward(self, images: Any, mask: Any) -> Any:
            return super().forward(images * mask)

    model, mask = Masked().double().eval(), torch.rand(2, 1, 12, 16, dtype=torch.float64)
    explainer = camkit.prepare(model, {"images": X, "mask": mask}, image_input="images")
    plain = camkit.explain(model, {"images": X, "mask": 1 - mask}, image_input="images")
    assert torch.equal(explainer({"images": X, "mask": 1 - mask}).cam, plain.cam)


def test_an_explainer_goes_to_other_processes() -> None:
    model, images = conv_net(), some_images()
    explainer = camkit.prepare(model, images, "gradcam", 2, model.layer, aug_smooth=True)
    copy = pickle.loads(pickle.dumps(explainer))
    assert repr(copy) == repr(explainer)
    for target in (None, 1):
        e, own = copy(images, target), explainer(images, target)
        assert torch.equal(e.cam, own.cam)
        assert (e.notes, e.target.tolist()) == (own.notes, own.target.tolist())


def test_a_copied_explainer_explains_the_copied_model() -> None:
    model = small()
    copy = deepcopy(camkit.prepare(model, X))
    with torch.no_grad():
        model.stem[0].weight.zero_()
    assert torch.equal(copy(X).cam, camkit.explain(copy.model, X).cam)
    assert copy(X).cam.any()
