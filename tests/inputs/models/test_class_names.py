"""Class names: the files that are read, and why others are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from camkit_core import load_model
from camkit_core.errors import ArgumentTypeError, FileError
from helpers.network_files import TINY

READ = {
    "lines": b"ant\nbee\n\ncat\n",
    "of Windows": "ant\r\nbee\r\ncat".encode("utf-8-sig"),
    "UTF-16": "ant\nbee\ncat".encode("utf-16"),
    "a list": b' ["ant", "bee", "cat"]',
    "by index": json.dumps({"2": "cat", "0": "ant", "1": "bee"}).encode(),
    "ImageNet's index": json.dumps(
        {"0": ["n1", "ant"], "1": ["n2", "bee"], "2": ["n3", "cat"]}
    ).encode(),
    "indices by name": json.dumps({"cat": 2, "ant": 0, "bee": 1}).encode(),
    "a configuration": json.dumps({"id2label": {"0": "ant", "1": "bee", "2": "cat"}}).encode(),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_names_are_read_from_text_and_from_json(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_bytes(content)
    assert load_model(TINY, class_names=path).class_names == ("ant", "bee", "cat")


REFUSED = {
    "empty": (b"", "no class names in"),
    "blank": (b" \n\n", "no class names in"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", "cannot read class names from .* expected a text file"),
    "zeros": (bytes(100), "it is no text"),
    "half of JSON": (b'["ant", "bee"', "begins as JSON, but is not"),
    "deep JSON": (b"[" * 100_000, "begins as JSON, but is not"),
    "JSON of numbers": (b"[1, 2]", "expected JSON as a list of names"),
    "a gap": (b'{"0": "ant", "2": "cat"}', "from 0 on"),
    "an index twice": (b'{"ant": 0, "bee": 0}', "from 0 on"),
    "large": (b"a\n" * 9_000_000, "it is too large"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_has_no_names_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_bytes(content)
    with pytest.raises(FileError, match=said):
        load_model(TINY, class_names=path)


@pytest.mark.parametrize("path", ["", ".", "a" * 300, "a\0b", "~nobody-of-that-name/n", "pipe"])
def test_a_path_where_no_names_are_is_refused(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(FileError, match=r"(cannot read|no) class names"):
        load_model(TINY, class_names=path)


@pytest.mark.parametrize("names", [5, b"ant", {"ant", "bee"}, ["ant", 5], {1: "ant"}, [["ant"]]])
def test_names_that_are_no_texts_in_an_order_are_refused(names: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="expected class names as a list of texts"):
        load_model(TINY, class_names=names)


def test_a_dict_of_names_by_index_is_taken() -> None:
    names: Any = {1: "bee", 0: "ant"}
    assert load_model(TINY, class_names=names).class_names == ("ant", "bee")
