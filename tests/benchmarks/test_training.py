"""Training of the zoo: scenes fade in, files hold half precision and what was reached."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from camkit_core.cli import main
from camkit_core.testing.ground_truth import training
from camkit_core.testing.ground_truth.controls import TEST_SEED
from camkit_core.testing.ground_truth.networks import FAMILIES, build, put, record_of, trained
from camkit_core.testing.ground_truth.scenes import make_scene


@pytest.fixture(scope="module")
def scenes():
    made = [make_scene(seed) for seed in range(64)]
    objects = np.stack([sum(one.mask for one in scene.objects) for scene in made]).astype(bool)
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
    one, again = (training.train("densenet", 3, scenes, 1) for _ in range(2))
    for first, second in zip(one.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
    assert not one.training


def test_a_trained_network_is_stored_with_its_record(scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "network_controls", lambda network: [])
    data = tmp_path / "scenes.pt"
    torch.save(vars(scenes), data)
    path = training.train_and_save("mnasnet", 0, data, tmp_path, 1, 1)
    network = trained("mnasnet", 0, tmp_path)
    assert path == tmp_path / "mnasnet.safetensors"
    assert record_of("mnasnet", 0, tmp_path)["scenes"] == "64"
    values = next(network.parameters())
    assert torch.equal(values, values.half().float())


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_of_one_network_fit_another(family):
    one, other = build(family, 0), build(family, 1)
    put(other, one.state_dict())
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_no_scene_of_a_trial_is_trained_on():
    assert training.SCENES < TEST_SEED


def test_more_seeds_have_to_be_trained(capsys):
    assert main(["evaluate", "--tier", "1", "--seeds", "3"]) == 2
    assert "pass --train DIR" in capsys.readouterr().err


def test_an_unknown_family_is_one_line(capsys):
    assert main(["evaluate", "--tier", "1", "--arch", "vgg,alexnet"]) == 2
    error = capsys.readouterr().err
    assert "got alexnet" in error
    assert error.count("\n") == 1


def test_tier_1_writes_a_page_and_data(tmp_path, capsys):
    asked = ["--arch", "vgg", "--method", "gradcam,hirescam", "--scenes", "6"]
    assert main(["evaluate", "--tier", "1", *asked, "--output", str(tmp_path)]) == 0
    page = (tmp_path / "tier1.md").read_text()
    assert "camkit evaluate --tier 1 --method gradcam,hirescam --arch vgg --scenes 6" in page
    assert "| hirescam |" in page
    assert (tmp_path / "tier1.json").exists()
    assert "AUC of colour" in capsys.readouterr().err
