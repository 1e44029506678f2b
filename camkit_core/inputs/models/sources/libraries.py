"""Libraries of models: imported when asked for, and what is said where they are missing."""

from __future__ import annotations

import importlib
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ....errors import ImportFailed, UnknownName, shown


def library(name: str, source: str) -> Any:
    """The library of a source, imported.

    Args:
        name: the name that it is imported by.
        source: the name of the source, which is that of its extra.

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
            f'python -m pip install "camkit[{source}]"'
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


def unknown_model(name: str) -> UnknownName:
    """The error for a name that neither torchvision nor timm knows, with the closest ones."""
    plain = name.removeprefix("torchvision:").removeprefix("timm:")
    known = {*torchvision_names(), *timm().list_models(), *timm().list_pretrained()}
    return UnknownName(
        f"no model named {shown(name)}.{did_you_mean(plain, known)} Known are the models "
        f"of torchvision and timm by their names there, others as in `camkit list-sources`, "
        f"and your own as package.module:factory"
    )


def did_you_mean(name: str, known: set[str]) -> str:
    """The closest of some known names, as a sentence after a blank; "" if none is close."""
    close = get_close_matches(name[:100].lower(), known, n=3)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
