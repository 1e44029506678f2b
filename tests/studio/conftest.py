"""A studio with a tiny network and tiny photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from camkit_core.inputs.models.load import LoadedModel
from camkit_core.studio.application import Studio
from helpers.picture_bytes import png
from helpers.studios import browser, served, studio_of, tiny_model

WAIT = 20_000  # milliseconds


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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory, with the photo that is uploaded and a folder that is shown."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "photos").mkdir()
    (folder / "photos" / "shown <b>.png").write_bytes(png(60, seed=3))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((120, 80), Image.Resampling.BICUBIC).save(folder / "mine.png")
    return folder


@pytest.fixture(scope="module")
def url(home: Path) -> str:
    """The address of a studio that shows the photo of the folder."""
    return served(studio_of(tiny_model(), [home / "photos" / "shown <b>.png"], home / "photos"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser."""
    with browser() as launched:
        yield launched


@pytest.fixture(scope="module")
def requests() -> list[str]:
    """What every page of these tests asks for."""
    return []


@pytest.fixture
def page(chromium: Any, url: str, requests: list[str]) -> Iterator[Any]:
    """A page whose errors fail the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    errors: list[str] = []
    page.set_default_timeout(WAIT)
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert errors == []
