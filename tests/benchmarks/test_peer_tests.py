"""The command that runs pytorch-grad-cam's own tests on camkit."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import peer_tests
import pytest

TEST = """
import cv2
import torchvision
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import preprocess_image


def test_one():
    picture = cv2.imread("examples/both.png")
    model = torchvision.models.resnet18(weights="DEFAULT")
    x = preprocess_image(cv2.resize(picture, (32, 32)))
    assert GradCAM(model, [model.layer4])(x, None).shape == (1, 32, 32)
    assert GradCAM.__module__.startswith("camkit_methods")


def test_other():
    raise RuntimeError("first line\\nsecond line")
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A source distribution with a single file of tests."""
    path = tmp_path / "grad_cam-0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in (("tests/test_mine.py", TEST), ("setup.py", "")):
            member = tarfile.TarInfo(f"grad_cam-0/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def test_its_tests_run_with_other_imports_and_are_counted(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    files = peer_tests.unpack(archive, folder)
    assert [file.name for file in files] == ["test_mine.py"]
    outcomes = peer_tests.run(folder, files)
    passed = {each.name: each.passed for each in outcomes}
    assert passed == {"test_one": True, "test_other": False}
    page = peer_tests.page(outcomes)
    assert "**1 of 2** tests" in page
    assert "- `test_other`: RuntimeError: first line" in page
    assert "second line" not in page


def test_a_known_failure_has_its_reason() -> None:
    name = "test_finercam_htcore_is_single_underscore"
    page = peer_tests.page([peer_tests.Outcome("test_finer.py", name, False, "AssertionError")])
    assert f"- `{name}`: {peer_tests.REASONS[name]}" in page


def test_it_says_so_where_the_peer_cannot_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SystemExit, match=r"pytorch-grad-cam 1\.5\.7 cannot be downloaded: "):
        peer_tests.download(tmp_path)
