"""A new plugin's project, written from templates: it passes its own conformance test unchanged."""

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
_SUFFIX = ".template"  # so that no tool takes a template for what it will be


def new_plugin(name: str, kind: str = "method", folder: Path | str = ".") -> Path:
    """Write the project `camkit-NAME` into a folder of its own.

    Args:
        name: what the plugin is to be called: lower-case letters, digits, `-` and `_`.
        kind: "method", "adapter", "renderer" or "metric".
        folder: in which the project's folder is made.

    Returns:
        The project's folder.

    Raises:
        CamkitError: for another name or kind, or if the project's folder is there already.
    """
    if kind not in KINDS:
        raise CamkitError(f"no kind of plugin named {kind!r}; there are {', '.join(KINDS)}")
    short = name.removeprefix("camkit-")
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", short):
        raise CamkitError(
            f"a plugin's name is lower-case letters and digits, with - or _ between them, not "
            f"{name!r}"
        )
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
    for part in ("common", kind):
        root = _TEMPLATES / part
        for source in sorted(root.rglob(f"*{_SUFFIX}")):
            place = Template(str(source.relative_to(root))).substitute(values)
            target = project / place.removesuffix(_SUFFIX)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(source.read_text()).substitute(values))
    return project
