"""What the studio answers: maps from one forward pass, layers, verdicts, and programs."""

from __future__ import annotations

import base64
from ast import literal_eval
from dataclasses import replace

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core.metrics.judging import judge
from camkit_core.metrics.judging.judge import _measure
from camkit_core.studio.question import Question
from helpers.tiny_classifier import NAMES


def values(answer: dict) -> np.ndarray:
    grid = answer["grid"]
    flat = np.frombuffer(base64.b64decode(grid["values"]), "<f4")
    return flat.reshape(grid["rows"], grid["columns"])


@pytest.fixture
def runs(loaded):
    """Counts the runs of the model."""
    counted = []
    handle = loaded.model.register_forward_hook(lambda *ignored: counted.append(1))
    yield counted
    handle.remove()


def test_further_classes_and_methods_do_not_run_the_model_again(studio, key, runs):
    methods = ("gradcam", "layercam", "ablationcam")
    for method in methods:  # the first time camkit also proves what it may do with this model
        studio.explainer.answer(Question(key, methods=(method,), target=0))
    runs.clear()
    for target in (*range(5), *range(5), *range(5), *range(5)):
        for method in methods:
            studio.explainer.answer(Question(key, methods=(method,), target=target))
    assert runs == []


def test_a_map_from_a_kept_pass_is_the_map_of_explain(studio, key, folder, loaded):
    for target in (3, 1):
        answer = studio.explainer.answer(Question(key, target=target))
        alone = camkit.explain(loaded, str(folder / "one.png"), target=target)
        assert np.array_equal(values(answer), alone.cam[0].numpy())
        assert answer["score"] == float(alone.score[0])


def test_a_pass_is_made_again_after_the_weights_change(studio, key, loaded):
    before = studio.explainer.answer(Question(key, target=0))
    with torch.no_grad():
        loaded.model[0].weight.mul_(1.5)
    try:
        after = studio.explainer.answer(Question(key, target=0))
    finally:
        with torch.no_grad():
            loaded.model[0].weight.div_(1.5)
    assert before["score"] != after["score"]


def test_the_first_photos_map_is_ready_when_the_page_asks_for_it(studio, key, runs):
    studio.explainer.warm_up()
    assert runs
    runs.clear()
    studio.explainer.answer(Question(key))
    assert runs == []


def test_the_model_stays_as_it_was(studio, key, loaded):
    before = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    studio.explainer.answer(Question(key, painted=((0, 0, 9, 9),)))
    assert all(
        torch.equal(value, before[name]) for name, value in loaded.model.state_dict().items()
    )
    assert all(parameter.grad is None for parameter in loaded.model.parameters())


def test_the_best_classes_come_with_their_probabilities(studio, key):
    best = studio.explainer.answer(Question(key))["best"]
    assert sorted(each["class"] for each in best) == sorted(NAMES)
    assert sum(each["share"] for each in best) == pytest.approx(1)
    assert [each["score"] for each in best] == sorted(
        (each["score"] for each in best), reverse=True
    )


def test_layers_are_listed_from_the_first_to_the_last_with_the_models_own(studio, key):
    found = studio.explainer.layers(Question(key))
    names = [layer["name"] for layer in found["layers"]]
    assert found["choice"] in names
    for name in names:
        assert studio.explainer.answer(Question(key, layer=name))["layer"] == name


def test_a_verdict_has_baselines_and_says_that_one_photo_is_few(studio, key):
    judged = studio.explainer.trust(Question(key, methods=("gradcam", "hirescam")))
    assert "too few" in " ".join(judged["verdict"])
    assert {each["name"] for each in judged["makers"] if each["baseline"]} >= {"uniform", "centre"}
    assert {metric["name"] for metric in judged["metrics"]} >= {"insertion", "area"}


VIEW = {"colours": "viridis", "opacity": 0.5, "threshold": 0.25, "scale": "common", "wipe": 0.5}


def test_what_is_measured_for_a_verdict_can_be_followed(studio, key, monkeypatch):
    followed = []

    def measured(*given):
        followed.append(studio.explainer.judging.progress())
        return _measure(*given)

    monkeypatch.setattr(judge, "_measure", measured)
    judged = studio.explainer.trust(Question(key, methods=("gradcam", "hirescam")))
    count = len(judged["makers"]) * len(judged["metrics"])
    assert [each["done"] for each in followed] == list(range(count))
    assert {each["total"] for each in followed} == {count}
    shares = [each["share"] for each in followed]
    assert (shares[0], shares[-1], shares) == (0, 1, sorted(shares))  # the last, area, runs nothing
    assert followed[0]["what"] == "insertion of gradcam"
    assert [each["seconds"] for each in followed] == sorted(each["seconds"] for each in followed)
    assert studio.explainer.judging.progress() == {}


