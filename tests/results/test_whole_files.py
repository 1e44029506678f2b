"""Files are written whole or not at all."""

from __future__ import annotations

import os
import resource
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import camkit_core as camkit
from camkit_core import PathError
from camkit_core.results.whole_files import written_whole
from helpers.small_cnn import pictures, small


def comparison() -> camkit.Comparison:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the map of a random network may be blank
        return camkit.compare(small(), pictures(1), ["gradcam"], [1], metrics=["area"])


COMPARISON = comparison()
SAVES: dict[str, Callable[[Path], object]] = {
    "a.png": COMPARISON[0, 0].save,
    "a.jpg": COMPARISON[0, 0].save,
    "a.npz": COMPARISON[0, 0].save,
    "a.html": COMPARISON.save,
    "a.json": COMPARISON.save,
}


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process may be longer than 100 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", SAVES)
def test_a_file_that_does_not_fit_leaves_nothing(
    name: str, tmp_path: Path, full_disk: None
) -> None:
    with pytest.raises(PathError, match=f"cannot write .*{name}': File too large"):
        SAVES[name](tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", SAVES)
def test_a_file_that_does_not_fit_leaves_the_former_one(
    name: str, tmp_path: Path, full_disk: None
) -> None:
    (tmp_path / name).write_bytes(b"former")
    with pytest.raises(PathError):
        SAVES[name](tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"former"


@pytest.mark.parametrize("name", SAVES)
def test_a_place_that_cannot_be_written_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    for place, reason in (
        (tmp_path / name, "a folder is there"),
        (tmp_path / "gone" / name, "No such file"),
        (tmp_path / ("n" * 300 + name), "name too long"),
    ):
        with pytest.raises(PathError, match=f"(?i)cannot write .*{reason}"):
            SAVES[name](place)


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to("file")
    with written_whole(tmp_path / "link.txt") as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o640)
    with written_whole(tmp_path / "a") as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PathError, match="is not a file"), written_whole(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_an_error_while_writing_is_raised_as_it_is(error: BaseException, tmp_path: Path) -> None:
    def half() -> None:
        with written_whole(tmp_path / "a") as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        half()
    assert list(tmp_path.iterdir()) == []
