"""The true classes: from a table, from the names of folders, or beside the images themselves."""

from __future__ import annotations

import csv
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, ArgumentTypeError, FileError, shown
from ...inputs.models.class_names import matching

FOLDERS = "folders"
_IDS = ("id", "path", "file", "filename", "file_name", "image", "image_id")
_LABELS = ("label", "class", "class_name", "target", "category", "label_name")
Named = tuple[int | None, str | None]


class Labels:
    """Gives the label of an image, as number and name.

    Args:
        given: what `labels=` says, read by `labels_of`; None for those that the source has.
        class_names: of the model.
        label_names: of the source's labels.
    """

    def __init__(
        self,
        given: Callable[[str], Any] | None,
        class_names: Sequence[str] | None,
        label_names: Sequence[str] | None = None,
    ) -> None:
        self.given = given
        self.class_names = class_names
        self.label_names = label_names
        self._known: dict[Any, Named] = {}

    def without_given(self) -> Labels:
        """The same for labels that are given later, for some images at a time."""
        return Labels(None, self.class_names, self.label_names)

    def of(self, name: str, own: Any) -> Named:
        """Number and name of an image's label.

        Args:
            name: the image's id.
            own: the label that the source has beside the image.
        """
        label = own if self.given is None else self.given(name)
        try:
            key = label if isinstance(label, str) else operator.index(label)
        except (TypeError, ValueError, RuntimeError):
            return None, None  # none, or several, such as the boxes of a detector
        if key not in self._known:
            self._known[key] = self._named(key)
        return self._known[key]

    def _named(self, label: int | str) -> Named:
        if isinstance(label, str) and not label.isdecimal():
            return self._of_text(label)
        number, own = int(label), self.label_names
        if self.given is None and own is not None and 0 <= number < len(own):
            return self._of_name(number, own)
        names = self.class_names or ()
        return number, names[number] if 0 <= number < len(names) else None

    def _of_text(self, text: str) -> Named:
        found = matching(text, self.class_names or ())
        return (found[0], text) if len(found) == 1 else (None, text)

    def _of_name(self, number: int, own: Sequence[str]) -> Named:
        """A label of the source by its name: the source may count other classes than the model."""
        index, text = self._of_text(own[number])
        if index is not None:
            return index, text
        same = self.class_names is None or len(self.class_names) == len(own)
        return (number if same else None), text


def labels_of(given: Any, ids: Any) -> Callable[[str], Any] | None:
    """What `labels=` says, as a function from an id to a label or None; None if it says nothing.

    Args:
        given: a CSV file with a column of ids and one of labels; "folders" for the name of each
            picture's folder; a mapping from ids; or a sequence with a label for each image.
        ids: of all images, as an array of PyArrow; None where they are not known.

    Raises:
        FileError: for a file that cannot be read, or has no such columns.
        ArgumentError: for a sequence of another length.
    """
    if given is None:
        return None
    if given == FOLDERS if isinstance(given, str) else False:
        return _folder_of
    if isinstance(given, (str, os.PathLike)):
        return _from_table(Path(given)).get
    if isinstance(given, Mapping):
        return {str(key): label for key, label in given.items()}.get
    if not isinstance(given, Sequence) and not hasattr(given, "tolist"):
        raise ArgumentTypeError(
            f"expected labels as a CSV file, {FOLDERS!r}, a mapping from ids, or a list with one "
            f"for each image; got {shown(given)}"
        )
    listed = given.tolist() if hasattr(given, "tolist") else list(given)
    if ids is None or len(listed) != len(ids):
        count = "an unknown number of" if ids is None else len(ids)
        raise ArgumentError(f"got {len(listed)} labels for {count} images; pass one for each")
    return dict(zip(ids.to_pylist(), listed, strict=True)).get


def _folder_of(name: str) -> str | None:
    return os.path.basename(os.path.dirname(name)) or None


def _from_table(path: Path) -> dict[str, str]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or ()
            key, label = _column(_IDS, columns, path), _column(_LABELS, columns, path)
            return {row[key]: row[label] for row in rows if row[label]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"cannot read labels from {os.fspath(path)!r}: {reason}") from error


def _column(wanted: Sequence[str], columns: Sequence[str], path: Path) -> str:
    by_name = {column.strip().lower(): column for column in columns}
    for name in wanted:
        if name in by_name:
            return by_name[name]
    raise FileError(
        f"{os.fspath(path)!r} has the columns {', '.join(map(repr, columns)) or 'none'}; expected "
        f"a first line that names one of {', '.join(wanted)}"
    )
