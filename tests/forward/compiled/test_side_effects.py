"""A compiled call notes what it has to put back only where code of the model, or a user's, runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward import untouched
from camkit_core.forward.compiled.tail import Tail
from camkit_core.inputs import writes
from camkit_core.testing.networks import conv_net
from camkit_core.testing.state import nothing_changes, perturb
from helpers.lively import FEW, every_method
from helpers.uncompiled import X, close, explained, prepared


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """An entry for each time that a model was noted."""
    snapshot, noted = untouched.Snapshot, list[Any]()

    def counted(*args: Any) -> Any:
        noted.append(1)
        return snapshot(*args)

    monkeypatch.setattr(untouched, "Snapshot", counted)
    return noted


def test_what_runs_no_code_of_the_model_notes_nothing(
    uncompiled: list[Any], noted: list[Any]
) -> None:
    explainer = prepared(conv_net())
    noted.clear()
    for target in (None, 1, camkit.top(2)[1]):
        explainer(X, target)
    assert not noted


@every_method
def test_no_method_changes_model_or_process(uncompiled: list[Any], method: str) -> None:
    model = conv_net()
    explainer = prepared(model, method, **FEW.get(method, {}))
    perturb()
    with nothing_changes(model, X):
        explainer(X)


def _spacious() -> Any:
    """A network with a part that does nothing."""
    model = conv_net()
    model.spare = nn.BatchNorm2d(3).eval()
    return model


def _meddle(model: Any) -> None:
    """Change all that camkit puts back."""
    torch.rand(1)
    model.spare.running_mean.add_(1)
    model.spare.train()
    model.calls = 1


class _Called(nn.Module):
    """Calls a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Any:
        return self.function(images)


def _of_target(model: Any) -> Any:
    def target(output: Tensor) -> Tensor:
        _meddle(model)
        return output[1]

    return camkit.prepare(model, X, "gradcam", target, model.layer, compile=True)


def _of_method(model: Any) -> Any:
    def method(probe: Any) -> Tensor:
        _meddle(model)
        return probe.channel_sum(probe.activations)  # type: ignore[no-any-return]

    return camkit.prepare(model, X, method, 1, model.layer, compile=True)


def _of_base_method(model: Any) -> Any:
    def method(probe: Any) -> Tensor:
        _meddle(model)
        return probe.channel_sum(probe.activations)  # type: ignore[no-any-return]

    return camkit.prepare(model, X, "finercam", 1, model.layer, compile=True, base_method=method)


def _of_operator(model: Any) -> Any:
    @torch.library.custom_op("camkit_tests::meddle", mutates_args=())
    def meddle(images: Tensor) -> Tensor:
        _meddle(model)
        return images.clone()

    meddle.register_fake(torch.empty_like)
    model.stem.insert(0, _Called(meddle))
    return camkit.prepare(model, X, "gradcam", 1, model.layer, compile=True)


def _of_reshape(model: Any) -> Any:
    def reshape(output: Tensor) -> Tensor:
        _meddle(model)
        return output

    return camkit.prepare(model, X, "gradcam", 1, model.layer, reshape, compile=True)


def _of_adapter(model: Any) -> Any:
    def reshape(output: Tensor) -> Tensor:
        _meddle(model)
        return output

    adapter = camkit.Adapter(model.layer, reshape)
    return camkit.prepare(model, X, "gradcam", 1, adapter=adapter, compile=True)


MEDDLERS = [_of_target, _of_method, _of_base_method, _of_operator, _of_reshape, _of_adapter]


@pytest.mark.parametrize("meddler", MEDDLERS)
def test_what_code_of_the_users_changes_is_put_back(
    uncompiled: list[Any], meddler: Callable[[Any], Any]
) -> None:
    model = _spacious()
    explainer = meddler(model)
    perturb()
    with nothing_changes(model, X):
        assert "ran compiled" in " ".join(explainer(X).notes)


@pytest.mark.parametrize("training", [False, True])
def test_a_pass_that_runs_eagerly_is_that_of_an_evaluated_model(
    uncompiled: list[Any], training: bool
) -> None:
    model = conv_net()
    explainer, eager = prepared(model), explained(model, images=X[:1])
    model.train(training)
    with nothing_changes(model, X):
        e = explainer(X[:1])
    assert "ran eagerly" in e.notes[-1]
    assert torch.equal(e.cam, eager.cam)


def test_after_an_error_the_model_is_what_it_was(uncompiled: list[Any]) -> None:
    model = _spacious()
    explainer = prepared(model)

    def target(output: Tensor) -> Tensor:
        _meddle(model)
        raise ValueError

    with nothing_changes(model, X):
        for asked in (target, 99, "no class"):
            with suppress(ValueError, camkit.CamkitError):
                explainer(X, asked)
    close(explainer(X).cam, explained(model).cam)


def test_weights_that_another_thread_writes_meanwhile_are_refused(
    uncompiled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = conv_net()
    explainer, run = prepared(model), Tail.run

    def overwritten(*args: Any) -> Any:
        with torch.no_grad():
            model.stem[0].weight.mul_(2)
        return run(*args)

    monkeypatch.setattr(writes, "_other_threads", lambda: True)
    monkeypatch.setattr(Tail, "run", overwritten)
    with pytest.raises(camkit.CamkitError, match="written to while it was explained"):
        explainer(X)
