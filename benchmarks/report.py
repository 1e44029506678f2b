"""The benchmark's rows as lines and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from goals import exact_tails, goals, ratio
from tables import PEERS, Row

PARTS = ("methods", "sharing", "opt_ins", "tails", "loops", "memory")
BEYOND_NOISE = "Beyond noise is a run whose lower quartile is above the other's upper quartile."
RUNS = ("forward", "ideal", "by hand", "camkit", "prepared", *PEERS)
EXPLAINED = (
    "Medians in milliseconds, the runs of a row in turns; one image of 224 pixels, float32, random "
    "weights. *Ideal* is one forward pass and the backward pass of what follows the layer; *by "
    "hand* one forward pass and what follows the layer for each channel set to zero. Each library "
    "gives its map at the image's size. *Difference* is the largest difference between camkit's "
    "map and that of a full, unoptimised run, relative to the largest value."
)


def line(row: Row) -> str:
    """One row, for the terminal."""
    if "tails" in row:
        return f"tail runs of {_on(row, 'tails')}: {exact_tails(row)}"
    if "loop" in row:
        left = f"{row['tensors']:+.0f} tensors  {row['hooks']:+.0f} hooks"
        return f"200 calls of {_on(row, 'loop')}  {left}  {row['megabytes']:+.1f} MB"
    if "megabytes" in row:
        peaks = "  ".join(f"{name} {value:.0f} MB" for name, value in row["megabytes"].items())
        return f"{_on(row, 'network')} {row['method']} {row['images']} images  {peaks}"
    if "way" in row:
        numbers = f"{row['seconds']:.2f} s  difference {row['difference']:.1e}"
        return f"ScoreCAM {_on(row, 'way')}  {numbers}"
    times = "  ".join(f"{name} {_ms(seconds)}" for name, seconds in row["seconds"].items())
    if "what" in row:
        return f"{_on(row, 'what')}  {times} ms"
    return (
        f"{_on(row, 'network'):12s} {row['method']:12s} {times} ms  "
        f"camkit/ideal {ratio(row, 'camkit', 'ideal'):.2f}  difference {row['difference']:.1e}"
    )


@dataclass(frozen=True)
class Table:
    """A table of the page: its columns, its rows as cells, and the text around it."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Iterable[str]]
    before: str = ""
    after: str = ""

    def lines(self) -> list[str]:
        """The section of the page; nothing without rows."""
        rows = [f"| {' | '.join(cells)} |" for cells in self.rows]
        if not rows:
            return []
        head = [f"| {' | '.join(self.columns)} |", "|---" * len(self.columns) + "|"]
        before, after = _paragraph(self.before), _paragraph(self.after)
        return [f"## {self.title}", "", *before, *head, *rows, "", *after]


def markdown(report: Row, page: Path) -> str:
    """The report as a page; a table without rows is left out."""
    where = ", ".join(f"{name} {value}" for name, value in report["machine"].items() if value)
    lines = [
        "# Speed" if page.stem == "speed" else f"# Speed: {page.stem.partition('-')[2]}",
        "",
        f"Made by `python benchmarks/run.py` ({where}). {EXPLAINED}",
        "",
    ]
    for table in _tables(report, f"{page.stem}.json"):
        lines += table.lines()
    return "\n".join(lines)


def _tables(report: Row, file: str) -> Iterator[Table]:
    yield Table("Goals", ["what", "goal", "reached"], goals(report), after=BEYOND_NOISE)
    yield Table(
        "Methods",
        ["network", "method", *RUNS, "camkit / ideal", "difference"],
        map(_method, report["methods"]),
        after=f"Quartiles are in `{file}`. A run of five seconds or more was made once.",
    )
    yield Table(
        "Score-CAM's opt-ins (ResNet-50)",
        ["way", "seconds", "difference in the heatmap"],
        map(_opt_in, report["opt_ins"]),
        after="Compiling, once for each model, is not counted.",
    )
    yield Table(
        "Targets, images, size, channels",
        ["what", "milliseconds"],
        map(_sharing, report["sharing"]),
    )
    yield Table(
        "Tail runs",
        ["of", "layers", "models", "exact", "by the fast way"],
        map(_tail, report["tails"]),
        "Edits of randomly drawn layers (`benchmarks/tail_runs.py`), each beside a full run.",
    )
    yield Table(
        "Memory",
        ["network", "method", "images", "camkit", *PEERS],
        map(_peaks, report["memory"]),
        "Peak beside that of a forward pass, in MB, each in a process of its own.",
    )
    yield Table(
        "Loops",
        ["method", "live tensors", "hooks", "MB"],
        map(_loop, report["loops"]),
        "What call 200 of a loop left that call 2 did not, in a process of its own (layer1 of "
        "ResNet-18, 64 pixels; attention methods: DeiT-tiny).",
    )


def _paragraph(text: str) -> list[str]:
    return [text, ""] if text else []


def _ms(seconds: dict[str, float]) -> str:
    return f"{seconds['median'] * 1e3:,.1f}"


def _method(row: Row) -> list[str]:
    times = [_ms(row["seconds"][name]) if name in row["seconds"] else "" for name in RUNS]
    share = f"{ratio(row, 'camkit', 'ideal'):.2f}"
    return [_on(row, "network"), row["method"], *times, share, f"{row['difference']:.0e}"]


def _opt_in(row: Row) -> list[str]:
    return [_on(row, "way"), f"{row['seconds']:.1f}", f"{row['difference']:.4f}"]


def _sharing(row: Row) -> list[str]:
    times = (f"{name} {_ms(seconds)}" for name, seconds in row["seconds"].items())
    return [_on(row, "what"), ", ".join(times)]


def _peaks(row: Row) -> list[str]:
    peaks = [row["megabytes"].get(name) for name in ("camkit", *PEERS)]
    cells = ["" if peak is None else f"{peak:.0f}" for peak in peaks]
    return [_on(row, "network"), row["method"], str(row["images"]), *cells]


def _loop(row: Row) -> list[str]:
    numbers = (f"{row['tensors']:+.0f}", f"{row['hooks']:+.0f}", f"{row['megabytes']:+.1f}")
    return [_on(row, "loop"), *numbers]


def _on(row: Row, what: str) -> str:
    """What a row is about, with the device if it is not the CPU."""
    return str(row[what]) + ("" if row["device"] == "cpu" else f" ({row['device']})")


def _tail(row: Row) -> list[str]:
    return [_on(row, "tails"), *(str(row[key]) for key in ("layers", "models", "exact", "fast"))]
