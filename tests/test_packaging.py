"""Wheels: camkit's own, outside its checkout, and a third party's with one method."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.checkout import ROOT
from helpers.wheels import installed_wheels

PLUGIN = '''"""A method of somebody else."""


def energycam(probe, *, power: float = 2.0):
    """Add up the channels' energy."""
    return probe.channel_sum(probe.activations.abs() ** power)
'''

PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "camkit-energy"
version = "1.2"

[project.entry-points."camkit.methods"]
energycam = "camkit_energy:energycam"
"""


@pytest.fixture(scope="module")
def camkit_site(tmp_path_factory):
    return installed_wheels([ROOT], tmp_path_factory.mktemp("camkit"))


@pytest.fixture(scope="module")
def plugin_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "project").mkdir()
    (folder / "project" / "camkit_energy.py").write_text(PLUGIN)
    (folder / "project" / "pyproject.toml").write_text(PROJECT)
    return installed_wheels([folder / "project"], folder)


def run(program: str, folder: Path, *sites: Path) -> str:
    """What a program prints that sees only the given wheels first, run outside the checkout."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sites))}
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


COMMAND = "import sys; from camkit_core.cli import main; sys.exit(main({}))"


def test_the_wheel_runs_the_demo(camkit_site, tmp_path):
    printed = run(
        COMMAND.format(["demo", "--arch", "vgg", "--output", "here.png"]), tmp_path, camkit_site
    )
    assert Path(printed.strip()) == tmp_path / "here.png"
    assert (tmp_path / "here.png").stat().st_size > 10_000


def test_the_wheel_lists_its_methods_without_torch(camkit_site, tmp_path):
    program = (
        "import sys, camkit_core; from camkit_core.cli import main; main(['list-methods'])\n"
        "print('torch' in sys.modules, camkit_core.__file__)"
    )
    printed = run(program, tmp_path, camkit_site)
    assert "gradcam++" in printed
    assert f"False {camkit_site}" in printed


def test_the_wheel_holds_the_studios_page(camkit_site, tmp_path):
    program = (
        "from camkit_core.results.viewer.modules import web_files, joined\n"
        "names = {*web_files(), *web_files('camkit_core.studio')}\n"
        "print({'index.html', 'main.js', 'studio.css', 'viewer.css', 'stage.js'} <= names)\n"
        "print(len(joined('saved.js', web_files())) > 10_000)"
    )
    assert run(program, tmp_path, camkit_site).split() == ["True", "True"]


def test_the_wheel_writes_a_whole_new_plugin(camkit_site, tmp_path):
    run(COMMAND.format(["new-plugin", "mycam"]), tmp_path, camkit_site)
    written = [path for path in (tmp_path / "camkit-mycam").rglob("*") if path.is_file()]
    assert len(written) == 6
    assert (tmp_path / "camkit-mycam" / ".github" / "workflows" / "test.yml").is_file()


def test_a_third_partys_wheel_is_listed_and_explains(camkit_site, plugin_site, tmp_path):
    listed = run(COMMAND.format(["list-methods", "--json"]), tmp_path, camkit_site, plugin_site)
    rows = {row["name"]: row for row in json.loads(listed)["methods"]}
    assert rows["energycam"]["distribution"] == "camkit-energy"
    assert rows["energycam"]["summary"] == "Add up the channels' energy."

    program = (
        "import torch, torchvision, camkit_core as camkit\n"
        "model = torchvision.models.resnet18(num_classes=3)\n"
        "e = camkit.explain(model, torch.rand(1, 3, 64, 64), 'energycam', power=1)\n"
        "print(e.provenance['method_from'], tuple(e.cam.shape), float(e.cam.min()) > 0)"
    )
    explained = run(program, tmp_path, camkit_site, plugin_site)
    assert explained.strip() == "camkit-energy 1.2 (1, 2, 2) True"
