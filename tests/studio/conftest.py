"""A studio with a tiny network and tiny photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from camkit_core.inputs.models.load import LoadedModel
from camkit_core.studio.application import Studio
from helpers.picture_bytes import png
from helpers.studios import studio_of, tiny_model


@pytest.fixture(scope="session")
def loaded() -> LoadedModel:
    """A classifier of five classes, on pictures of 32 pixels."""
    return tiny_model()


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
    return studio_of(loaded, sorted(folder.iterdir()), folder)


@pytest.fixture
def client(studio: Studio) -> TestClient:
    """A browser that was given the address."""
    address = f"http://127.0.0.1/{studio.token}/"
    return TestClient(studio.guarded(), address, raise_server_exceptions=False)


@pytest.fixture
def key(studio: Studio) -> str:
    """The key of the first photo."""
    return next(iter(studio.photos.given))
