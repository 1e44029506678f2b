"""The documented server: its answers under load are those that it gives one after the other."""

from __future__ import annotations

import importlib.util
import io
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient
from torch import Tensor, nn

from helpers.at_once import at_once
from helpers.checkout import ROOT

FILE = ROOT / "docs" / "examples" / "server.py"
METHODS = [
    *("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam", "hirescam", "layercam"),
    *("eigencam", "eigengradcam", "finercam", "shapleycam", "fem", "kpcacam", "reciprocam"),
    "guided_backprop",
]


def _module() -> Any:
    spec = importlib.util.spec_from_file_location("server", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _network() -> nn.Sequential:
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)),
    )
    network(torch.randn(8, 3, 32, 32))  # so that its norms have statistics
    return network.eval()


def _prepare(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(_module().application(_network(), _prepare))


def _pictures() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 255, (2, 32, 24, 3), dtype=np.uint8)
    files = [io.BytesIO(), io.BytesIO()]
    for each, file in zip(pixels, files, strict=True):
        Image.fromarray(each).save(file, "PNG")
    return [file.getvalue() for file in files]


def _answer(client: TestClient, request: tuple[str, bytes]) -> tuple[int, bytes]:
    response = client.post(request[0], content=request[1])
    return response.status_code, response.content


@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
def test_eight_threads_get_the_answers_of_one(client: TestClient) -> None:
    paths = [f"/explain?method={method}".replace("+", "%2B") for method in METHODS]
    requests = [(path, file) for path in [*paths, "/predict"] for file in _pictures()]
    expected = {request: _answer(client, request) for request in requests}
    assert {status for status, _ in expected.values()} == {200}

    def work(start: int) -> list[bool]:
        """Other requests first in each thread, and a prediction after each explanation."""
        own = [*requests[start * 4 :], *requests[: start * 4]]
        mixed = [each for request in own for each in (request, requests[-1])]
        return [_answer(client, request) == expected[request] for request in mixed]

    results = at_once([partial(work, start) for start in range(8)], 120)
    assert results == [[True] * 2 * len(requests)] * 8


def test_an_explanation_is_a_picture_of_the_pictures_size(client: TestClient) -> None:
    _, content = _answer(client, ("/explain", _pictures()[0]))
    assert Image.open(io.BytesIO(content)).size == (24, 32)


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [("/explain", _pictures()[0][:-40], "truncated"), ("/explain?method=gradcma", None, "gradcam")],
)
def test_what_cannot_be_used_is_said(
    client: TestClient, path: str, content: bytes | None, words: str
) -> None:
    status, answer = _answer(client, (path, content or _pictures()[0]))
    assert status == 400
    assert words in answer.decode()


def test_the_page_shows_the_file() -> None:
    assert FILE.read_text() in (ROOT / "docs" / "serving.md").read_text()
