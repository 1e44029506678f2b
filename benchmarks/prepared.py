"""What explain and prepared explainers take beyond the ideal in a loop over one image, on a CPU.

    python benchmarks/prepared.py
    python benchmarks/prepared.py --networks resnet18 --methods gradcam --rounds 5 --size 32

The ideal is one forward pass and the backward pass down to the layer, of images in the memory
format that camkit takes. CPU time of one thread; each call follows an ideal one, whose pass leaves
the caches as an image of a stream finds them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from contenders import TARGET, ideal
from networks import NETWORKS, images
from rows import head, printed, row
from timing import Run, cpu_seconds
from torch import Tensor, nn

import camkit_core as camkit

METHODS = ("gradcam", "gradcam++", "xgradcam")
WARM = 4  # calls; a loop is as quick as it gets from the third on


def in_camkits_format(model: nn.Module, x: Tensor) -> Tensor:
    """The images in the memory format in which camkit runs the model on them.

    The first call of a model tries formats out, also on a part of the image; the second does not.
    """
    given: list[Tensor] = []
    handle = model.register_forward_pre_hook(lambda _, args: given.append(args[0].clone()))
    for _ in range(2):
        camkit.explain(model, x, target=TARGET)
    handle.remove()
    if given[-1].shape != x.shape:
        raise SystemExit(f"{type(model).__name__} was run on images of shape {given[-1].shape}")
    return given[-1]


def python_calls(run: Run) -> int:
    """How many Python functions a run calls, the model's own among them."""
    events: list[str] = []
    sys.setprofile(lambda frame, event, argument: events.append(event))
    try:
        run()
    finally:
        sys.setprofile(None)
    return events.count("call")


def table(given: argparse.Namespace) -> Iterator[str]:
    """A row for each network and method."""
    kind = "ms beyond", "ratio", "Python calls beyond"
    more = (f"explain: {kind[0]}", *kind[1:], f"prepared: {kind[0]}", *kind[1:])
    yield from head("network, method", "ideal, ms", *more)
    for name in given.networks:
        network = NETWORKS[name]
        model, x = network.build(), images(size=given.size)
        best = ideal(model, network, in_camkits_format(model, x))
        for method in given.methods:
            yield measured(network.name, method, model, x, best, given.rounds)


def measured(name: str, method: str, model: nn.Module, x: Tensor, best: Run, rounds: int) -> str:
    """The row of a network and a method."""
    explainer = camkit.prepare(model, x, method, TARGET)
    runs: dict[str, Run] = {
        "explain": lambda: camkit.explain(model, x, method, TARGET).heatmap,
        "prepared": lambda: explainer(x).heatmap,
    }
    if not all(torch.equal(runs["explain"](), runs["prepared"]()) for _ in range(WARM)):
        raise SystemExit(f"{name}, {method}: the prepared explainer gives other bits than explain")
    ideals: list[float] = []
    beyond: dict[str, list[float]] = {label: [] for label in runs}
    for _ in range(rounds):
        for label, run in runs.items():
            ideals.append(cpu_seconds(best))
            beyond[label].append(cpu_seconds(run) - ideals[-1])
    least = statistics.median(ideals)
    cells: list[object] = []
    for label, run in runs.items():
        more, calls = statistics.median(beyond[label]), python_calls(run) - python_calls(best)
        cells += [f"{1000 * more:.2f}", f"{1 + more / least:.3f}", calls]
    return row(f"{name}, {method}", f"{1000 * least:.1f}", *cells)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--size", type=int, default=224, help="of the image; transformers take 224")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    printed(table(given), given.output)


if __name__ == "__main__":
    main()
