"""The project of a new plugin, written from templates; its conformance test passes unchanged."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from ...errors import CamkitError
from ...plugins.contribution import KINDS

_ENTRY = {
    "method": '$name = "$module:$function"',
    "adapter": '"$module.Net" = "$module:adapter"',
    "renderer": '$name = "$module:$function"',
    "metric": '$name = "$module:$function"',
}
_TEMPLATES = Path(__file__).parent / "templates"
_SUFFIX = ".template"  # so that no tool reads a template as the file that it becomes


def new_plugin(name: str, kind: str = "method", folder: Path | str = ".") -> Path:
    """Write the project `camkit-NAME` into a folder of its own.

    Args:
        name: name of the plugin: lower-case letters, digits, `-` and `_`.
        kind: "method", "adapter", "renderer" or "metric".
        folder: where the project's folder is made.

    Returns:
        The project's folder.

    Raises:
        CamkitError: for a name or kind that is not allowed, or if the project's folder exists.
    """
    short = _checked_name(name, kind)
    project = Path(folder) / f"camkit-{short.replace('_', '-')}"
    if project.exists():
        raise CamkitError(f"{project} is there already; nothing was written")
    values = {
        "name": short,
        "function": short.replace("-", "_"),
        "distribution": project.name,
        "module": f"camkit_{short.replace('-', '_')}",
        "kind": kind,
    }
    values["entry"] = Template(_ENTRY[kind]).substitute(values)
    for templates in (_TEMPLATES / "common", _TEMPLATES / kind):
        _write(templates, values, project)
    return project


def _checked_name(name: str, kind: str) -> str:
    """The name without `camkit-` in front."""
    if kind not in KINDS:
        raise CamkitError(f"no kind of plugin named {kind!r}; there are {', '.join(KINDS)}")
    short = name.removeprefix("camkit-")
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", short):
        raise CamkitError(
            f"a plugin's name is lower-case letters and digits, with - or _ between them, not "
            f"{name!r}"
        )
    return short


def _write(templates: Path, values: dict[str, str], project: Path) -> None:
    """Write each template of a folder, with the values in place of `$name`, also in file names."""
    for template in sorted(templates.rglob(f"*{_SUFFIX}")):
        name = Template(str(template.relative_to(templates))).substitute(values)
        file = project / name.removesuffix(_SUFFIX)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(template.read_text()).substitute(values))
