"""What to do about a file whose weights cannot be read: a command that can be copied."""

from __future__ import annotations

import shlex
from pathlib import Path

from ...errors import FileError


def holds_objects(path: Path, objects: str, where: str | None) -> FileError:
    """The error for a file with a whole model, at the key `where` or at the top, for its class."""
    key = "" if where is None else f"[{where!r}]"
    model = f"torch.load({str(path)!r}, map_location='cpu', weights_only=False){key}"
    return FileError(
        f"{path.name} holds Python objects ({objects}) instead of weights, and reading it could "
        f"run code from the file; if you trust it, save its weights: "
        f"{_saving(path, f'{model}.state_dict()')}"
    )


def holds_a_program(path: Path, exported: bool) -> FileError:
    """The error for a TorchScript program, or one of torch.export."""
    kind = "exported" if exported else "TorchScript"
    script = f"torch.jit.load({str(path)!r}, map_location='cpu').state_dict()"
    weights = f"torch.export.load({str(path)!r}).state_dict" if exported else script
    return FileError(
        f"{path.name} holds a program ({kind}) besides weights, and reading it could run code from "
        f"the file; if you trust it, save its weights: {_saving(path, f'dict({weights})')}"
    )


def would_run(path: Path, name: str) -> FileError:
    """The error for a file that calls what no checkpoint needs."""
    return FileError(
        f"{path.name} would call {name} when read by torch.load, which no checkpoint needs; "
        f"nothing was run: do not use this file"
    )


def is_compressed(path: Path) -> FileError:
    """The error for an archive that may unpack to any size."""
    weights = f"torch.load({str(path)!r}, map_location='cpu', weights_only=True)"
    return FileError(
        f"{path.name} is compressed, which torch.save does not do, to a small part of its size; if "
        f"you trust it, save it again: {_saving(path, weights)}"
    )


def _saving(path: Path, weights: str) -> str:
    new = str(path.with_name(f"{path.stem}-weights.pth"))
    code = f"import torch; torch.save({weights}, {new!r})"
    quoted = shlex.quote(code) if set(code) & set('"$`\\!') else f'"{code}"'
    return f"python -c {quoted}"
