"""The page on coming from another library: its counts, and its tutorials after `camkit migrate`."""

from __future__ import annotations

import re

from line_counts import PAGE, counted, tutorials

from camkit_core.cli.migration.rewrite import rewritten

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_counts_are_those_of_the_tutorials() -> None:
    assert counted(TEXT) == TEXT


def test_there_are_five_tutorials_of_three_libraries_and_none_gets_longer() -> None:
    found = tutorials(TEXT)
    assert len(found) == 5
    assert {library for _, library, _, _ in found} == {"pytorch-grad-cam", "torch-cam", "captum"}
    assert all(len(after.splitlines()) <= len(before.splitlines()) for *_, before, after in found)


def test_a_longer_tutorial_changes_its_count() -> None:
    longer = TEXT.replace("e = camkit.explain(", "x = 1\ne = camkit.explain(", 1)
    assert counted(longer) != longer


def test_camkit_migrate_leaves_nothing_of_pytorch_grad_cam_and_torch_cam() -> None:
    for _, library, before, _ in tutorials(TEXT):
        if library != "captum":
            result = rewritten(before)
            assert result.left == []
            assert not re.search(r"^(from|import) (pytorch_grad_cam|torchcam)", result.code, re.M)
            assert "camkit_methods.compat" in result.code
