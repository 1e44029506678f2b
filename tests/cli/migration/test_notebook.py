"""Notebooks, whose cells of code are rewritten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from camkit_core.cli.migration.notebook import rewritten_notebook
from camkit_core.cli.migration.rewrite import Rewritten, rewritten

HOME = "camkit_methods.compat.torchcam"


def notebook(*cells: Any, **settings: Any) -> str:
    made = [
        {"cell_type": "code", "source": cell} if not isinstance(cell, dict) else cell
        for cell in cells
    ]
    return json.dumps({"cells": made, "nbformat": 4}, **({"indent": 1} | settings))


def result(text: str) -> Rewritten:
    return rewritten_notebook(text, rewritten)


def sources(text: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]


def test_code_changes_and_text_does_not() -> None:
    text = notebook({"cell_type": "markdown", "source": ["import torchcam"]}, ["import torchcam"])
    assert sources(result(text).code) == ["import torchcam", f"import {HOME} as torchcam"]


@pytest.mark.parametrize(
    "settings",
    [{}, {"indent": 2}, {"indent": None}, {"ensure_ascii": False}, {"separators": (",", ":")}],
    ids=str,
)
@pytest.mark.parametrize("end", ["", "\n"])
def test_only_the_lines_that_change_change(settings: dict[str, Any], end: str) -> None:
    text = notebook(["import torchcam\n", "print('é', 1)\n"], "x = 1\n\n", **settings) + end
    assert result(text).code == text.replace("import torchcam", f"import {HOME} as torchcam")


def test_a_notebook_without_the_libraries_stays_to_the_byte() -> None:
    text = '{"cells": [{"cell_type":"code",  "source":["import os"]}]}'
    assert result(text).code == text


def test_magic_stays() -> None:
    magic = (
        "%matplotlib inline\n!pip install torchcam\nfor x in y:\n    !ls {x}\nf = %env HOME\nCAM?\n"
    )
    text = notebook(magic + "import torchcam", "%%bash\nimport torchcam", "%%time\nimport torchcam")
    new = f"import {HOME} as torchcam"
    assert sources(result(text).code) == [
        magic + new,
        "%%bash\nimport torchcam",
        f"%%time\n{new}",
    ]


def test_a_line_that_only_looks_like_magic_stays_code() -> None:
    code = "text = ('%s'\n    % 1)\nimport torchcam"
    assert sources(result(notebook(code)).code)[0].startswith(
        "text = ('%s'\n    % 1)\nimport camkit"
    )


def test_what_stays_is_said_with_its_cell() -> None:
    text = notebook("x = 1", "y = 2\nimport torchcam.nope", "import torchcam this", "also bad this")
    assert [why for _, why in result(text).left] == [
        "cell 2, line 2: camkit has no torchcam.nope",
        "cell 3 is no Python",
    ]
    assert result(text).code == text


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON"])
def test_what_is_no_notebook_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"cells|Expecting"):
        result(text)
