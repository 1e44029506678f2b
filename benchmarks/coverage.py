"""Which layer camkit chooses, and whether the maps are sound, for models of all families.

    python benchmarks/coverage.py --output docs/results --workers 2    all parts, over an hour
    python benchmarks/coverage.py timm --models swin_tiny_patch4_window7_224

Models have random weights, and camkit gets no argument but the model and the image. The parts are
timm (the smallest model of each of its modules), torchvision, video, segmentation, detection,
detectors (of others), huggingface,
and meta (layer and grid of all of timm's models, on the meta device).
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import timm
from coverage_checks import checked, resolved
from coverage_detectors import detector_names
from coverage_language import language_names
from coverage_masks import mask_names
from coverage_models import (
    huggingface_names,
    parameters,
    timm_module,
    timm_modules,
    torchvision_names,
)
from coverage_report import FILE, line, markdown, versions
from coverage_texts import text_names
from coverage_workers import run

PARTS = (
    "timm",
    "torchvision",
    "video",
    "segmentation",
    "detection",
    "detectors",
    "huggingface",
    "masks",
    "language",
    "text",
    "meta",
)
Row = dict[str, Any]


def names(part: str, args: argparse.Namespace) -> list[str]:
    """The models of a part."""
    if args.models:
        return list(args.models)
    if part == "meta":
        return list(timm.list_models())
    if part == "timm":
        return _smallest(args.workers)
    if part == "detectors":
        return detector_names()
    if part == "huggingface":
        return huggingface_names()
    if part == "language":
        return language_names()
    if part == "masks":
        return mask_names()
    if part == "text":
        return text_names()
    return torchvision_names("" if part == "torchvision" else part)


def _smallest(workers: int) -> list[str]:
    """The model of each module of timm with the fewest parameters."""
    modules = timm_modules().values()
    tasks = [(name,) for members in modules for name in members]
    sizes = {name: size for (name,), size, _ in run(parameters, tasks, workers, 120) if size}
    built = [[name for name in members if name in sizes] for members in modules]
    return [min(members, key=lambda name: sizes[name]) for members in built if members]


def gathered(part: str, models: Iterable[str], args: argparse.Namespace) -> list[Row]:
    """The rows of a part, in the order of its models; each is printed as soon as it is ready."""
    function, source = (resolved, "timm") if part == "meta" else (checked, part)
    tasks = [(source, name) for name in models]
    rows = {}
    for (_, name), row, reason in run(function, tasks, args.workers, args.seconds, args.gigabytes):
        rows[name] = row or {"part": part, "model": name, "reason": reason}
        if source == "timm":
            rows[name]["family"] = timm_module(name)
        print(line(rows[name]), flush=True)
    return [rows[name] for _, name in tasks]


def merged(old: list[Row], new: list[Row]) -> list[Row]:
    """The rows of a part, with new rows in the places of the old ones of the same models."""
    by_model = {row["model"]: row for row in new}
    rows = [by_model.pop(row["model"], row) for row in old]
    return [*rows, *by_model.values()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: {', '.join(PARTS)}")
    parser.add_argument("--models", nargs="+", help="only these models; other rows are kept")
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--seconds", type=float, default=900, help="limit for a model (900)")
    parser.add_argument("--gigabytes", type=float, default=8, help="limit for a process (8)")
    parser.add_argument(
        "--output", type=Path, help="folder of coverage.json and .md; other parts there are kept"
    )
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    warnings.simplefilter("ignore")
    report: Row = {}
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        if (args.output / FILE).exists():
            report = json.loads((args.output / FILE).read_text())
    for part in args.parts or PARTS:
        rows = gathered(part, names(part, args), args)
        if args.models and part in report:
            rows = merged(report[part]["rows"], rows)
        report[part] = {**versions(), "rows": rows}
        if args.output:
            (args.output / FILE).write_text(json.dumps(report, indent=1))
            (args.output / "coverage.md").write_text(markdown(report))


if __name__ == "__main__":
    main()
