"""Time the compat forms beside the libraries whose forms they are, and write what comes of it.

    python benchmarks/peer_speed.py --output docs/results/peer-speed.md
    python benchmarks/peer_speed.py --quick
    python benchmarks/peer_speed.py --networks resnet18 --methods EigenCAM FEM

Each task is the same call of both: the same weights, layer, reshape, target and images. Runs take
turns in one process, on one thread. With `--quick` the methods that run the model for each channel
read 32 channels, in both; Ablation-CAM, which cannot, runs where the other library takes seconds.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from networks import NETWORKS, Network
from peer_tasks import LIBRARIES, SMALL, TASKS, Task
from timing import Run, in_turns
from torch import nn

ABOUT = """# Speed beside the libraries that people come from

Made by `python benchmarks/peer_speed.py{options}`. A number is the other library's time over that of
camkit's compat form for the same call: above 1, camkit is quicker. It is of the medians of CPU time
of runs in turns, on one thread, with one image of 224 pixels. **The least of {count} is
{least:.2f}**; of wall time it is {wall:.2f}. "-": not of this network, or that library raises.
"""
Ratios = dict[str, float]


def ratios(task: Task, network: Network, models: dict[str, nn.Module], few: bool) -> Ratios | None:
    """Their CPU and wall time over ours; None where that library has an error."""
    runs: dict[str, Run] = {}
    for side, library in zip(models, LIBRARIES[task.library], strict=True):
        try:
            runs[side] = task.run(library, models[side], network, few)
            runs[side]()  # what is found once is not timed
        except Exception as error:
            if side == "ours":
                raise
            print(f"{network.name} {task.name}: {type(error).__name__}: {error}", flush=True)
            return None
    theirs, ours = in_turns(runs).values()
    return {clock: theirs[clock] / ours[clock] for clock in theirs}


def rows(networks: list[Network], tasks: list[Task], quick: bool) -> Iterator[dict[str, Any]]:
    """A row for each network and task."""
    for network in networks:
        models = {side: network.build() for side in ("theirs", "ours")}
        for task in tasks:
            if not fits(task, network, quick):
                continue
            found = ratios(task, network, models, quick)
            if found:
                print(f"{network.name} {task.library} {task.name}", found, flush=True)
                yield {"network": network.name, "task": task, **found}


def fits(task: Task, network: Network, quick: bool) -> bool:
    """Whether a task is one of a network's."""
    slow = quick and task.method == "AblationCAM" and network.name not in SMALL
    return not slow and (not task.only or network.name in task.only)


def page(found: list[dict[str, Any]], networks: list[Network], options: str) -> str:
    """The least ratio, and a table for each library."""
    least = {clock: min(row[clock] for row in found) for clock in ("cpu", "wall")}
    parts = [ABOUT.format(options=options, count=len(found), least=least["cpu"], **least)]
    for library in LIBRARIES:
        names = [network.name for network in networks]
        parts += [
            f"## {library}\n",
            f"| method | {' | '.join(names)} |",
            "|---" * (len(names) + 1) + "|",
        ]
        tasks = {row["task"].name: row for row in found if row["task"].library == library}
        for name in tasks:
            cells = {
                r["network"]: f"{r['cpu']:.2f}"
                for r in found
                if (r["task"].library, r["task"].name) == (library, name)
            }
            parts.append(f"| {name} | {' | '.join(cells.get(each, '-') for each in names)} |")
        parts.append("")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--methods", nargs="+", help="names of classes (default: all)")
    parser.add_argument("--quick", action="store_true", help="ten minutes; see above")
    parser.add_argument("--output", type=Path, help="a page, .md")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    networks = [NETWORKS[name] for name in args.networks]
    tasks = [task for task in TASKS if not args.methods or task.method in args.methods]
    found = list(rows(networks, tasks, args.quick))
    text = page(found, networks, " --quick" if args.quick else "")
    print(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
