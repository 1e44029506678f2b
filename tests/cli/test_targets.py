"""Classes by index, name, synonym, words of these, or rank."""

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
        ("shark", 1),
        ("great white shark, white shark, man-eater", 1),
    ],
)
def test_a_class_is_found_by_name_synonym_or_words(text: str, index: int) -> None:
    assert find_class(text, NAMES) == index


def test_an_ambiguous_name_is_refused_with_all_it_could_be() -> None:
    with pytest.raises(CamkitError, match=r"'crane' could be 2 classes: crane \(4\); crane \(5\)"):
        find_class("crane", NAMES)
    with pytest.raises(CamkitError, match=r"'ti' could be 3 classes: .*; give the index"):
        find_class("ti", NAMES)


def test_a_part_of_a_word_is_no_name() -> None:
    names = ("catamaran", "tiger cat", "alligator lizard")
    assert find_class("cat", names) == 1
    with pytest.raises(
        CamkitError, match=r"'all' could be 1 class: alligator lizard \(2\); give the"
    ):
        find_class("all", names)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("tiger cat:0", "ask for the class alone"),
        ("dog:0", "a class that the model has, or top1"),
        (":0", "or top1"),
    ],
)
def test_a_box_is_asked_of_a_detector_alone(text: str, kept: str) -> None:
    with pytest.raises(CamkitError, match=f"'{text}' is a box, as of a detector, .*{kept}"):
        find_class(text, NAMES)


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
