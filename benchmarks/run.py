"""Time camkit beside other libraries, check its results, and write the tables.

    python benchmarks/run.py --quick                          three minutes, the slow rows left out
    python benchmarks/run.py --output docs/results/speed.md   everything, 75 minutes on two cores
    python benchmarks/run.py --output docs/results/speed.md --parts methods --networks vgg16

The third command measures some rows again, such as those that other work on the machine disturbed.
A row is timed in one process, its runs in turns, and saved at once. A CUDA device has rows of its
own. Every result of camkit is compared with a full, unoptimised run.
"""

from __future__ import annotations

import argparse
import json
import platform
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from contenders import contenders, forward
from networks import NETWORKS, images
from report import PARTS, line, markdown
from tables import (
    METHODS,
    Row,
    loop_rows,
    looped,
    memory_rows,
    method_rows,
    opt_in_rows,
    sharing_rows,
    tail_rows,
)
from timing import print_growth, print_peak

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
LAYERS = ("layer1", "layer2", "layer3", "layer4")


def cell(kind: str, network: str, method: str, contender: str, count: str, device: str) -> None:
    """Print the memory of one cell; called in a process of its own."""
    if kind == "loop":
        print_growth(*looped(method, device))
        return
    x = images(int(count), device=device)
    run = contenders(NETWORKS[network], method, x, contender)[contender]
    print_peak(forward(NETWORKS[network].build(device), x), run, device)


def machine() -> Row:
    """This machine."""
    return {
        "cpu": _processor(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [entry.partition(": ")[2] for entry in lines if entry.startswith("model name")]
    return names[0] if names else platform.machine()


def measured(args: argparse.Namespace) -> Iterator[tuple[str, Row]]:
    """The rows of each part of `args`, as they are measured."""
    slow = not args.quick
    for device in args.devices:
        parts: dict[str, Callable[[], Iterator[Row]]] = {
            "methods": lambda device=device: method_rows(
                args.networks, args.methods, device, args.repeats, args.channels, slow
            ),
            "sharing": lambda device=device: sharing_rows(
                device, args.repeats, LAYERS if slow else ()
            ),
            "opt_ins": lambda device=device: opt_in_rows(device),
            "tails": lambda device=device: tail_rows(device),
            "loops": lambda device=device: loop_rows(device),
            "memory": lambda device=device: memory_rows(args.networks, device, slow),
        }
        for part in args.parts:
            for row in parts[part]():
                yield part, row


def earlier(page: Path | None) -> Row:
    """The rows of a page, if they were made on this machine; else an empty report."""
    empty = {"machine": machine(), **{part: [] for part in PARTS}}
    file = page.with_suffix(".json") if page else None
    if file and file.exists():
        report: Row = json.loads(file.read_text())
        if report["machine"] == empty["machine"]:
            return {**empty, **report}
    return empty


def add(rows: list[Row], row: Row) -> None:
    """Put a row in the place of the row with the same key, or at the end."""
    keys = [_key(old) for old in rows]
    if _key(row) in keys:
        rows[keys.index(_key(row))] = row
    else:
        rows.append(row)


def _key(row: Row) -> tuple[Any, ...]:
    names = ("network", "method", "images", "what", "way", "loop", "tails", "device")
    return tuple(row.get(name) for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="no slow peers, no Score-CAM")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="tables (default: all)")
    parser.add_argument("--devices", nargs="+", default=DEVICES, choices=DEVICES)
    parser.add_argument("--repeats", type=int, help="rounds (default: 41, with --quick 5)")
    parser.add_argument(
        "--channels", type=int, default=32, help="of slow methods that are checked (32)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="a page, .md; its rows are in .json beside it; rows not measured again are kept",
    )
    parser.add_argument("--cell", nargs=6, help=argparse.SUPPRESS)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.cell:
        cell(*args.cell)
        return
    args.parts = args.parts or (PARTS[:2] if args.quick else PARTS)
    args.repeats = args.repeats or (5 if args.quick else 41)
    if args.quick:
        args.channels = 8
    report = earlier(args.output)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
    for part, row in measured(args):
        print(line(row), flush=True)
        add(report[part], row)
        if args.output:
            args.output.with_suffix(".json").write_text(json.dumps(report, indent=1))
            args.output.write_text(markdown(report, args.output))


if __name__ == "__main__":
    main()
