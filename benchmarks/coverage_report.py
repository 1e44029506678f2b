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
    "detectors": "Hugging Face transformers and ultralytics: detection",
    "huggingface": "Hugging Face transformers: image classification",
    "masks": "segmentation_models_pytorch, Hugging Face transformers, MONAI: segmentation",
    "language": "Hugging Face transformers: language models that see",
    "text": "Images and texts: Hugging Face transformers and open_clip",
    "meta": "timm: all models, on the meta device",
}
SHORT = {"gradcam": "G", "gradcam++": "G++", "xgradcam": "X", "ablationcam": "A", "scorecam": "S"}


def versions() -> Row:
    """The date, and the libraries' versions, that a part is made with."""
    from importlib.metadata import version

    by_library = {name: version(name) for name in LIBRARIES}
    return {"date": datetime.date.today().isoformat(), "versions": by_library}


def line(row: Row) -> str:
    """One row, for the terminal."""
    if "reason" in row:
        return f"{row['part']:12s} {row['model']:40s} LEFT OUT {row['reason']}"
    place = f"{row['part']:12s} {row['model']:40s} {row['layer']} {row['output']} {row['grid']}"
    if row["part"] == "meta":
        return place
    return (
        f"{place}  reach {row['reach']:.0%}  last stage {row['last stage']}  "
        f"orientation {_orientation(row)} ({row['weights']})  {_methods(row)}  "
        f"{row['seconds']:.1f} s  {'sound' if row['sound'] else 'NOT SOUND'}"
    )


def markdown(report: Row) -> str:
    """The report as a page."""
    parts = [name for name in TITLES if name in report]
    lines = [
        "# Coverage",
        "",
        "Which layer camkit chooses, and whether its map is sound, for models with random weights; "
        "camkit gets no argument but the model and the image. Made by `python "
        "benchmarks/coverage.py --output docs/results`.",
        "",
        *_table(
            ["models", "tried", "sound", "left out", "made"],
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
    "A map is **sound** if all of this holds: it has the layer's grid, is finite and not constant. "
    "The gradient (*reach*) is not zero at 90 % or more of the grid's positions. The layer is in "
    "the network's last stage: three quarters of the layers with weights and a grid have run by "
    "then, and no later layer has a coarser grid. The map is the right way round: brightening one "
    "patch of the image changes the activations most at that patch's position.",
    "",
    "**Right way round.** Ten patches at the edges and in the middle are brightened, one at a "
    "time, by half a standard deviation. The squared change of the activations is summed over "
    "channels and over up to two images. *Found* is the share of patches that change their own "
    "position, or one next to it, most. *Told apart* is the share of positions that their own "
    "patch changes more than the nine others do, each patch's change being divided by its mean: "
    "depth and global attention change every position, but not alike. A map is the right way "
    "round if either share is at least 80 %. Tests show that a mirrored, transposed or shuffled "
    "reading, or one shifted by a token, reaches neither.",
    "",
    "**Weights.** The positions that a layer's output depends on are a matter of architecture, but "
    "random weights can hide them. The row is of the first of three draws for which all methods "
    "are sound: *as built* by the library; *calibrated*, with layers of zeros drawn anew and batch "
    "norms set by four images; *local*, also with kernels drawn anew and narrowed to their "
    "middle, and learned attention biases that favour a position's own patch. Torchvision's "
    "detectors, which train on boxes, are as built, or *narrowed*, their kernels as built but "
    "narrowed to their middle.",
    "",
    "**Methods.** G GradCAM, G++ GradCAM++, X XGradCAM, A AblationCAM, S ScoreCAM (8 channels, of "
    "a pyramid in all levels together): the methods listed give a finite map that is not "
    "constant. *Seconds* are GradCAM's first call, with the search for the layer, on one CPU "
    "thread.",
    "",
    "**Segmentation and detection.** The backbone's end is explained. Heads follow it, so "
    "AblationCAM takes too long here and is left out. A detector's target is one box, and its "
    "gradient need not reach 90 %.",
    "",
    "**Language models.** They are of small configs, and get what their processors make of a "
    "picture and a prompt. The token that is generated next is explained.",
]


def _count(report: Row, name: str) -> list[str]:
    rows = report[name]["rows"]
    sound = [row for row in rows if row.get("sound", name == "meta" and "grid" in row)]
    what = " with layer and grid" if name == "meta" else ""
    versions = report[name]["versions"]
    libraries = {"timm": "timm", "meta": "timm"}
    libraries |= dict.fromkeys(("huggingface", "language", "masks", "detectors"), "transformers")
    library = libraries.get(name, "torchvision")
    return [
        TITLES[name],
        str(len(rows)),
        f"{len(sound)}{what} ({len(sound) / len(rows):.1%})",
        str(sum("reason" in row for row in rows)),
        f"{report[name]['date']}, {library} {versions[library]}, torch {versions['torch']}",
    ]


def _not_sound(rows: list[Row]) -> list[str]:
    reasons = [[row["model"], _why(row)] for row in rows if row.get("sound") is False]
    return ["Not sound:", "", *_table(["model", "why"], reasons), ""] if reasons else []


def _why(row: Row) -> str:
    reasons = []
    if row["reach"] < 0.9:
        reasons.append(f"the gradient reaches {row['reach']:.0%}")
    if not row["last stage"]:
        reasons.append("not in the last stage")
    if not row["finite"] or not row["varies"]:
        reasons.append("the map is constant or not finite")
    if row["orientation"]:
        reasons.append(f"orientation {_orientation(row)}")
    return "; ".join(reasons)


def _left_out(rows: list[Row]) -> list[str]:
    reasons = [[row["model"], row["reason"]] for row in rows if "reason" in row]
    return ["Left out:", "", *_table(["model", "reason"], reasons), ""] if reasons else []


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
    """A short row for each model, since there are many."""
    cells = [
        [row["model"], row["layer"], row["output"], row["grid"], _by(row)]
        for row in rows
        if "layer" in row
    ]
    return _table(["model", "layer", "output", "grid", "by"], cells)


def _by(row: Row) -> str:
    return "shapes" if row["chosen by"].startswith("automatic") else "adapter"


def _orientation(row: Row) -> str:
    shares = row["orientation"]
    return f"{shares['literal']:.0%} / {shares['assigned']:.0%}" if shares else "-"


def _methods(row: Row) -> str:
    return " ".join(
        short for name, short in SHORT.items() if row["methods"].get(name, {}).get("sound")
    )


def _table(columns: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return lines + [f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in rows]
