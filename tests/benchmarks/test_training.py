"""Training of the zoo: scenes fade in, files hold half precision and what was reached."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import tier1
import torch
import train_networks as training

from camkit_core.cli import main
from camkit_core.testing.ground_truth import tier1_run
from camkit_core.testing.ground_truth.controls import TEST_SEED, scene_controls
from camkit_core.testing.ground_truth.networks import (
    FAMILIES,
    put,
    record_of,
    trained,
    weights_of,
)
from camkit_core.testing.ground_truth.scenes import make_scene
from camkit_core.testing.ground_truth.tier1 import try_network
from camkit_core.testing.ground_truth.tier1_table import document


@pytest.fixture(scope="module")
def scenes():
    made = [make_scene(seed) for seed in range(64)]
    objects = np.stack([sum(glyph.mask for glyph in scene.objects) for scene in made]).astype(bool)
    return training.Scenes(
        torch.from_numpy(np.stack([scene.picture() for scene in made])).movedim(-1, 1),
        torch.from_numpy(objects)[:, None],
        torch.from_numpy(np.stack([scene.labels for scene in made])).float(),
    )


def test_scenes_begin_white_on_black_and_end_as_they_are(scenes):
    chosen = torch.arange(8)
    first, last = scenes.batch(chosen, 0.0), scenes.batch(chosen, 1.0)
    assert set(first.abs().flatten().tolist()) == {1.0}
    assert len(set(last.flatten().tolist())) > 100
    assert float(last.abs().max()) <= 1


def test_one_seed_gives_one_network(scenes):
    torch.set_num_threads(1)
    network, again = (training.train("densenet", 3, scenes, 1) for _ in range(2))
    for first, second in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
    assert not network.training


def test_a_trained_network_is_stored_with_its_record(scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "network_controls", lambda network: [])
    data = tmp_path / "scenes.pt"
    torch.save(vars(scenes), data)
    path = training.train_and_save("mnasnet", 0, data, tmp_path, 1, 1)
    network = trained("mnasnet", tmp_path)
    assert path == tmp_path / "mnasnet.safetensors"
    assert record_of("mnasnet", tmp_path)["scenes"] == "64"
    values = next(network.parameters())
    assert torch.equal(values, values.half().float())


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_of_one_network_fit_another(family):
    given, other = trained(family), trained(family)
    for value in other.state_dict().values():
        value.zero_()
    put(other, given.state_dict())
    pairs = zip(given.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_no_scene_of_a_trial_is_trained_on():
    assert training.SCENES < TEST_SEED


def test_more_seeds_have_to_be_trained(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["tier1.py", "--seeds", "3"])
    with pytest.raises(SystemExit, match="2"):
        tier1.main()
    assert "pass --train DIR" in capsys.readouterr().err


def test_networks_that_are_there_are_not_trained_again(tmp_path):
    paths = [weights_of("vgg", training.folder_of(tmp_path, seed)) for seed in range(2)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert training.train_all(["vgg"], 2, tmp_path) == paths


def test_the_tables_of_several_seeds_have_every_network():
    scores = {"resnet": try_network(trained("resnet"), "resnet", ["gradcam"], 2)}
    text = "\n".join(tier1.all_seeds([scores, scores]))
    assert text.count("| resnet | gradcam |") == 1
    assert "- resnet, seed 1: " in text
    records = [{"resnet": record_of("resnet") | {"seed": str(seed)}} for seed in range(2)]
    networks = tier1.merged([document(scores, record) for record in records])["families"]["resnet"]
    assert [network["seed"] for network in networks] == [0, 1]


def test_an_unknown_family_is_one_line(capsys):
    assert main(["evaluate", "--tier", "1", "--arch", "vgg,alexnet"]) == 2
    error = capsys.readouterr().err
    assert "got alexnet" in error
    assert error.count("\n") == 1


def test_tier_1_writes_a_page_and_data(tmp_path, capsys, monkeypatch):
    # All 2,000 scenes of the controls would take longer than the rest; see test_scenes.py. So few
    # as these may be alike in anything by chance.
    few = [replace(control, low=-inf, high=inf) for control in scene_controls(40)]
    monkeypatch.setattr(tier1_run, "scene_controls", lambda: few)
    arguments = ["--arch", "resnet", "--method", "gradcam,hirescam", "--scenes", "6"]
    assert main(["evaluate", "--tier", "1", *arguments, "--output", str(tmp_path)]) == 0
    page = (tmp_path / "tier1.md").read_text()
    assert "camkit evaluate --tier 1 --method gradcam,hirescam --arch resnet --scenes 6" in page
    assert "| hirescam |" in page
    assert (tmp_path / "tier1.json").exists()
    assert "AUC of colour" in capsys.readouterr().err
