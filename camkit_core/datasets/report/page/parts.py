"""The page's parts on maps: mistakes, clusters, classes, masks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from ....metrics.judging.report.frame import scrolling
from ....metrics.judging.wording import number
from ..findings import Findings, Found
from ..mistakes import Mistake
from ..places import Floats
from ..words import cluster_in_words, counted_in_thousands, percent, place_in_words
from .pictures import Thumbnails, mean_map

OUT, NEXT = 12, 12  # clusters that are shown: of those that stand out, and of the others
EXAMPLES, NEXT_EXAMPLES = 8, 3  # images of each
CLASSES = 100  # that have a row in the table


def mistakes_part(findings: Findings, thumbnails: Thumbnails) -> str:
    """The mistakes of which the model was surest, with their maps; "" without labels."""
    mistakes = findings.mistakes
    if mistakes is None:
        return ""
    if not mistakes.wrong:
        return f"<p>None: the model is right on all {mistakes.images:,} images with a label.</p>"
    cards = "".join(_mistake(each, thumbnails) for each in mistakes.surest)
    left = (
        f'<p class="aside">The {len(mistakes.surest)} of which the model was surest, of '
        f"{mistakes.wrong:,}. The map is that of the model's answer.</p>"
    )
    return f'{left}\n<ul class="cards">\n{cards}</ul>'


def _mistake(mistake: Mistake, thumbnails: Thumbnails) -> str:
    sure = "" if math.isnan(mistake.probability) else f", {percent(mistake.probability)}"
    return (
        f'<li class="card"><div class="pair">{thumbnails.pair(mistake.position)}</div>'
        f"<p><b>{escape(mistake.answer)}</b>{sure}</p>"
        f"<p>is labelled {escape(mistake.label)}</p>"
        f'<p class="name">{escape(mistake.image)}</p></li>\n'
    )


def clusters_part(findings: Findings, thumbnails: Thumbnails) -> str:
    """Clusters that stand out, and the next, behind a line that opens."""
    if not findings.clustered:
        return "<p>Clusters need a class with 20 maps, and there is none.</p>"
    out = findings.suspicious
    rest = [found for found in findings.clusters if not found.cluster.stands_out][:NEXT]
    quiet = "" if out else "<p>Nothing stands out.</p>\n"
    shown = "".join(_cluster(found, thumbnails, findings, EXAMPLES) for found in out[:OUT])
    more = (
        f"<p>{len(out) - OUT} more stand out; the JSON has them all.</p>\n"
        if len(out) > OUT
        else ""
    )
    others = "".join(_cluster(found, thumbnails, findings, NEXT_EXAMPLES) for found in rest)
    closed = (
        f"<details><summary>{'The next' if out else 'The most unusual'} {len(rest)} clusters"
        f"</summary>\n{others}</details>"
        if rest
        else ""
    )
    return f"{quiet}{shown}{more}{closed}"


def _cluster(found: Found, thumbnails: Thumbnails, findings: Findings, examples: int) -> str:
    cluster = found.cluster
    name = f"{found.kind}: {place_in_words(cluster.place)}"
    method = f" ({found.kind.method})" if len(findings.counts.layers) > 1 else ""
    tag = '<p class="tag">stands out</p>\n' if cluster.stands_out else ""
    thumbs = "".join(
        f'<li><div class="pair">{thumbnails.pair(position)}</div>'
        f"{escape(findings.maps[position].id)}</li>\n"
        for position in found.positions[:examples].tolist()
    )
    return (
        f'<article class="cluster{" out" if cluster.stands_out else ""}">\n{tag}'
        f"<h3>{escape(name)}{escape(method)}</h3>\n"
        f"<p>{escape(cluster_in_words(found))}.</p>\n"
        f'<div class="facts">{_means(found, findings)}{_facts(found)}</div>\n'
        f'<ul class="thumbs">\n{thumbs}</ul>\n</article>\n'
    )


def _means(found: Found, findings: Findings) -> str:
    of_class = next(each.mean for each in findings.classes if each.kind == found.kind)
    return _mean(found.cluster.mean, "mean of this cluster") + _mean(of_class, "mean of the class")


def _mean(mean: Floats, caption: str) -> str:
    return f"<figure>{mean_map(mean, caption)}<figcaption>{caption}</figcaption></figure>"


def _facts(found: Found) -> str:
    cluster = found.cluster
    size = f"{len(cluster.members):,} of {found.sampled:,} maps ({percent(cluster.share)})"
    if found.sampled < found.maps:
        size += f", a sample of {found.maps:,}"
    facts = {
        "size": size,
        "at the border": f"{percent(cluster.border)} of what it has more than the rest",
        "looseness": f"{number(cluster.looseness)} of that of the class's other clusters",
        "eigengap": number(cluster.gap),
        "score": number(cluster.score),
    }
    lines = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts.items())
    return f"<dl>{lines}</dl>"


def classes_part(findings: Findings) -> str:
    """A row for each class of each method, those first whose maps lie most at the border."""
    several = len({each.kind.method for each in findings.classes}) > 1
    there = [each for each in findings.classes if each.maps]
    chosen = sorted(there, key=lambda each: -each.border)[:CLASSES]
    rows = [
        (
            str(each.kind),
            *((each.kind.method,) if several else ()),
            f"{each.maps:,}",
            f"{each.blank:,}",
            percent(each.border),
            number(each.entropy),
            f"{percent(each.centre[0])}, {percent(each.centre[1])}",
            percent(each.off),
        )
        for each in chosen
    ]
    plots = [mean_map(each.mean, f"mean map of {each.kind}") for each in chosen]
    heads = (
        "class", *(("method",) if several else ()), "maps", "blank", "at the border", "entropy",
        "centre: across, down", "off the others",
    )  # fmt: skip
    left = len(there) - len(chosen)
    more = f"; {left:,} more are in the JSON" if left else ""
    aside = f'<p class="aside">Those first whose maps lie most at the border{more}.</p>\n'
    return aside + table(heads, rows, "Classes by where their maps lie", plots)


def grounding_part(findings: Findings) -> str:
    """Pointing game and energy for each class of each method; "" without masks."""
    if not findings.grounding:
        return ""
    rows = [
        (
            str(kind),
            kind.method,
            f"{each.images:,}",
            percent(each.hits / each.images),
            percent(float(np.mean(each.energies))),
            percent(float(np.mean(each.areas))),
        )
        for kind, each in findings.grounding[:CLASSES]
    ]
    heads = ("class", "method", "maps", "pointing game", "energy", "mask")
    measured = sum(each.images for _, each in findings.grounding)
    sample = f", a sample of {findings.masked:,}" if measured < findings.masked else ""
    aside = (
        f'<p class="aside">{counted_in_thousands(measured, "map")} with a mask{sample}. A map '
        f"without knowledge has the mask's share of the picture in both columns.</p>\n"
    )
    return aside + table(heads, rows, "Agreement with masks")


def table(
    heads: Iterable[str],
    rows: Sequence[Sequence[str]],
    label: str,
    plots: Sequence[str] = (),
) -> str:
    """A table in a box that scrolls; texts are escaped here, plots (the second column) are HTML."""
    names = list(heads)
    if plots:
        names.insert(1, "mean map")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + (f'<td class="plot">{plots[index]}</td>' if plots else "")
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>\n"
        for index, (first, *cells) in enumerate(rows)
    )
    top = f"<thead><tr>{head}</tr></thead>"
    return scrolling(f'<table class="numbers">\n{top}\n<tbody>\n{body}</tbody>\n</table>', label)
