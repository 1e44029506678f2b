"""The coverage report's rows as lines and as a page."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
FILE = "coverage.json"
LIBRARIES = ("timm", "torchvision", "transformers", "torch")
TITLES = {
    "timm": "timm: the smallest model of each module",
    "torchvision": "torchvision: classification",
    "video": "torchvision: video",
    "segmentation": "torchvision: segmentation",
    "detection": "torchvision: detection",
    "huggingface": "Hugging Face transformers: image classification",
    "meta": "timm: all models, on the meta device",
}
SHORT = {"gradcam": "G", "gradcam++": "G++", "xgradcam": "X", "ablationcam": "A", "scorecam": "S"}


def versions() -> Row:
    """When and with what a part was made."""
    from importlib.metadata import version

    found = {name: version(name) for name in LIBRARIES}
    return {"date": datetime.date.today().isoformat(), "versions": found}


def line(row: Row) -> str:
    """One row for the eye."""
    if "reason" in row:
        return f"{row['part']:12s} {row['model']:40s} LEFT OUT {row['reason']}"
    shown = f"{row['part']:12s} {row['model']:40s} {row['layer']} {row['output']} {row['grid']}"
    if row["part"] == "meta":
        return shown
    return (
        f"{shown}  reach {row['reach']:.0%}  last stage {row['last stage']}  "
        f"orientation {_orientation(row)} ({row['weights']})  {_methods(row)}  "
        f"{row['seconds']:.1f} s  {'sound' if row['sound'] else 'NOT SOUND'}"
    )


def markdown(report: Row) -> str:
    """The report as a page."""
    parts = [name for name in TITLES if name in report]
    lines = [
        "# Coverage",
        "",
        "Which layer camkit takes by itself, and whether its map is sound, for models with random "
        "weights: no argument but the model and the image. Made by `python benchmarks/coverage.py "
        "--output docs/results`.",
        "",
        *_table(
            ["models", "asked", "sound", "left out", "made"],
            [_count(report, name) for name in parts],
        ),
        "",
        *EXPLAINED,
    ]
    for name in parts:
        rows = report[name]["rows"]
        lines += ["", f"## {TITLES[name]}", "", *_not_sound(rows), *_left_out(rows)]
        lines += _meta_tables(rows) if name == "meta" else _rows_table(rows)
    return "\n".join(lines) + "\n"


EXPLAINED = [
    "A map is **sound** if it has the layer's grid, is finite and not constant; if the gradient "
    "reaches at least 90 % of the grid's places; if the layer is in the network's last stage "
    "(three quarters of the layers with weights and a grid have run by then, and no later one has "
    "a coarser grid); and if it is the right way round: brightening one patch of the image moves "
    "the activations most at that place of the grid.",
    "",
    "**Right way round.** Ten patches at the edges and in the middle are brightened, one at a "
    "time, by half a standard deviation; the squared movement of the activations is summed over "
    "channels and over up to two images. *Found* counts the patches whose own place, or one next "
    "to it, moves most. *Told apart* counts the places that of all ten patches their own moves "
    "most, each patch relative to its mean movement: depth and global attention move everything, "
    "but not alike. Eight of ten in either make the map right; a mirrored, transposed, shuffled "
    "reading, or one shifted by a token, is right in neither (tested).",
    "",
    "**Weights.** Where a layer looks is a matter of architecture, but random weights can drown "
    "it. The first of three draws at which all is sound is taken: *as built* by the library; "
    "*calibrated*, with layers of zeros drawn anew and batch norms that saw four images; *local*, "
    "also with kernels drawn anew and narrowed to their middle, and learned attention biases that "
    "favour a place's own.",
    "",
    "**Methods.** G GradCAM, G++ GradCAM++, X XGradCAM, A AblationCAM, S ScoreCAM (8 channels): "
    "those listed give a finite map that is not constant. *Seconds* are GradCAM's first call, "
    "search for the layer included, on one CPU thread.",
    "",
    "**Segmentation and detection.** What is explained is the backbone's end, with heads after "
    "it, so that AblationCAM takes too long here and is left out. A detector's target is one box, "
    "and its gradient need not reach 90 %.",
]


def _count(report: Row, name: str) -> list[str]:
    rows = report[name]["rows"]
    good = [row for row in rows if row.get("sound", name == "meta" and "grid" in row)]
    what = " with layer and grid" if name == "meta" else ""
    made = report[name]["versions"]
    library = name if name in made else {"meta": "timm", "huggingface": "transformers"}.get(name)
    library = library or "torchvision"
    return [
        TITLES[name],
        str(len(rows)),
        f"{len(good)}{what} ({len(good) / len(rows):.1%})",
        str(sum("reason" in row for row in rows)),
        f"{report[name]['date']}, {library} {made[library]}, torch {made['torch']}",
    ]


def _not_sound(rows: list[Row]) -> list[str]:
    bad = [row for row in rows if row.get("sound") is False]
    if not bad:
        return []
    return ["Not sound:", "", *_table(["model", "why"], [[r["model"], _why(r)] for r in bad]), ""]


def _why(row: Row) -> str:
    found = []
    if row["reach"] < 0.9:
        found.append(f"the gradient reaches {row['reach']:.0%}")
    if not row["last stage"]:
        found.append("not in the last stage")
    if not row["finite"] or not row["varies"]:
        found.append("the map is constant or not finite")
    if row["orientation"]:
        found.append(f"orientation {_orientation(row)}")
    return "; ".join(found)


def _left_out(rows: list[Row]) -> list[str]:
    out = [[row["model"], row["reason"]] for row in rows if "reason" in row]
    return ["Left out:", "", *_table(["model", "reason"], out), ""] if out else []


def _rows_table(rows: list[Row]) -> list[str]:
    columns = ["model", "layer", "layout", "grid", "chosen by", "reach"]
    columns += ["found / told apart", "weights", "methods", "seconds", "sound"]
    return _table(columns, [_cells(row) for row in rows if "layer" in row])


def _cells(row: Row) -> list[str]:
    note = f" ({row['note']})" if row["note"] else ""
    return [
        row["model"] + note,
        row["layer"],
        row["layout"],
        row["grid"],
        row["chosen by"].partition(",")[0].partition(":")[0],
        f"{row['reach']:.0%}",
        _orientation(row),
        row["weights"],
        _methods(row),
        f"{row['seconds']:.1f}",
        "yes" if row["sound"] else "no",
    ]


def _meta_tables(rows: list[Row]) -> list[str]:
    """One row a model: there are many, so no more than layer, output and grid."""
    found = [row for row in rows if "layer" in row]
    cells = [[row["model"], row["layer"], row["output"], row["grid"], _by(row)] for row in found]
    return _table(["model", "layer", "output", "grid", "by"], cells)


def _by(row: Row) -> str:
    return "shapes" if row["chosen by"].startswith("automatic") else "adapter"


def _orientation(row: Row) -> str:
    found = row["orientation"]
    return f"{found['literal']:.0%} / {found['assigned']:.0%}" if found else "-"


def _methods(row: Row) -> str:
    return " ".join(
        short for name, short in SHORT.items() if row["methods"].get(name, {}).get("sound")
    )


def _table(columns: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return lines + [f"| {' | '.join(c.replace('|', '/') for c in cells)} |" for cells in rows]
