"""Labels come from a table, from folders, or from the source, as the model's classes."""

from __future__ import annotations

import numpy as np
import pytest

from camkit_core.datasets.arrow import arrow
from camkit_core.datasets.sources.labels import Labels, labels_of
from camkit_core.errors import ArgumentError, ArgumentTypeError, FileError

NAMES = ("tench, Tinca tinca", "tiger cat", "espresso")
IDS = arrow.array(["tiger cat/1.jpg", "espresso/2.jpg", "dog/3.jpg"])


def table(folder, text):
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def named(given, names=NAMES):
    labels = Labels(labels_of(given, IDS), names)
    return [labels.of(name, None) for name in IDS.to_pylist()]


@pytest.mark.parametrize("header", ["id,label", "path,class", "\ufeffFile, Label ,more"])
def test_a_table_has_a_column_of_ids_and_one_of_labels(header, tmp_path):
    rest = ",x" if "more" in header else ""
    text = f"{header}\ntiger cat/1.jpg,1{rest}\nespresso/2.jpg,Espresso{rest}\n"
    assert named(table(tmp_path, text)) == [(1, "tiger cat"), (2, "Espresso"), (None, None)]


def test_a_table_without_these_columns_says_what_it_has(tmp_path):
    with pytest.raises(FileError, match="has the columns 'a', 'b'; expected a first line that"):
        labels_of(table(tmp_path, "a,b\n1,2\n"), IDS)


def test_folders_are_labels():
    assert named("folders") == [(1, "tiger cat"), (2, "espresso"), (None, "dog")]


@pytest.mark.parametrize("given", [[1, 2, None], {"tiger cat/1.jpg": 1, "espresso/2.jpg": "2"}])
def test_lists_and_mappings_are_labels(given):
    assert named(given) == [(1, "tiger cat"), (2, "espresso"), (None, None)]


def test_an_array_of_labels_is_one_for_each_image():
    assert named(np.array([0, 1, 7])) == [(0, NAMES[0]), (1, "tiger cat"), (7, None)]


def test_a_list_of_another_length_is_refused():
    with pytest.raises(ArgumentError, match="got 2 labels for 3 images; pass one for each"):
        labels_of([1, 2], IDS)
    with pytest.raises(ArgumentTypeError, match="expected labels as a CSV file, 'folders'"):
        labels_of(7, IDS)


def test_labels_of_the_source_are_the_models_classes_where_their_names_are():
    labels = Labels(None, NAMES, ("espresso", "tench"))
    assert [labels.of("", own) for own in (0, 1)] == [(2, "espresso"), (0, "tench")]


def test_labels_of_another_count_than_the_models_classes_keep_their_name_alone():
    few, as_many = (Labels(None, NAMES, tuple(names)) for names in ("ab", "abc"))
    assert few.of("", 1) == (None, "b")
    assert as_many.of("", 1) == (1, "b")


def test_what_is_no_label_is_none():
    labels = Labels(None, NAMES)
    assert [labels.of("", own) for own in (None, [1, 2], 1.5)] == [(None, None)] * 3
