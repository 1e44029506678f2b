"""The report's tables: the value of each metric for each method, and each method's cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ....errors import counted
from ..judgement import Judgement
from ..standings import Standing, standings_of
from ..wording import bounds_of, number, spaced, times
from .frame import scrolling


def metric_table(judgement: Judgement) -> str:
    """A row for each method and baseline, a column for each metric."""
    standings = standings_of(judgement)
    if not standings:
        return "<p>No metric was asked for.</p>"
    heads = "".join(f'<th scope="col">{_head(standing)}</th>' for standing in standings)
    baselines = [name for name in judgement.explanations if name not in judgement.methods]
    rows = f"<tbody>\n{_rows(judgement.methods, standings)}</tbody>\n"
    if baselines:
        span = f'<tr><th scope="rowgroup" colspan="{len(standings) + 1}">baselines</th></tr>\n'
        rows += f'<tbody class="baseline">\n{span}{_rows(baselines, standings)}</tbody>'
    head = f'<thead><tr><th scope="col">map</th>{heads}</tr></thead>'
    table = f'<table class="numbers">\n{head}\n{rows}\n</table>'
    return f"{scrolling(table, 'Metrics of each method')}\n{_legend(standings)}"


def _head(standing: Standing) -> str:
    name = escape(spaced(standing.metric))
    if standing.facts.check:
        return f"{name}<small>a check</small>"
    arrow, words = ("&uarr;", "higher") if standing.higher_is_better else ("&darr;", "lower")
    return f'{name} <span aria-hidden="true">{arrow}</span><small>{words} is better</small>'


def _rows(names: Sequence[str], standings: Sequence[Standing]) -> str:
    return "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(_cell(standing, name) for standing in standings)
        + "</tr>\n"
        for name in names
    )


def _cell(standing: Standing, name: str) -> str:
    mean = standing.means.get(name)
    if mean is None or not math.isfinite(mean.mean):
        return '<td><span class="hidden">no value</span><span aria-hidden="true">-</span></td>'
    text = number(mean.mean)
    small = bounds_of(mean)
    count, total = int(sum(map(math.isfinite, standing.values[name]))), standing.images
    small += f" ({count} of {total} images)" if count < total else ""
    small = f"<small>{small.strip()}</small>" if small else ""
    if standing.facts.check or len(standing.known) < 2 or name not in standing.leaders:
        return f"<td>{text}{small}</td>"
    if standing.best == name:
        return f'<td><span class="best">{text}</span>{_mark("&#9679;", "best")}{small}</td>'
    if standing.few:
        return f"<td>{text}{small}</td>"
    return f"<td>{text}{_mark('&#9675;', 'level with the best')}{small}</td>"


def _mark(sign: str, words: str) -> str:
    hidden = f'<span class="hidden"> ({words})</span>'
    return f'<span class="mark" aria-hidden="true">{sign}</span>{hidden}'


def _legend(standings: Sequence[Standing]) -> str:
    few = any(standing.few for standing in standings)
    images = counted(max(standing.images for standing in standings), "image")
    marks = "&#9679; best mean of the methods"
    if few:
        return f'<p class="aside">{marks}. Means over {images}: too few for intervals.</p>'
    level = "&#9675; not different from it beyond noise"
    return f'<p class="aside">{marks}; {level}. Means over {images}, with their 95% interval.</p>'


def cost_table(judgement: Judgement) -> str:
    """A row for each method: its time, and how often it ran the model."""
    cheapest = min(cost.seconds for cost in judgement.costs.values())
    heads = ("method", "time", "to the cheapest", "forward", "tail", "backward")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{_time(cost.seconds)}</td>'
        f"<td>{times(cost.seconds / cheapest) if cheapest > 0 else '-'}</td>"
        f"<td>{cost.forward_passes:g}</td><td>{cost.tail_passes:g}</td>"
        f"<td>{cost.backward_passes:g}</td></tr>\n"
        for name, cost in judgement.costs.items()
    )
    head = f"<thead><tr>{head}</tr></thead>"
    table = f'<table class="numbers">\n{head}\n<tbody>\n{rows}</tbody>\n</table>'
    measuring = sum(measure.seconds for measure in judgement.measures)
    return (
        f"{scrolling(table, 'Cost of each method')}\n"
        f'<p class="aside">Time for all images and targets. Runs of the whole model (forward), of '
        f"what follows the layer (tail) and of gradients (backward) are for each image and target. "
        f"The metrics took {_time(measuring)}.</p>"
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
