"""The report as one self-contained HTML page: no network, no script, no font."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template

from ....metrics.judging.report.frame import framed
from ..findings import Findings
from ..words import counted_in_thousands, sentences
from .parts import classes_part, clusters_part, grounding_part, mistakes_part
from .pictures import Thumbnails
from .rest import counts_part, notes_part, provenance_part, reading_part


def html(findings: Findings) -> str:
    """The whole page, with all texts from outside escaped."""
    template = Template(files(__package__).joinpath("report.html").read_text("utf-8"))
    own = files(__package__).joinpath("report.css").read_text("utf-8")
    heading = f"{counted_in_thousands(findings.counts.images, 'image')}, explained"
    thumbnails = Thumbnails(findings)
    parts = {
        "mistakes": ("Confident mistakes", mistakes_part(findings, thumbnails)),
        "clusters": ("Maps that look alike", clusters_part(findings, thumbnails)),
        "classes": ("Where each class's maps lie", classes_part(findings)),
        "masks": ("Maps and masks", grounding_part(findings)),
        "counts": ("Blank maps and errors", counts_part(findings)),
        "notes": ("Notes", notes_part(findings)),
        "reading": ("How to read this", reading_part(findings, thumbnails)),
        "provenance": ("Provenance", provenance_part(findings)),
    }
    shown = {key: part for key, part in parts.items() if part[1]}
    body = template.substitute(
        summary=_summary(sentences(findings)),
        contents=_links(shown),
        body="\n".join(_section(key, *part) for key, part in shown.items()),
    )
    return framed(heading, _meta(findings), body, own)


def _meta(findings: Findings) -> str:
    facts, counts = findings.maps.metadata, findings.counts
    methods = sorted({method for method, _ in counts.asked})
    parts = [
        str(facts.get("model") or ""),
        f"by {', '.join(methods)}" if methods else "",
        counted_in_thousands(counts.rows, "map"),
        _classes(findings),
        f"labels of {findings.labels}" if findings.labels else "",
    ]
    return ", ".join(part for part in parts if part)


def _summary(lines: list[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>\n" for line in lines[1:])
    rest = f"<ul>\n{items}</ul>" if items else ""
    return f'<p class="lead">{escape(lines[0])}</p>\n{rest}'


def _classes(findings: Findings) -> str:
    count = len({(each.kind.index, each.kind.name) for each in findings.classes})
    return f"{count:,} {'class' if count == 1 else 'classes'}"


def _links(parts: Mapping[str, tuple[str, str]]) -> str:
    return "\n".join(f'<a href="#{key}">{title}</a>' for key, (title, _) in parts.items())


def _section(key: str, title: str, text: str) -> str:
    return f'<h2 id="{key}">{title}</h2>\n{text}'
