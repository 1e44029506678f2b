"""Checkpoint files that are damaged, wrapped, foreign or hostile."""

from __future__ import annotations

import argparse
import io
import pickle
import tempfile
import warnings
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from camkit_core import load_model

from .mutated_bytes import mutated
from .outcomes import outcome

MARK = Path(tempfile.gettempdir()) / "camkit-code-of-a-checkpoint-ran"


def tiny(num_classes: int = 3) -> nn.Module:
    """The architecture."""
    return nn.Sequential(
        nn.Conv2d(3, 2, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2, num_classes),
    )


class Code:
    """An object whose pickle writes a file when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, (f"open({str(MARK)!r}, 'w').close()",))


def _saved(content: Any, **settings: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **settings)
    return file.getvalue()


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def _scripted() -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(tiny()), file)
    return file.getvalue()


def _seeds() -> list[bytes]:
    torch.manual_seed(0)
    state = tiny().state_dict()
    prefixed = {f"model.{name}": value for name, value in state.items()}
    wrapped = {"state_dict": prefixed, "epoch": 3, "hyper_parameters": argparse.Namespace(lr=1)}
    deep: Any = state
    for _ in range(100):
        deep = {"model": deep}
    return [
        _saved(state),
        _saved(state, _use_new_zipfile_serialization=False),
        _saved(wrapped),
        _saved({"model": state, "class_names": ["a", "b", "c"], "args": argparse.Namespace()}),
        _saved(tiny()),
        _saved({"state_dict": state, "code": Code()}),
        _saved({1: 2, None: state}),
        _saved([*state.values()]),
        _saved(deep),
        _saved("text"),
        _scripted(),
        save(dict(state), {"class_names": '["a", "b", "c"]'}),
        save(dict(state), {"classes": "[" * 200}),
        pickle.dumps(Code()),
        pickle.dumps({"weights": [1, 2]}),
        _zipped(pickle.dumps(Code())),
        _zipped(b"\x80\x02" + b"(" * 100_000),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        b"<!DOCTYPE html><html>404</html>",
        b"\x89HDF\r\n\x1a\n" + bytes(64),
        b"",
    ]


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    SEEDS = _seeds()


def inputs() -> st.SearchStrategy[tuple[bytes, str]]:
    """The content of a file, and the ending of its name."""
    content = st.one_of(st.sampled_from(SEEDS), mutated(SEEDS), mutated(SEEDS))
    endings = st.sampled_from([".pth", ".pth", ".pt", ".bin", ".safetensors", ".ckpt", ".PTH", ""])
    return st.tuples(content, endings)


def tried(file: tuple[bytes, str]) -> str:
    """The outcome of loading a file; nothing in it may run."""
    content, ending = file
    MARK.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"weights{ending}"
        path.write_bytes(content)
        name = outcome(partial(_load, path))
    assert not MARK.exists(), "code in the file was run"
    return name


def _load(path: Path) -> None:
    loaded = load_model(f"{__name__}:tiny", weights=path, size=[8])
    assert not loaded.model.training
