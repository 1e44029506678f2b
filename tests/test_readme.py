"""Every command and every snippet of the README and the docs runs."""

from __future__ import annotations

import re
import shlex
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.models import resnet as resnets
from torchvision.models import vision_transformer as vits

from camkit_core.cli import main
from camkit_core.cli.demo_photos import explain_photos
from helpers.checkout import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("results/*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S)


def commands(path: Path) -> list[str]:
    """The shell commands of a page."""
    lines = [line for block in blocks(path, "console") for line in block.splitlines()]
    return [line[2:].split(" > ")[0] for line in lines if line.startswith("$ ")]


def _make_shallow(monkeypatch):
    """ResNets have one block a stage, and ViTs two: the classes are the real ones."""
    resnet, vit = resnets._resnet, vits._vision_transformer

    def shallow_resnet(block, layers, *args, **kwargs):
        return resnet(block, [1] * len(layers), *args, **kwargs)

    def shallow_vit(**kwargs):
        return vit(**{**kwargs, "num_layers": 2})

    monkeypatch.setattr(resnets, "_resnet", shallow_resnet)
    monkeypatch.setattr(vits, "_vision_transformer", shallow_vit)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the files that the pages name; downloads give random weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pixels = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    Path("photos").mkdir()
    for name in ("photo.jpg", "scan.png", "photos/a.jpg"):
        Image.fromarray(pixels).save(name)
    Path("labels.csv").write_text("file,label\na.jpg,3\n")
    architectures: dict[str, str] = {
        "resnet50": "resnet50",
        "resnet18": "resnet18",
        "vit_b_16": "vit_b_16",
    }

    def downloaded(url: str, **_: object) -> dict[str, torch.Tensor]:
        stem = Path(url).name.split("-")[0]
        return torchvision.models.get_model(architectures[stem]).state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", downloaded)
    _make_shallow(monkeypatch)
    quick = partial(explain_photos, ["gradcam"])  # tests/cli/test_demo.py has all of them
    monkeypatch.setattr("camkit_core.cli.demo_photos.explain_photos", quick)
    # It would serve for ever: tests/studio/test_server.py starts and ends it.
    monkeypatch.setattr("camkit_core.studio.serving.serve", lambda *ignored: None)
    return tmp_path


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
def test_the_snippets_of_a_page_run(page, workplace):
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)


README = [c for c in commands(ROOT / "README.md") if c.startswith("camkit")]


@pytest.mark.parametrize("command", README)
@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
def test_a_command_of_the_readme_runs(command, workplace, capsys):
    assert main(shlex.split(command)[1:]) == 0, capsys.readouterr().err


def test_the_test_command_is_the_one_that_ci_runs():
    assert 'pip install -e ".[test]" && python -m pytest' in commands(ROOT / "README.md")
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_every_local_link_leads_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_pictures_of_the_readme_are_light():
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert len(pictures) >= 2
    assert all((ROOT / picture).stat().st_size < 300_000 for picture in pictures)
