"""The project of a new plugin, written from templates; its conformance test passes unchanged."""

from __future__ import annotations

import builtins
import keyword
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

from ...errors import ArgumentError, FileError, UnknownName, shown
from ...plugins.contribution import KINDS

_ENTRY = {
    "method": '$name = "$module:$function"',
    "adapter": '"$module.Net" = "$module:adapter"',
    "renderer": '$name = "$module:$function"',
    "metric": '$name = "$module:$function"',
    "source": '$name = "$module:$function"',
}
_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST = 60
# Names that the module needs for itself, and those of camkit's own modules.
_TAKEN = {*keyword.kwlist, *dir(builtins), "torch", "core", "methods", "archs"}
_SUFFIX = ".template"  # so that no tool reads a template as the file that it becomes


def new_plugin(name: str, kind: str = "method", folder: Path | str = ".") -> Path:
    """Write the project `camkit-NAME` into a folder of its own.

    Args:
        name: name of the plugin: lower-case letters, digits, `-` and `_`.
        kind: "method", "adapter", "renderer", "metric" or "source".
        folder: where the project's folder is made.

    Returns:
        The project's folder.

    Raises:
        UnknownName: for another kind.
        ArgumentError: for a name that is not allowed.
        FileError: if the project's folder exists, or cannot be written; nothing is left of it.
    """
    short = _checked_name(name, kind)
    project = Path(os.path.expanduser(folder)) / f"camkit-{short.replace('_', '-')}"
    values = {
        "name": short,
        "function": short.replace("-", "_"),
        "distribution": project.name,
        "module": f"camkit_{short.replace('-', '_')}",
        "kind": kind,
    }
    values["entry"] = Template(_ENTRY[kind]).substitute(values)
    with _whole(project, str(folder)) as draft:
        for templates in (_TEMPLATES / "common", _TEMPLATES / kind):
            _write(templates, values, draft)
    return project


def _checked_name(name: str, kind: str) -> str:
    """The name without `camkit-` in front."""
    if kind not in KINDS:
        raise UnknownName(f"no kind of plugin named {shown(kind)}; there are {', '.join(KINDS)}")
    short = name.removeprefix("camkit-") if isinstance(name, str) else ""
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", short) or len(short) > _LONGEST:
        raise ArgumentError(
            f"a plugin's name is lower-case letters and digits, with - or _ between them, up to "
            f"{_LONGEST} in all, not {shown(name)}"
        )
    if short.replace("-", "_") in _TAKEN:
        raise ArgumentError(
            f"{short!r} is a name of Python or of camkit itself; choose another, such as "
            f"'{short}-cam'"
        )
    return short


@contextmanager
def _whole(project: Path, folder: str) -> Iterator[Path]:
    """A folder to write the project to; it is renamed at the end, and deleted after an error."""
    try:
        if not folder or str(project).startswith("~"):
            raise FileNotFoundError(2, "there is no folder of this name")
        if os.path.lexists(project):
            raise FileError(f"{project} is there already; nothing was written")
        project.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".camkit-", dir=project.parent) as temporary:
            yield Path(temporary, project.name)
            Path(temporary, project.name).rename(project)
    except FileError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(
            f"cannot write {project.name} to {shown(folder)} ({reason}); give another (--dir)"
        ) from error


def _write(templates: Path, values: dict[str, str], project: Path) -> None:
    """Write each template of a folder, with the values in place of `$name`, also in file names."""
    for template in sorted(templates.rglob(f"*{_SUFFIX}")):
        name = Template(str(template.relative_to(templates))).substitute(values)
        file = project / name.removesuffix(_SUFFIX)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = Template(template.read_text(encoding="utf-8")).substitute(values)
        file.write_text(text, encoding="utf-8")
