"""The parts of a docstring as Google's style has them: text, arguments, what is returned."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from inspect import cleandoc

_SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Yields|Examples?|Note):\s*")
_ARGUMENT = re.compile(r"    (\*{0,2}\w+)(?: \([^)]*\))?: *(.*)")


@dataclass(frozen=True)
class Docstring:
    """A docstring, read.

    Attributes:
        summary: the first paragraph, in one line.
        text: the other paragraphs before the first section, each in one line.
        arguments: the description of each argument, in one line.
        returns: what is returned, in one line.
    """

    summary: str = ""
    text: tuple[str, ...] = ()
    arguments: dict[str, str] = field(default_factory=dict)
    returns: str = ""


def parsed(docstring: str | None) -> Docstring:
    """A docstring by its parts; a text in another style is all summary and text."""
    sections = _sections(cleandoc(docstring or ""))
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", sections.pop("", ""))]
    summary, *text = paragraphs
    return Docstring(
        summary,
        tuple(filter(None, text)),
        _arguments(sections.get("Args", "")),
        " ".join(sections.get("Returns", "").split()),
    )


def _sections(text: str) -> dict[str, str]:
    """The lines under each heading; those before the first under ""."""
    sections, heading = {"": ""}, ""
    for line in text.splitlines():
        if found := _SECTION.fullmatch(line):
            heading = found[1]
            sections[heading] = ""
        else:
            sections[heading] += f"{line}\n"
    return sections


def _arguments(section: str) -> dict[str, str]:
    described: dict[str, str] = {}
    for line in section.splitlines():
        if found := _ARGUMENT.fullmatch(line):
            described[found[1]] = found[2].strip()
        elif described and line.strip():
            last = next(reversed(described))
            described[last] = f"{described[last]} {line.strip()}".strip()
    return described
