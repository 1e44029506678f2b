"""What is said of errors: those with an advice say all; of others, whose fault they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from ...errors import CamkitError
from ...plugins.blame import blamed
from .messages import told, visible

VARIABLE = "CAMKIT_TRACEBACK"
_OURS = ("camkit_core", "camkit_methods", "camkit_archs")
# Code that others call: its errors are mostly those of the caller.
_LIBRARIES = ("PIL", "cv2", "numpy", "pluggy", "safetensors", "torch", "tqdm")


def account(error: BaseException) -> str:
    """What a message says of an error that ended a command."""
    if isinstance(error, CamkitError):
        return told(error)
    if "operator torchvision::" in told(error):
        return _unfit_torchvision()
    how = f"{VARIABLE}=1 in the environment shows where it comes from"
    return f"unexpected {named(error)}; {_whose_fault(error)}; {how}"


def _unfit_torchvision() -> str:
    """What to do where torchvision was built for another torch: its operators are missing."""
    from importlib.metadata import version

    both = f"torch {version('torch')} and torchvision {version('torchvision')}"
    return (
        f"{both} do not fit each other; install both from one index: "
        f"pip install --force-reinstall torch torchvision"
    )


def named(error: BaseException) -> str:
    """An error with its type; a CamkitError says all without it."""
    if isinstance(error, CamkitError):
        return told(error)
    text = told(error)
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return ", ".join([said, *blamed(error)])


def _whose_fault(error: BaseException) -> str:
    """Whose code raised it: the last that is not of a library which others call."""
    known = [frame for frame in _frames(error) if not _of_a_library(frame)]
    if not known or _module(known[-1]) in _OURS:
        return "this is a fault of camkit, please report it"
    code = known[-1].f_code
    place = f"{Path(code.co_filename).name}, function {code.co_name}"
    return f"this is a fault of {_module(known[-1])} ({place})"


def _frames(error: BaseException) -> Iterator[FrameType]:
    place = error.__traceback__
    while place is not None:
        yield place.tb_frame
        place = place.tb_next


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?")).partition(".")[0]


def _of_a_library(frame: FrameType) -> bool:
    return _module(frame) in _LIBRARIES or _module(frame) in sys.stdlib_module_names


def show_traceback(error: BaseException) -> None:
    """Print the traceback of an error, if CAMKIT_TRACEBACK asks for it."""
    if not os.environ.get(VARIABLE, "").strip("0"):
        return
    import traceback  # takes some milliseconds, which commands that succeed save

    lines = "".join(traceback.format_exception(error)).splitlines()
    sys.stderr.write("".join(f"{visible(line)}\n" for line in lines))
