"""Libraries of models: imported when asked for, and what is said where they are missing."""

from __future__ import annotations

import importlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from ....errors import ImportFailed


def library(name: str, source: str, extra: str = "") -> Any:
    """The library of a source, imported.

    Args:
        name: the name that it is imported by.
        source: the name of the source.
        extra: the name of its extra; "" where that is the source's.

    Raises:
        ImportFailed: if it is not installed, with the command that does; or if its import fails.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        top = name.partition(".")[0]
        if error.name not in (top, name):
            raise _broken(name, source, error) from error
        raise ImportFailed(
            f"--model {source}:NAME needs {top}, which is not installed: "
            f'python -m pip install "camkit[{extra or source}]"'
        ) from None
    except Exception as error:
        raise _broken(name, source, error) from error


def _broken(name: str, source: str, error: Exception) -> ImportFailed:
    return ImportFailed(
        f"--model {source}:NAME needs {name}, whose import failed: {type(error).__name__}: {error}"
    )


def path_named(name: str) -> Path | None:
    """A name as a path; None for one that can be none, as it is too long."""
    with suppress(OSError, ValueError, RuntimeError):
        path = Path(name).expanduser()
        path.exists()
        return path
    return None


def torchvision_names() -> dict[str, str]:
    """The task of each model of torchvision for images, by its name."""
    from torchvision import models

    modules = {
        "classification": models,
        "detection": models.detection,
        "segmentation": models.segmentation,
    }
    return {
        name: task for task, module in modules.items() for name in models.list_models(module=module)
    }


def timm() -> Any:
    """The library timm; its import takes a second."""
    return importlib.import_module("timm")
