"""What compiled explainers cost beside bare forward passes, eager and compiled, in one run.

python benchmarks/compiled.py                          # the table of networks, about 25 minutes
python benchmarks/compiled.py --networks resnet18 --images 1
python benchmarks/compiled.py --networks resnet18 --images 1 16 --dtype bfloat16
python benchmarks/compiled.py --throughput resnet18    # images a second, batch 1 to 256, 8 minutes
python benchmarks/compiled.py --scorecam resnet50      # exact, folded, bfloat16 folded
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from rows import head, printed, row
from timing import Run, cpu_seconds
from torch import Tensor, nn

import camkit_core as camkit

SEVERAL = ("resnet18", "resnet50", "mnasnet1_0")  # at 1 and 16 images
SINGLE = ("vgg16", "deit_tiny_patch16_224", "vit_base_patch16_224")  # at 1 image
BATCHES = (1, 4, 16, 64, 256)
Runs = dict[str, Run]


def network(name: str) -> nn.Module:
    """A network with random weights, in evaluation mode."""
    torch.manual_seed(0)
    make = getattr(torchvision.models, name, None)
    return (make() if make else timm.create_model(name)).eval()


def forward_compiled(model: nn.Module, images: Tensor, dtype: Any) -> Callable[[], Any]:
    """The bare forward pass, compiled and folded."""

    def forward(images: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
            return model(images)

    compiled = torch.compile(forward, fullgraph=True, dynamic=False)

    @torch.no_grad()
    def run() -> Any:
        with torch._inductor.config.patch(freezing=True):
            return compiled(images)

    return run


def medians(runs: Runs, rounds: int) -> dict[str, float]:
    """Median CPU seconds of calls in turns."""
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(cpu_seconds(run))
    return {name: statistics.median(each) for name, each in times.items()}


def prepared(model: nn.Module, images: Tensor, dtype: Any, method: str = "gradcam") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return camkit.prepare(model, images, method, compile=True, dtype=dtype)


def runs_of(model: nn.Module, images: Tensor, dtype: Any) -> tuple[Runs, dict[str, Any], float]:
    """The runs of one row, what the explainer says of itself, and the cost of making it."""
    torch._dynamo.reset()  # it compiles a function, here `forward`, eight times at most
    begin = time.process_time()
    explainer = prepared(model, images, dtype)
    cost = time.process_time() - begin
    eager = camkit.prepare(model, images, "gradcam")
    runs: Runs = {
        "eager": torch.no_grad()(lambda: model(images)),
        "compiled": forward_compiled(model, images, dtype),
        "gradcam": lambda: explainer(images).heatmap,
        "eager gradcam": lambda: eager(images).heatmap,
    }
    return runs, explainer(images).provenance["compiled"], cost


def ratios(name: str, count: int, rounds: int, dtype: Any) -> str:
    """One row of the table of networks."""
    model, images = network(name), torch.randn(count, 3, 224, 224)
    runs, facts, cost = runs_of(model, images, dtype)
    cpu = medians(runs, rounds)
    bare, folded, own = cpu["eager"], cpu["compiled"], cpu["gradcam"]
    error = f"{facts['error']:.0e}" if "error" in facts else facts["eager"]
    cells = cpu["eager gradcam"] / bare, folded / bare, own / bare, own / folded
    shown = [f"{each:.2f}" for each in cells]
    return row(name, count, f"{1e3 * bare:.1f}", *shown, error, f"{cost:.0f}")


def networks(options: argparse.Namespace) -> Iterator[str]:
    """The table of networks, ratios to the eager forward pass of the same images."""
    kinds = ["eager forward, ms", "eager GradCAM", "compiled forward", "compiled GradCAM"]
    yield from head("network", "images", *kinds, "of the compiled", "error", "made in, CPU s")
    for name in options.networks or (*SEVERAL, *SINGLE):
        for count in options.images or ([1, 16] if name in SEVERAL else [1]):
            yield ratios(name, count, options.rounds, options.dtype)


def throughput(options: argparse.Namespace) -> Iterator[str]:
    """Images per CPU second at each batch size, and the CPU seconds in which code was made."""
    name = options.throughput
    yield from head(
        "batch", "eager forward", "compiled forward", "eager GradCAM", "compiled GradCAM", "made in"
    )
    for count in options.images or BATCHES:
        runs, _, cost = runs_of(network(name), torch.randn(count, 3, 224, 224), options.dtype)
        cpu = medians(runs, max(3, options.rounds // count))
        kinds = ("eager", "compiled", "eager gradcam", "gradcam")
        yield row(count, *(f"{count / cpu[kind]:.1f}" for kind in kinds), f"{cost:.0f}")


def scorecam(options: argparse.Namespace) -> Iterator[str]:
    """ScoreCAM of 96 channels of one image, by each way."""
    model, images = network(options.scorecam), torch.randn(1, 3, 224, 224)
    some: dict[str, Any] = {"max_channels": 96}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainers = {
            "exact": camkit.prepare(model, images, "scorecam", **some),
            "compiled": camkit.prepare(model, images, "scorecam", compile=True, **some),
            "compiled, bfloat16": camkit.prepare(
                model, images, "scorecam", compile=True, dtype=torch.bfloat16, **some
            ),
        }
    cpu = medians({name: (lambda e=e: e(images).heatmap) for name, e in explainers.items()}, 3)
    exact = explainers["exact"](images).heatmap
    yield from head("way", "channels per CPU second", "x exact", "heatmap differs by")
    for name, explainer in explainers.items():
        error = float((explainer(images).heatmap - exact).abs().max())
        speed = cpu["exact"] / cpu[name]
        yield row(name, f"{96 / cpu[name]:.1f}", f"{speed:.2f}", f"{error:.0e}")


def main() -> None:
    """Print a table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", metavar="NAME", help="of torchvision or timm")
    parser.add_argument("--images", nargs="*", type=int, metavar="N", help="batch sizes")
    parser.add_argument("--rounds", type=int, default=15, help="calls of each kind, in turns")
    parser.add_argument("--dtype", choices=("bfloat16",), help="of compiled code")
    parser.add_argument("--throughput", metavar="NAME", help="images per second of this network")
    parser.add_argument("--scorecam", metavar="NAME", help="ScoreCAM of this network")
    parser.add_argument("--output", type=Path, help="a file for the table, too")
    options = parser.parse_args()
    options.dtype = torch.bfloat16 if options.dtype else None
    torch.set_num_threads(1)
    kind = scorecam if options.scorecam else throughput if options.throughput else networks
    printed(kind(options), options.output)


if __name__ == "__main__":
    main()
