"""What a run is, written once beside its shards: another run in the same folder is refused."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, FileError, PathError, shown

NAME = "camkit.json"
# What must be the same in all shards of a folder, and how an error calls it.
SAME = {
    "model": "model",
    "weights_hash": "weights (SHA-256)",
    "preprocessing": "preprocessing",
    "methods": "method",
    "options": "options",
    "targets": "target",
    "layer": "layer",
    "settings": "settings",
    "precision": "precision",
    "source": "source",
    "schema": "version of the schema",
}


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; None if it has none.

    Raises:
        FileError: if it cannot be read.
    """
    path = folder / NAME
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FileError(
            f"cannot read {os.fspath(path)!r} ({error}); it says what the maps beside it are of: "
            f"put it back, or write to another folder"
        ) from error
    if not isinstance(facts, dict):
        raise FileError(f"{os.fspath(path)!r} is no manifest of camkit: it holds {shown(facts)}")
    return facts


def forget(folder: Path) -> None:
    """Delete the manifest, if there is one."""
    with contextlib.suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)


def agree(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest of a run, or find that the one that is there says the same.

    Of runs that begin at once, one writes it, and the others read it.

    Args:
        folder: an existing folder.
        facts: ready for JSON.

    Returns:
        The manifest that is there now.

    Raises:
        ArgumentError: if it is of another run, with both values.
        PathError: if it cannot be written.
    """
    _write_new(folder, facts)
    known = read(folder) or {}
    own = json.loads(json.dumps(facts))
    for key, name in SAME.items():
        if known.get(key) != own.get(key):
            raise ArgumentError(
                f"{os.fspath(folder)!r} holds maps of another run: its {name} is "
                f"{_said(known, key)}, and now it is {_said(own, key)}; give another output, or "
                f"the same {name}"
            )
    return known


def _said(facts: Mapping[str, Any], key: str) -> str:
    value = facts.get(key)
    if key == "weights_hash":  # which is no name that anybody knows
        value = f"{str(value)[:12]}... ({facts.get('weights')})"
    return shown(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_new(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest whole, unless one is there."""
    path = folder / NAME
    if path.exists():
        return
    temporary = folder / f".{NAME}.{secrets.token_hex(8)}"
    try:
        temporary.write_text(json.dumps(facts, indent=2, ensure_ascii=False), encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            _linked(temporary, path)
    except OSError as error:
        raise PathError(
            f"cannot write {os.fspath(path)!r}: {error.strerror or error}; give another output"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _linked(temporary: Path, path: Path) -> None:
    """Give a file its name, unless another has it; by renaming where there are no hard links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        os.replace(temporary, path)
