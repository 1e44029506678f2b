"""A studio with a tiny network, served in a thread of this process; and a browser to look at it."""

from __future__ import annotations

import base64
import io
import os
import shutil
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from camkit_core.inputs.models.load import LoadedModel
from camkit_core.loading.models import load_model
from camkit_core.studio.application import Studio
from camkit_core.studio.code import ModelCode
from camkit_core.studio.explainer import Explainer
from camkit_core.studio.photos import Photos, of_files
from camkit_core.studio.serving import serve
from helpers.tiny_classifier import FACTORY

NO_BROWSER = "NO BROWSER: the studio's page is not driven; apt install chromium"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def tiny_model() -> LoadedModel:
    """The tiny classifier, by its name."""
    return load_model(FACTORY)


def studio_of(loaded: LoadedModel, paths: Sequence[Path], folder: Path) -> Studio:
    """A studio that shows the photos of a folder."""
    photos = Photos(of_files(paths, [folder]))
    return Studio(Explainer(loaded, photos, ModelCode(FACTORY)), photos)


def served(studio: Studio) -> str:
    """The address of a studio, whose server ends with this process."""
    there, address = threading.Event(), []

    def started(url: str) -> None:
        address.append(url)
        there.set()

    threading.Thread(target=serve, args=(studio, 0, started), daemon=True).start()
    assert there.wait(20)
    return address[0]


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright; the test is skipped where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    sync_api = pytest.importorskip("playwright.sync_api")
    if path is None or os.name != "posix":
        warnings.warn(NO_BROWSER, stacklevel=2)
        pytest.skip(NO_BROWSER)
    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()


def opened(page: Any, url: str) -> None:
    """Open a studio's page, and wait for its first map."""
    page.goto(url)
    score(page).wait_for()


def score(page: Any) -> Any:
    """Where the first map's score stands."""
    return page.locator(".card .change", has_text="score").first


def pixels(page: Any, selector: str = ".heat") -> np.ndarray[Any, Any]:
    """What a canvas of the page shows: (H, W, 4)."""
    source = page.evaluate("selector => document.querySelector(selector).toDataURL()", selector)
    return np.array(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def slide(page: Any, label: str, value: float) -> None:
    """Move a slider of the page."""
    page.get_by_label(label, exact=True).fill(str(value))
