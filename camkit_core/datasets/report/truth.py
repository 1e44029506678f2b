"""The true classes: of the data set itself, or of a table of files and labels."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, PathError, shown
from ..arrow import arrow, compute

_IDS = ("id", "file", "filename", "file_name", "image", "path", "filepath", "name")
_LABELS = ("label", "class", "target", "class_index", "class_name", "y", "category", "label_index")
_FOLDERS, _ENDING = r"^.*[/\\]", r"\.[A-Za-z0-9]{1,5}$"


class Truth:
    """The true class of each row of a batch, from the columns `label` and `label_name`.

    Attributes:
        met: how many rows had a label.
        known: how many labels could be compared with the model's answer.
        source: what is said of where the labels come from.
    """

    columns: tuple[str, ...] = ("label", "label_name")
    source = "the data set"

    def __init__(self) -> None:
        self.met = self.known = 0

    def of(self, batch: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """(number, name) of each row's true class: -1, and None, where there is none."""
        numbers = compute.fill_null(batch.column("label"), -1).to_numpy(zero_copy_only=False)
        names = batch.column("label_name").to_numpy(zero_copy_only=False)
        return numbers.astype(np.int64), names

    def check(self) -> None:
        """Raise InputError if labels were given, and none of them could be used."""


class ListedTruth(Truth):
    """The true classes by a file of labels.

    Args:
        path: of a CSV file: the name of a picture, and its class as a number or by name.
        ids: the ids of the data set, to see how the file's names are meant: as whole paths, by the
            last part, or without their ending.

    Raises:
        InputError: if it cannot be read as such a table, or names none of the pictures; a
            PathError if it cannot be opened.
    """

    columns = ()

    def __init__(self, path: str | os.PathLike[str], ids: Any) -> None:
        super().__init__()
        self.source = os.path.basename(os.fspath(path))
        files, self._labels = read_labels(path)
        self._short, self._files = _matching(files, ids, self.source)
        self._numbers = _as_numbers(self._labels)
        self._with_none = np.array([*self._labels, None], object)

    def of(self, batch: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """See `Truth.of`."""
        rows = compute.index_in(self._short(batch.column("id")), value_set=self._files)
        places = compute.fill_null(rows, -1).to_numpy(zero_copy_only=False)
        labels = self._with_none[places]
        if self._numbers is None:
            return np.full(len(places), -1, np.int64), labels
        return np.append(self._numbers, -1)[places], np.full(len(places), None)

    def check(self) -> None:
        """See `Truth.check`."""
        if self.known or not self.met:
            return
        label = self._labels[0]
        raise InputError(
            f"the labels of {self.source} cannot be compared with the model's answers: "
            f"{shown(label)} is the name of none of its classes; give classes as the model names "
            f"or numbers them"
        )


def read_labels(path: str | os.PathLike[str]) -> tuple[list[str], NDArray[Any]]:
    """Files and labels of a table, with a heading or without.

    Raises:
        InputError: if it is no such table; a PathError if it cannot be opened.
    """
    name = os.path.basename(os.fspath(path))
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is no text in UTF-8; save it as CSV in UTF-8") from error
    except OSError as error:
        raise PathError(f"cannot read labels {os.fspath(path)!r}: {error.strerror}") from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{name} is empty; expected lines such as: photo.jpg,tiger cat")
    rows = list(csv.reader(lines, delimiter=_delimiter(lines)))
    file, label, start = _columns(rows[0], name)
    for number, row in enumerate(islice(rows, start, None), start + 1):
        if len(row) <= max(file, label):
            raise InputError(
                f"{name}, line {number}: expected a file and its label, got {shown(','.join(row))}"
            )
    body = rows[start:]
    if not body:
        raise InputError(f"{name} has a heading and no lines below it")
    labels = [row[label].strip() or None for row in body]
    return [row[file].strip().replace("\\", "/") for row in body], np.array(labels, object)


def _delimiter(lines: Sequence[str]) -> str:
    counts = {mark: min(line.count(mark) for line in lines[:20]) for mark in ",;\t"}
    return max(counts, key=lambda mark: counts[mark])


def _columns(first: Sequence[str], name: str) -> tuple[int, int, int]:
    """Which columns are file and label, and the line at which they begin."""
    heads = [cell.strip().lower() for cell in first]
    file = next((heads.index(each) for each in _IDS if each in heads), None)
    label = next((heads.index(each) for each in _LABELS if each in heads), None)
    if file is not None and label is not None and file != label:
        return file, label, 1
    if len(heads) == 2 and (file is None) == (label is None):
        return 0, 1, 0
    raise InputError(
        f"{name} has columns {', '.join(heads)[:100]}; expected two, a file and its label, or a "
        f"heading that names them file and label"
    )


def _matching(files: list[str], ids: Any, source: str) -> tuple[Any, Any]:
    """How names are shortened so that most are alike, and the file's names so shortened."""
    given = arrow.array(files, arrow.string())
    counts = {}
    for number, shorten in enumerate((_whole, _last, _stem)):
        known = compute.is_in(shorten(ids), value_set=shorten(given))
        counts[number] = compute.sum(known).as_py() or 0
    best = max(counts, key=lambda number: counts[number])
    if not counts[best]:
        example = ids[0].as_py() if len(ids) else "none"
        raise InputError(
            f"{source} names none of the pictures: it has {shown(files[0])}, and the maps are of "
            f"pictures such as {shown(example)}; give their paths from the data set's folder"
        )
    short: Any = (_whole, _last, _stem)[best]
    return short, short(given)


def _whole(ids: Any) -> Any:
    return ids


def _last(ids: Any) -> Any:
    return compute.replace_substring_regex(ids, pattern=_FOLDERS, replacement="")


def _stem(ids: Any) -> Any:
    return compute.replace_substring_regex(_last(ids), pattern=_ENDING, replacement="")


def _as_numbers(labels: NDArray[Any]) -> NDArray[np.int64] | None:
    """The labels as numbers, -1 where one is missing; None if one is a name."""
    texts = [label for label in labels if label is not None]
    if not all(text.isdecimal() and len(text) < 10 for text in texts):
        return None
    return np.array([-1 if label is None else int(label) for label in labels], np.int64)
