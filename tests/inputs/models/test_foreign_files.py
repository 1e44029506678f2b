"""Files that are no checkpoint, damaged ones, and paths where no file is."""

from __future__ import annotations

import io
import os
import shlex
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from camkit_core import load_model
from camkit_core.errors import CamkitError, FileError
from helpers import hostile_files as made
from helpers.network_files import TINY, same_weights, saved, tiny, wide

FOREIGN = {
    "empty": (b"", "is empty; fetch"),
    "text": (b"some words", "is not a file of weights"),
    "zeros": (bytes(1000), r"is damaged \(zeros\)"),
    "a web page": (b"\n<!DOCTYPE html><html>not found", "is a web page"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(90), "is an HDF5 file, as of Keras"),
    "NumPy": (b"\x93NUMPY\x01\x00v", "is a NumPy array"),
    "gzip": (b"\x1f\x8b\x08" + bytes(90), "gunzip"),
    "tar": (b"w.pth".ljust(257, b"\0") + b"ustar\x0000", "tar -xf"),
    "a zip archive": (made.zip_of(notes=b"x"), r"a zip archive of other things .*\(notes\)"),
    "a truncated zip": (made.zip_of(notes=b"x")[:40], "it ends early"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("content", "said"), FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_another_kind_is_named(
    content: bytes, said: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(CamkitError, match=rf"^w\{suffix} .*{said}"):
        load_model(TINY, path)


@pytest.mark.parametrize("name", ["w.PTH", "w.SAFETENSORS", "w"])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_what_a_file_is_is_read_from_its_bytes_not_its_name(
    name: str, kind: str, tmp_path: Path
) -> None:
    model, path = tiny(), tmp_path / name
    path.write_bytes(in_format(kind, model))
    assert same_weights(load_model(TINY, path).model, model)


def in_format(kind: str, model: nn.Module) -> bytes:
    if kind == "safetensors":
        content: bytes = save(model.state_dict())
        return content
    written = io.BytesIO()
    torch.save(model.state_dict(), written, _use_new_zipfile_serialization=kind == "zip")
    return written.getvalue()


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("kept", [1, 9, 100, 0.5, 0.99, -1])
def test_a_truncated_or_zero_padded_file_is_refused(kind: str, kept: float, tmp_path: Path) -> None:
    content, path = in_format(kind, tiny()), tmp_path / "w.pth"
    end = kept if isinstance(kept, int) else int(kept * len(content))
    path.write_bytes(content[:end])
    with pytest.raises(CamkitError, match=r"w\.pth"):
        load_model(TINY, path)


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_a_file_that_was_preallocated_and_half_downloaded_is_refused(
    kind: str, tmp_path: Path
) -> None:
    content, path = in_format(kind, tiny()), tmp_path / "w.pth"
    path.write_bytes(content[: len(content) // 2].ljust(len(content), b"\0"))
    with pytest.raises(CamkitError, match=r"w\.pth is damaged"):
        load_model(TINY, path)


@pytest.mark.parametrize("kind", ["legacy", "safetensors"])
def test_zeros_from_the_middle_of_a_weight_on_are_no_weights(kind: str, tmp_path: Path) -> None:
    model, path = wide(), tmp_path / "w.pth"
    content = in_format(kind, model)
    path.write_bytes(content[:-6001].ljust(len(content), b"\0"))
    with pytest.raises(FileError, match=r"w\.pth is damaged \(its last part is zeros"):
        load_model("helpers.network_files:wide", path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_weight_that_is_zeros_is_loaded(kind: str, tmp_path: Path) -> None:
    model, path = wide(), tmp_path / "w.pth"
    for weight in model.parameters():
        nn.init.zeros_(weight)
    path.write_bytes(in_format(kind, model))
    assert same_weights(load_model("helpers.network_files:wide", path).model, model)


def test_a_changed_bit_of_a_weight_is_found_by_the_checksums(tmp_path: Path) -> None:
    model, path = tiny(), tmp_path / "w.pth"
    content = in_format("zip", model)
    at = content.index(next(model.parameters()).detach().numpy().tobytes())
    path.write_bytes(made.flipped(content, at + 1))
    with pytest.raises(CamkitError, match=r"w\.pth is damaged \(Bad CRC-32"):
        load_model(TINY, path)


def test_a_file_written_without_checksums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(tiny().state_dict(), tmp_path / "w.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    load_model(TINY, path)


HEADERS = {
    "deep": b'{"a":' + b"[" * 10_000 + b"}",
    "digits": b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,4]}}',
    "overlapping": {
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
    },
    "empty": {},
    "a list": b"{[]",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_hostile_header_of_safetensors_is_refused(header: object, tmp_path: Path) -> None:
    path = made.safetensors(tmp_path / "w.safetensors", header, bytes(8))
    with pytest.raises(CamkitError, match=r"w\.safetensors"):
        load_model(TINY, path)


@pytest.mark.parametrize("names", ["[" * 100_000, "[" + "9" * 5000 + "]", '["a"'])
def test_class_names_of_a_file_that_cannot_be_read_are_none(names: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(save(tiny().state_dict(), {"classes": names}))
    assert load_model(TINY, path).class_names is None


@pytest.mark.parametrize("key", [None, "model"])
def test_the_command_for_a_whole_model_saves_its_weights(key: str | None, tmp_path: Path) -> None:
    model = tiny()
    path = saved(model if key is None else {key: model, "epoch": 1}, tmp_path / "it's $w.pth")
    run_advice(path)
    assert same_weights(load_model(TINY, tmp_path / "it's $w-weights.pth").model, model)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["TorchScript", "exported"])
def test_the_command_for_a_program_saves_its_weights(kind: str, tmp_path: Path) -> None:
    model, path = tiny().eval(), tmp_path / "w.pt2"
    if kind == "exported":
        torch.export.save(torch.export.export(model, (torch.zeros(2, 3, 4, 4),)), path)
    else:
        torch.jit.trace(model, torch.zeros(2, 3, 4, 4)).save(path)
    run_advice(path)
    assert same_weights(load_model(TINY, tmp_path / "w-weights.pth").model, model)


def run_advice(path: Path) -> None:
    """Do what the error advises: a shell's command, whose words are a program, -c and its code."""
    with pytest.raises(CamkitError, match=r"if you trust it, save its weights: python -c ") as e:
        load_model(TINY, path)
    program, option, code = shlex.split(str(e.value).partition("its weights: ")[2])
    assert (program, option) == ("python", "-c")
    exec(code, {})


PATHS = {
    "": "is no file",
    "folder": "is a folder",
    "pipe": "is no file that can be read twice",
    "/dev/null": "is no file that can be read twice",
    "a" * 300: "File name too long",
    "a\0b": "null",
    "~nobody-of-that-name/w.pth": "no checkpoint at",
    "https://example.org/w.pth": "is a URL; download it",
    "gone.pth": "no checkpoint at 'gone.pth'; expected DEFAULT, none",
    "a file/w.pth": "Not a directory",
}


@pytest.mark.parametrize(("path", "said"), PATHS.items())
def test_a_path_where_no_file_is_is_refused(
    path: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("a file").touch()
    os.mkfifo("pipe")
    with pytest.raises(CamkitError, match=said):
        load_model(TINY, path)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(tiny().state_dict(), tmp_path / "w.pth")
    load_model(TINY, "~/w.pth")


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tiny().state_dict(), tmp_path / "w.pth")

    def refuse(*args: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CamkitError, match=r"w\.pth cannot be read \(Permission denied\)"):
        load_model(TINY, path)