QUESTIONS = {
    "plain": Question(""),
    "painted": Question("", painted=((3, 4, 12, 20), (0, 0, 5, 5)), target=2),
    "of several methods": Question("", methods=("gradcam", "layercam"), target=1),
    "with options": Question("", methods=("scorecam", "gradcam"), target=1),
    "a difference": Question("", methods=("gradcam", "hirescam"), target=1, minus=2),
    "in words": Question("", target="plain", layer="1"),
}


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS)
def test_a_copied_program_gives_the_same_maps(studio, key, asked, tmp_path, monkeypatch):
    asked = replace(asked, photo=key, view=VIEW)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(studio.explainer.programs(asked)["python"], "copied", "exec"), names)
    made = list(names["maps"]) if "maps" in names else [names["e"]]
    targets = [asked.target] if asked.minus is None else [asked.target, asked.minus]
    wanted = [
        studio.explainer.answer(replace(each, target=target, minus=None))
        for target in targets
        for each in asked.each()
    ]
    assert len(made) == len(wanted)
    for explanation, answer in zip(made, wanted, strict=True):
        # A model that is loaded again may run in another memory format, which rounds otherwise.
        assert np.allclose(explanation.cam[0].numpy(), values(answer), rtol=1e-4, atol=1e-7)


def test_a_copied_command_explains_the_file(studio, key, folder):
    command = studio.explainer.programs(Question(key, methods=("gradcam",), target=2))["command"]
    assert command == (
        f"camkit explain {folder / 'one.png'} --model helpers.tiny_classifier:made "
        f"--method gradcam --target 2\n"
    )
    painted = studio.explainer.programs(Question(key, painted=((0, 0, 5, 5),)))["command"]
    assert painted.splitlines()[0].startswith("# save the photo as")


def heat_of(answer: dict) -> np.ndarray:
    """The evidence at the tiny model's input."""
    grid = torch.from_numpy(values(answer).copy()).clamp(min=0)[None, None]
    return torch.nn.functional.interpolate(grid, (32, 32), mode="bilinear")[0, 0].numpy()


def around(inside: np.ndarray) -> tuple | None:
    """The box around what is true."""
    rows, columns = np.nonzero(inside)
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else None


@pytest.mark.parametrize("scale", ["own", "common"])
def test_a_copied_program_tells_the_box_that_the_page_draws(studio, key, scale, folder, capsys):
    asked = Question(key, methods=("gradcam", "hirescam", "gradcam++"), target=1)
    asked = replace(asked, view={"threshold": 0.4, "scale": scale})
    heats = [heat_of(studio.explainer.answer(each)) for each in asked.each()]
    most = max(heat.max() for heat in heats)
    wanted = [around(heat >= 0.4 * (most if scale == "common" else heat.max())) for heat in heats]
    program = studio.explainer.programs(asked)["python"]
    program = program.replace("e.save(", "(lambda *ignored, **options: None)(")
    exec(compile(program, "copied", "exec"), names := {})
    window = names["maps"][0].originals[0].window
    told = [line[len("above 0.4: ") :] for line in capsys.readouterr().out.splitlines()]
    boxes = [literal_eval(text) for text in told if text.startswith(("(", "None"))]
    assert len(boxes) == 3
    for box, inside in zip(boxes, wanted, strict=True):
        assert box == (inside and pytest.approx(window.to_picture(inside), abs=2))


def test_what_no_picture_of_camkit_shows_is_said_in_the_copied_code(studio, key):
    asked = Question(key, methods=("gradcam", "hirescam"), target=1, view=VIEW)
    python, command = studio.explainer.programs(asked).values()
    assert "# on the page" not in python
    assert "the colours viridis; the opacity 0.5; the threshold 0.25" in command
    assert "one scale for all maps; the photo itself left of 50%" in command
    less = studio.explainer.programs(replace(asked, minus=2, view={}))
    assert "the difference of the two classes" in less["command"]
    usual = {"colours": "inferno", "opacity": 0.6, "threshold": 0, "scale": "own", "wipe": 0}
    assert "#" not in studio.explainer.programs(Question(key, view=usual))["command"]
