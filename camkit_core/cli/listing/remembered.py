"""Lists of models, remembered in the user's cache: the libraries take seconds to import."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ...results.whole_files import write_whole


def remembered(name: str, libraries: Sequence[str], ask: Callable[[], list[Any]]) -> list[Any]:
    """What `ask` gives, from the cache as long as the libraries keep their versions.

    Args:
        name: of the list, and of its file.
        libraries: the distributions that it depends on.
        ask: makes the list anew, of objects with the attributes of `ListedModel`.
    """
    versions = {each: _version(each) for each in ("camkit", *libraries)}
    file = cache_folder() / f"models-{name}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["versions"] == versions:
            return [SimpleNamespace(name=n, task=t, weights=w) for n, t, w in kept["models"]]
    models = ask()
    rows = [[each.name, each.task, list(each.weights)] for each in models]
    with suppress(OSError, ValueError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps({"versions": versions, "models": rows}))
    return models


def _version(distribution: str) -> str:
    from importlib import metadata  # not for `camkit --help`

    with suppress(metadata.PackageNotFoundError):
        return metadata.version(distribution)
    return ""


def cache_folder() -> Path:
    """Where camkit keeps what it can make again: in `XDG_CACHE_HOME`, or the system's own."""
    usual = {"darwin": "~/Library/Caches", "win32": os.environ.get("LOCALAPPDATA") or "~"}
    given = os.environ.get("XDG_CACHE_HOME") or usual.get(sys.platform, "~/.cache")
    return Path(given).expanduser() / "camkit"
