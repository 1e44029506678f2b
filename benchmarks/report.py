"""The benchmark's rows as lines and as a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tables import GRADIENT_METHODS, PEERS, Row

PARTS = ("methods", "sharing", "opt_ins", "tails", "loops", "memory")
LEFT = ("tensors", "hooks", "megabytes")  # what a loop may leave behind
BEYOND_NOISE = "Beyond noise is a run whose lower quartile is above the other's upper quartile."
COLUMNS = ("forward", "ideal", "by hand", "camkit", *PEERS)


def line(row: Row) -> str:
    """One row, for the terminal."""
    if "tails" in row:
        return f"tail runs of {_on(row, 'tails')}: {_tails(row)}"
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


def markdown(report: Row, page: Path) -> str:
    """The report as a page; a table without rows is left out."""
    where = ", ".join(f"{name} {value}" for name, value in report["machine"].items() if value)
    lines = [
        "# Speed" if page.stem == "speed" else f"# Speed: {page.stem.partition('-')[2]}",
        "",
        f"Made by `python benchmarks/run.py` ({where}). Medians in milliseconds, the runs of a row "
        "in turns; one image of 224 pixels, float32, random weights. *Ideal* is one forward pass "
        "and the backward pass of what follows the layer; *by hand* one forward pass and what "
        "follows the layer for each channel set to zero. Each library gives its map at the "
        "image's size. *Difference* is the largest difference between camkit's map and that of a "
        "full, unoptimised run, relative to the largest value.",
        "",
    ]
    for title, head, cells, before, after in (
        ("Goals", ["what", "goal", "reached"], goals(report), "", BEYOND_NOISE),
        (
            "Methods",
            ["network", "method", *COLUMNS, "camkit / ideal", "difference"],
            map(_method_cells, report["methods"]),
            "",
            f"Quartiles are in `{page.stem}.json`. A run of five seconds or more was made once.",
        ),
        (
            "Score-CAM's opt-ins (ResNet-50)",
            ["way", "seconds", "difference in the heatmap"],
            map(_way, report["opt_ins"]),
            "",
            "Compiling, once for each model, is not counted.",
        ),
        (
            "Targets, images, size, channels",
            ["what", "milliseconds"],
            map(_scaling, report["sharing"]),
            "",
            "",
        ),
        (
            "Tail runs",
            ["of", "layers", "models", "exact", "by the fast way"],
            map(_tail_cells, report["tails"]),
            "Edits of randomly drawn layers (`benchmarks/tail_runs.py`), each beside a full run.",
            "",
        ),
        (
            "Memory",
            ["network", "method", "images", "camkit", *PEERS],
            map(_mb, report["memory"]),
            "Peak beside that of a forward pass, in MB, each in a process of its own.",
            "",
        ),
        (
            "Loops",
            ["method", "live tensors", "hooks", "MB"],
            map(_loop, report["loops"]),
            "What call 200 of a loop left that call 2 did not, in a process of its own (layer1 of "
            "ResNet-18, 64 pixels; attention methods: DeiT-tiny).",
            "",
        ),
    ):
        rows = list(cells)
        if rows:
            table = _table(head, rows)
            lines += [f"## {title}", "", *_paragraph(before), *table, "", *_paragraph(after)]
    return "\n".join(lines)


def _paragraph(text: str) -> list[str]:
    return [text, ""] if text else []


def goals(report: Row) -> Iterable[tuple[str, str, str]]:
    """Each goal on a CPU, and what was reached."""
    report = {part: [row for row in report[part] if row["device"] == "cpu"] for part in PARTS}
    rows = {(row["network"], row["method"]): row for row in report["methods"]}
    for network in dict.fromkeys(name for name, _ in rows):
        gradient_rows = [rows[network, m] for m in GRADIENT_METHODS if (network, m) in rows]
        if not gradient_rows:
            continue
        what = f"GradCAM, GradCAM++, XGradCAM, {network}"
        reached = ", ".join(f"{ratio(row, 'camkit', 'ideal'):.2f}" for row in gradient_rows)
        yield what, "at most 1.15 × ideal", reached
        factors = [ratio(row, "pytorch-grad-cam", "camkit") for row in gradient_rows]
        least = "1.6" if network == "deit_tiny" else "2.0"
        reached = ", ".join(f"{factor:.1f}" for factor in factors)
        yield "", f"{least} × faster than pytorch-grad-cam", reached
        beside = [
            _beside(row, peer)
            for row in gradient_rows
            for peer in ("torch-cam", "captum")
            if peer in row["seconds"]
        ]
        if beside:
            yield "", "not slower than others", ", ".join(beside)
    sharing = [row["seconds"] for row in report["sharing"] if "20 targets" in row["seconds"]]
    for seconds in sharing[:1]:
        single = seconds["1 target"]["median"]
        reached = f"{seconds['20 targets']['median'] / single:.2f}"
        yield "20 targets, ResNet-50", "at most 1.5 × one", reached
        reached = f"{seconds['3 gradient methods']['median'] / single:.2f}"
        yield "three gradient methods, ResNet-50", "at most 1.1 × one", reached
    for network, most in {"resnet50": 1.5, "densenet161": 4, "mnasnet1_0": 4, "vgg16": 4}.items():
        if row := rows.get((network, "ablationcam")):
            reached = f"{ratio(row, 'camkit', 'forward'):.2f}"
            yield f"AblationCAM, {network}", f"at most {most} forward passes", reached
            if network == "resnet50" and "pytorch-grad-cam" in row["seconds"]:
                reached = f"{ratio(row, 'pytorch-grad-cam', 'camkit'):,.0f}"
                yield "", "1,500 × faster than pytorch-grad-cam", reached
    for network in ("deit_tiny", "vit_b_16"):
        if row := rows.get((network, "ablationcam")):
            reached = f"{ratio(row, 'camkit', 'by hand'):.2f}"
            yield f"AblationCAM, {network}", "at most 1.1 × by hand", reached
    if (row := rows.get(("resnet50", "scorecam"))) and "pytorch-grad-cam" in row["seconds"]:
        reached = f"{ratio(row, 'pytorch-grad-cam', 'camkit'):.2f}"
        yield "ScoreCAM, ResNet-50, exact", "1.5 × faster than pytorch-grad-cam", reached
        peer = row["seconds"]["pytorch-grad-cam"]["median"]
        for way in report["opt_ins"][-1:]:
            reached = f"{peer / way['seconds']:.1f}, {way['difference']:.3f}"
            what = "ScoreCAM, ResNet-50, all opt-ins"
            yield what, "4 × faster, heatmap within 0.02", reached
    for row in report["tails"]:
        yield f"tail runs, {row['tails']}", "all exact, 95 % by the fast way", _tails(row)
    if loops := report["loops"]:
        left = (f"{max(row[key] for row in loops):+.1f} {key}" for key in LEFT)
        yield f"200 calls of each of {len(loops)} methods", "nothing left", ", ".join(left)
    for row in report["memory"]:
        if row["method"] in ("ablationcam", "scorecam") and row["images"] == 1:
            reached = f"{row['megabytes']['camkit']:.0f} MB"
            yield f"memory, {row['method']}, {row['network']}", "at most 350 MB", reached


def _tail_cells(row: Row) -> list[str]:
    return [_on(row, "tails"), *(str(row[key]) for key in ("layers", "models", "exact", "fast"))]


def _tails(row: Row) -> str:
    """How many layers were exact, and the share that was fast."""
    exact = f"{row['exact']} of {row['layers']} of {row['models']} models exact"
    return f"{exact}, {row['fast'] / row['layers']:.1%} fast"


def _beside(row: Row, peer: str) -> str:
    """How many times as long camkit takes as a peer, and whether that is more than noise."""
    camkit, other = row["seconds"]["camkit"], row["seconds"][peer]
    beyond = ", beyond noise" if camkit["low"] > other["high"] else ""
    return f"{ratio(row, 'camkit', peer):.2f} ({peer}{beyond})"


def ratio(row: Row, run: str, other: str) -> float:
    """How many times as long one run takes as another."""
    return float(row["seconds"][run]["median"] / row["seconds"][other]["median"])


def _ms(seconds: dict[str, float]) -> str:
    return f"{seconds['median'] * 1e3:,.1f}"


def _method_cells(row: Row) -> list[str]:
    times = [_ms(row["seconds"][name]) if name in row["seconds"] else "" for name in COLUMNS]
    share = f"{ratio(row, 'camkit', 'ideal'):.2f}"
    return [_on(row, "network"), row["method"], *times, share, f"{row['difference']:.0e}"]


def _way(row: Row) -> list[str]:
    return [_on(row, "way"), f"{row['seconds']:.1f}", f"{row['difference']:.4f}"]


def _scaling(row: Row) -> list[str]:
    times = (f"{name} {_ms(seconds)}" for name, seconds in row["seconds"].items())
    return [_on(row, "what"), ", ".join(times)]


def _mb(row: Row) -> list[str]:
    peaks = [row["megabytes"].get(name) for name in ("camkit", *PEERS)]
    cells = ["" if peak is None else f"{peak:.0f}" for peak in peaks]
    return [_on(row, "network"), row["method"], str(row["images"]), *cells]


def _loop(row: Row) -> list[str]:
    numbers = (f"{row['tensors']:+.0f}", f"{row['hooks']:+.0f}", f"{row['megabytes']:+.1f}")
    return [_on(row, "loop"), *numbers]


def _on(row: Row, what: str) -> str:
    """What a row is about, with the device if it is not the CPU."""
    return str(row[what]) + ("" if row["device"] == "cpu" else f" ({row['device']})")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]
