"""Files and folders of code: read in their encoding, and what changes in them."""

from __future__ import annotations

import difflib
import io
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ArgumentError, ImportFailed, PathError
from .homes import concerned_text
from .python import check_python

if TYPE_CHECKING:
    from .rewrite import Rewritten

_ENDINGS = (".py", ".pyi", ".pyw", ".ipynb")
_NOT_ENTERED = ("site-packages", "node_modules", "__pycache__", "build", "dist", "venv")


@dataclass(frozen=True)
class Change:
    """A file before and after, and (line, why) of what stays of the other libraries."""

    path: Path
    before: str
    after: str
    left: Sequence[tuple[int, str]]
    encoding: str

    @property
    def changed(self) -> bool:
        """Whether anything in it changes."""
        return self.before != self.after

    def bytes(self) -> bytes:
        """The file after the change, in its own encoding."""
        return self.after.encode(self.encoding)

    def diff(self) -> Iterator[str]:
        """The lines of a unified diff."""
        name = str(self.path)
        old, new = self.before.splitlines(True), self.after.splitlines(True)
        for line in difflib.unified_diff(old, new, name, name):
            yield line.rstrip("\r\n").expandtabs()
            if not line.endswith(("\n", "\r")):
                yield "\\ No newline at end of file"


def code_files(path: Path) -> list[Path]:
    """The file, or all Python files and notebooks in a folder, hidden ones left out.

    Raises:
        PathError: if there is no such file.
        ArgumentError: if a file that was named is neither.
    """
    if path.is_dir():
        found = (each for each in path.rglob("*") if each.suffix in _ENDINGS and each.is_file())
        return sorted(each for each in found if _entered(each.relative_to(path)))
    if not path.exists():
        raise PathError(f"no file or folder {str(path)!r}")
    if path.suffix not in _ENDINGS:
        raise ArgumentError(f"{str(path)!r} is no {', '.join(_ENDINGS)} file")
    return [path]


def _entered(path: Path) -> bool:
    return not any(part.startswith(".") or part in _NOT_ENTERED for part in path.parts)


def change_of(path: Path, native: bool = False) -> Change:
    """A file as `camkit migrate` would write it.

    Raises:
        PathError: if it cannot be read.
        ArgumentError: if it is no Python, or no notebook.
        ImportFailed: if libcst is not installed.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PathError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    try:
        encoding = "utf-8" if path.suffix == ".ipynb" else _encoding(raw)
        text = raw.decode(encoding)
        if not concerned_text(text):
            return Change(path, text, text, [], encoding)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, which are not ours
            result = _rewritten(path, text, native)
    except (ValueError, SyntaxError, LookupError, RecursionError) as error:
        kind = "notebook" if path.suffix == ".ipynb" else "Python"
        reason = str(error) or type(error).__name__
        raise ArgumentError(f"{str(path)!r} is no {kind} that can be read: {reason}") from error
    return Change(path, text, result.code, result.left, encoding)


def _encoding(raw: bytes) -> str:
    return tokenize.detect_encoding(io.BytesIO(raw).readline)[0]


def _rewritten(path: Path, text: str, native: bool) -> Rewritten:
    try:
        import libcst
    except ImportError as error:
        raise ImportFailed(
            f'camkit migrate needs libcst ({error}); pip install "camkit[migrate]"'
        ) from error
    from .notebook import rewritten_notebook
    from .rewrite import rewritten

    rewrite = partial(rewritten, native=native)
    if path.suffix == ".ipynb":
        return rewritten_notebook(text, rewrite)
    check_python(text)
    try:
        return rewrite(text)
    except libcst.ParserSyntaxError as error:
        raise SyntaxError(f"line {error.raw_line} cannot be parsed") from error
