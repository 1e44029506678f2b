"""The errors and warnings of camkit."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable


class CamkitError(Exception):
    """Something camkit was given cannot be used; the message says what, and what to do next."""


class UnknownName(CamkitError):
    """No plugin, model, layer or class has the given name."""


class PluginError(CamkitError):
    """A plugin cannot be loaded, or its name is claimed by several packages."""


class LayerError(CamkitError):
    """The target layer cannot be explained: it does not run, runs twice, or has no maps."""


class NoAdapter(LayerError):
    """No adapter knows the model, and no layer was named."""


class TargetError(CamkitError):
    """The target does not fit the images or the model's output."""


class InputError(CamkitError):
    """The images cannot be read, or are not what the model takes."""


class CamkitWarning(UserWarning):
    """A result that can be used, with something its reader should know."""


class CamkitDeprecation(FutureWarning):
    """Something that a plugin relies on will be removed; shown by default, so that users see it."""


def warn(text: str) -> None:
    """Give a `CamkitWarning` that points at the line which called camkit."""
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
    close = get_close_matches(name.lower(), names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    shown = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
    return UnknownName(f"no {kind} named {name!r}.{hint} Known: {shown or 'none'}")
