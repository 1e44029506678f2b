"""The errors and warnings of camkit."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from reprlib import Repr
from textwrap import shorten
from typing import Any


class CamkitError(Exception):
    """Something camkit was given cannot be used; the message says what, and what to do next.

    Each kind is also the built-in error that Python raises for the like, so that `except
    ValueError` catches what a caller expects.
    """


class ArgumentError(CamkitError, ValueError):
    """An argument or an option has a value that is not allowed, or does not go with another."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument or an option is of a type that is not taken."""


class UnknownName(CamkitError, LookupError):
    """No plugin, model, layer, class or option has the given name."""


class PluginError(CamkitError, RuntimeError):
    """A plugin cannot be loaded, its name is claimed by several packages, or its result is none."""


class RunError(CamkitError, RuntimeError):
    """A model cannot be run, or explained, to the end."""


class LayerError(CamkitError, ValueError):
    """The target layer cannot be explained: it does not run, runs twice, or has no maps."""


class LayerTypeError(LayerError, ArgumentTypeError):
    """What was given as a layer is of a type that is not taken."""


class NoAdapter(LayerError):
    """No adapter knows the model, and no layer was named."""


class TargetError(CamkitError, ValueError):
    """The target does not fit the images or the model's output."""


class TargetTypeError(TargetError, ArgumentTypeError):
    """What was given as a target is of a type that is not taken."""


TARGET_ERRORS = (TargetError, TargetTypeError)


class InputError(CamkitError, ValueError):
    """The model or the images cannot be read, or the images are not what the model takes."""


class InputTypeError(InputError, ArgumentTypeError):
    """What was given as a model or as images is of a type that is not taken."""


class UnknownPosition(InputError, IndexError):
    """An explanation or a comparison has no image, target or method at the given position."""


class FileError(CamkitError, OSError):
    """A file cannot be found, read, downloaded or written."""


class PathError(InputError, FileError):
    """A picture's file cannot be opened, or a result cannot be written where it was asked for."""


class ImportFailed(CamkitError, ImportError):
    """A library, or a module that was named, cannot be imported."""


class CamkitWarning(UserWarning):
    """A result that can be used, with something its reader should know."""


class CamkitDeprecation(FutureWarning):
    """Something that a plugin relies on will be removed; shown by default, so that users see it."""


_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, camkit gives no warnings in this thread; `warnings.catch_warnings` is for all."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def warn(text: str) -> None:
    """Give a `CamkitWarning` that points at the line which called camkit."""
    if _quiet.get():
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("camkit_"):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, CamkitWarning, stacklevel=level)


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for an unknown name, with the closest known ones.

    >>> str(unknown("method", "gradcma", ["gradcam", "scorecam"]))
    "no method named 'gradcma'. Did you mean 'gradcam'? Known: gradcam, scorecam"
    """
    from difflib import get_close_matches  # takes a millisecond, which other commands save

    names = sorted(known)
    close = get_close_matches(name[:100].lower(), names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
    return UnknownName(f"no {kind} named {shown(name)}.{hint} Known: {listed or 'none'}")


_ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)  # of an object; nobody can use it


class _Shown(Repr):
    """Shortened `repr`, for messages; it never fails."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.maxlong = 2, 100, 60, 40

    def repr1(self, x: Any, level: int) -> str:
        """One value, inside others at a level."""
        try:
            if hasattr(x, "dtype") and len(x.shape):
                kind = str(x.dtype).removeprefix("torch.")
                return f"{type(x).__name__} {tuple(x.shape)} of {kind}"
            return _ADDRESS.sub("", " ".join(super().repr1(x, level).split()))
        except Exception:  # noqa: BLE001 - whatever a `__repr__` raises
            return f"a value of type {type(x).__name__}"


def in_brief(error: BaseException) -> str:
    """Another library's error on one line of at most 200 characters, its kind before its text."""
    return shorten(f"{type(error).__name__}: {error}", 200, placeholder=" ...")


def shown(value: object) -> str:
    """A value as a message shows it: its `repr` in one line, shortened, of an array its shape.

    >>> shown([[[1, 2]]])
    '[[[...]]]'
    """
    return _SHOWN.repr(value)


_SHOWN = _Shown()


def counted(count: int, thing: str) -> str:
    """A number of things: "1 image", "2 images"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
