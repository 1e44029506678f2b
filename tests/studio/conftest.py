"""A studio with a tiny network and tiny photos."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from starlette.testclient import TestClient
from torch import nn

from camkit_core.inputs.models.load import LoadedModel
from camkit_core.inputs.models.preprocessing import Preprocessing
from camkit_core.studio.application import Studio, application
from camkit_core.studio.code import ModelCode
from camkit_core.studio.explainer import Explainer
from camkit_core.studio.photos import Photos, of_files
from helpers.picture_bytes import png
from helpers.tiny_classifier import NAMES, tiny

BASE = "http://127.0.0.1"


@pytest.fixture(scope="session")
def loaded() -> LoadedModel:
    """A classifier of five classes, on pictures of 32 pixels."""
    network: nn.Module = tiny()
    prepare = Preprocessing((32, 32))
    return LoadedModel(
        network, prepare.tensor, prepare.picture, NAMES, "helpers.tiny_classifier:made", "seed 0",
        task="classification", prepared=prepare.record(),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two photos."""
    (tmp_path / "photos").mkdir()
    for seed, name in enumerate(("one.png", "two.png")):
        (tmp_path / "photos" / name).write_bytes(png(seed=seed))
    return tmp_path / "photos"


@pytest.fixture
def studio(loaded: LoadedModel, folder: Path) -> Studio:
    """A studio that shows the folder."""
    photos = Photos(of_files(sorted(folder.iterdir()), [folder]))
    code = ModelCode("helpers.tiny_classifier:made")
    return Studio(Explainer(loaded, photos, code), photos)


@pytest.fixture
def client(studio: Studio) -> TestClient:
    """A browser that was given the address."""
    return TestClient(application(studio), f"{BASE}/{studio.token}/", raise_server_exceptions=False)


@pytest.fixture
def key(studio: Studio) -> str:
    """The key of the first photo."""
    return next(iter(studio.photos.given))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)
