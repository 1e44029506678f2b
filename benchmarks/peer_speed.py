"""Time the compat forms beside the libraries whose forms they are, and write what comes of it.

    python benchmarks/peer_speed.py --output docs/results/peer-speed.md
    python benchmarks/peer_speed.py --quick --output docs/results/peer-speed.md
    python benchmarks/peer_speed.py --networks resnet18 --methods EigenCAM FEM

Each task is the same call of both: the same weights, layer, reshape, target and images. Runs take
turns in one process, on one thread. With `--quick` the methods that run the model for each channel
read the first 32 channels, in both; Ablation-CAM, which cannot, is left out where it takes minutes.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import torch
from networks import NETWORKS, Network
from peer_tasks import LIBRARIES, SMALL, TASKS, Task
from threadpoolctl import threadpool_limits
from timing import in_turns
from torch import nn

ABOUT = """# Speed beside the libraries that people come from

Made by `python benchmarks/peer_speed.py{options}`. A number is the other library's time over that
of camkit's compat form for the same call: above 1, camkit is quicker. It is of the medians of CPU
time of runs in turns, on one thread, at 224 pixels; "-" is not tried.{few}

**The least of {count} is {least:.2f}, the median {median:.2f}**; of wall time {wall:.2f} and
{wall_median:.2f}. Where both do one forward pass and little else, none can be much quicker:
EigenCAM, KPCA_CAM and FEM, and all of torch-cam, where this pass is the user's own.
"""
FEW = """ Methods that run the
model for each channel read 32 channels, in both; Ablation-CAM reads all."""


@dataclass(frozen=True)
class Row:
    """What came of a task on a network.

    Attributes:
        network: its name.
        task: the task.
        cpu: their CPU time over ours.
        wall: their time over ours.
        error: why the other library does not do it; the ratios are 0 then.
    """

    network: str
    task: Task
    cpu: float = 0.0
    wall: float = 0.0
    error: str = ""


def row(task: Task, network: Network, models: dict[str, nn.Module], few: bool) -> Row:
    """Both timed; what is found once, by their first calls, is not."""
    their_library, our_form = LIBRARIES[task.library]
    try:
        theirs = task.run(their_library, models["theirs"], network, few)
        theirs()
    except Exception as error:  # noqa: BLE001 - whatever it is, the page says it
        return Row(network.name, task, error=f"{type(error).__name__}: {error}".splitlines()[0])
    ours = task.run(our_form, models["ours"], network, few)
    ours()
    seconds = in_turns({"theirs": theirs, "ours": ours})
    ratio = {clock: seconds["theirs"][clock] / seconds["ours"][clock] for clock in ("cpu", "wall")}
    return Row(network.name, task, **ratio)


def rows(name: str, tasks: list[Task], quick: bool) -> list[Row]:
    """A row for each task on a network."""
    torch.set_num_threads(1)
    threadpool_limits(1)  # numpy's
    warnings.simplefilter("ignore")
    network, found = NETWORKS[name], []
    models = {side: network.build() for side in ("theirs", "ours")}
    for task in tasks:
        slow = quick and task.method == "AblationCAM" and name not in SMALL
        if not slow and name in (task.only or NETWORKS):
            found.append(row(task, network, models, quick))
            print(name, task.library, task.name, found[-1].error or found[-1].cpu, flush=True)
            for model in models.values():
                leave(model)
    return found


def leave(model: nn.Module) -> None:
    """Take off the hooks that a task has left on the model, and free the graphs that they hold."""
    for module in model.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    gc.collect()


def page(found: list[Row], quick: bool, options: str = "") -> str:
    """The least ratio, a table for each library, and what the others cannot do."""
    timed = [each for each in found if not each.error]
    about = ABOUT.format(
        options=options,
        few=FEW if quick else "",
        count=len(timed),
        least=min(each.cpu for each in timed),
        median=_median([each.cpu for each in timed]),
        wall=min(each.wall for each in timed),
        wall_median=_median([each.wall for each in timed]),
    )
    failed = [each for each in found if each.error]
    errors = [f"- {each.task.name}, {each.network}: `{each.error[:120]}`" for each in failed]
    tables = [line for library in LIBRARIES for line in table(library, timed)]
    why = ["## What the other library raises", "", *errors, ""] if errors else []
    return "\n".join([about, *tables, *why])


def table(library: str, timed: list[Row]) -> list[str]:
    """The ratios of a library: a row for each task, a column for each network."""
    own = [each for each in timed if each.task.library == library]
    networks = list(dict.fromkeys(each.network for each in timed))
    ratios = {(each.task.name, each.network): f"{each.cpu:.2f}" for each in own}
    head = [
        f"## {library}",
        "",
        f"| method | {' | '.join(networks)} |",
        "|---" * len(networks) + "|---|",
    ]
    body = [
        f"| {name} | {' | '.join(ratios.get((name, each), '-') for each in networks)} |"
        for name in dict.fromkeys(each.task.name for each in own)
    ]
    return [*head, *body, ""] if own else []


def _median(values: list[float]) -> float:
    return float(torch.tensor(values).median())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--methods", nargs="+", help="names of classes (default: all)")
    parser.add_argument("--quick", action="store_true", help="half an hour; see above")
    parser.add_argument("--workers", type=int, default=1, help="networks at a time (default: 1)")
    parser.add_argument("--output", type=Path, help="a page, .md")
    args = parser.parse_args()
    tasks = [task for task in TASKS if not args.methods or task.method in args.methods]
    options = "".join(f" {word}" for word in sys.argv[1:])
    # A process for each network: the graphs that tasks leave behind go with it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.workers, context, max_tasks_per_child=1) as pool:
        found = pool.map(partial(rows, tasks=tasks, quick=args.quick), args.networks)
        text = page(list(chain.from_iterable(found)), args.quick, options)
    print(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
