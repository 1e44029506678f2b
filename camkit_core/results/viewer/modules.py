"""The page's modules of JavaScript, and all of them as one, where a page has no server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.-]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const |class )", re.MULTILINE)
HERE = "camkit_core.results.viewer"


@cache
def web_files(package: str = HERE) -> Mapping[str, str]:
    """The files of the folder `web` of a package, by name."""
    folder = files(package).joinpath("web")
    return {each.name: each.read_text("utf-8") for each in folder.iterdir() if each.is_file()}


def joined(first: str, sources: Mapping[str, str]) -> str:
    """A module and all that it imports as one text, each behind what it needs.

    The modules follow three rules, which a test holds them to: they import by names in braces
    from "./FILE.js", export where they declare, and no two declare one name.
    """
    return "".join(_inlined(name, sources) for name in _in_order(first, sources, []))


def _in_order(name: str, sources: Mapping[str, str], begun: list[str]) -> Iterator[str]:
    begun.append(name)
    for needed in _IMPORT.findall(sources[name]):
        if needed not in begun:
            yield from _in_order(needed, sources, begun)
    yield name


def _inlined(name: str, sources: Mapping[str, str]) -> str:
    return _EXPORT.sub("", _IMPORT.sub("", sources[name])) + "\n"
