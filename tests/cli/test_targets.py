"""Classes by index, name, synonym, beginning, or rank."""

from __future__ import annotations

import pytest

from camkit_core.cli.common.targets import Top, find_targets
from camkit_core.errors import CamkitError, UnknownName
from camkit_core.inputs.models.class_names import find_class

NAMES = (
    "tench, Tinca tinca",
    "great white shark, white shark, man-eater",
    "tiger cat",
    "tiger, Panthera tigris",
    "crane",
    "crane",
    "Egyptian_cat",
)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("Tinca Tinca", 0),
        ("man eater", 1),
        ("tiger", 3),
        ("tiger c", 2),
        ("egyptian cat", 6),
        ("great white shark, white shark, man-eater", 1),
    ],
)
def test_a_class_is_found_by_name_synonym_or_beginning(text: str, index: int) -> None:
    assert find_class(text, NAMES) == index


def test_an_ambiguous_name_is_refused_with_all_it_could_be() -> None:
    with pytest.raises(CamkitError, match=r"'crane' could be 2 classes: crane \(4\); crane \(5\)"):
        find_class("crane", NAMES)
    with pytest.raises(CamkitError, match=r"'ti' could be 3 classes: .*; give the index"):
        find_class("ti", NAMES)


def test_an_unknown_class_is_refused_with_close_names() -> None:
    with pytest.raises(UnknownName, match=r"no class named 'tigger'\. Did you mean 'tiger'"):
        find_class("tigger", NAMES)


def test_targets_are_a_list_of_indices_names_and_ranks_each_once() -> None:
    assert find_targets("top3, 5,tench,0", NAMES) == (Top(3), 5, 0)


def test_a_comma_inside_a_class_name_does_not_split_it() -> None:
    assert find_targets("Tench, Tinca tinca", NAMES) == (0,)


def test_a_name_needs_names() -> None:
    with pytest.raises(CamkitError, match="no class names are known for these weights"):
        find_targets("tench", None)
    with pytest.raises(CamkitError, match="expected a target"):
        find_targets(" , ", None)
