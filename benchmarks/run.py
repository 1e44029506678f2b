"""Time camkit beside its peers, check its results, and write the tables.

    python benchmarks/run.py --quick                   three minutes
    python benchmarks/run.py --output docs             everything: docs/speed.json, docs/speed.md

Timings of one row are interleaved in one process; peak memory is measured in a process of its own
for each cell. Every camkit result is checked against a full, unoptimised run.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from contenders import TARGET, Run, contenders, forward
from networks import NETWORKS, Network, images
from reference import ablated_scores, captured, gradient_weights

import camkit_core as camkit

GRADIENT_METHODS = ("gradcam", "gradcam++", "xgradcam")
Row = dict[str, Any]


def timed(runs: dict[str, Run], repeats: int) -> dict[str, float]:
    """Median seconds of each run, taken in turns so that all see the same machine."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for name, run in runs.items():
        start = time.perf_counter()
        run()
        first = time.perf_counter() - start
        if first > 10:  # a run that long is its own average
            taken[name] = [first]
    for _ in range(repeats):
        for name, run in runs.items():
            if taken[name][:1] and taken[name][0] > 10:
                continue
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def difference(network: Network, method: str, channels: int) -> float:
    """The largest difference to a full, unoptimised run, relative to the largest value."""
    model, x = network.build(), images()
    activations, gradients, score = captured(model, network, x)
    e = camkit.explain(model, x, method, TARGET, layer=network.layer(model))
    if method in GRADIENT_METHODS:
        weights = gradient_weights(method, activations, gradients)
        expected = torch.einsum("c,chw->hw", weights, activations.double())
        return float((e.cam[0] - expected).abs().max() / expected.abs().max())
    probe = _probe(model, network, x)
    chosen = torch.linspace(0, activations.shape[0] - 1, channels).long()
    slow = ablated_scores(model, network.layer(model), x, chosen)
    fast = probe.ablated_scores()[0, chosen]
    return float((fast - slow).abs().max() / (slow - score).abs().max().clamp(min=1e-12))


def _probe(model: torch.nn.Module, network: Network, x: torch.Tensor) -> camkit.Probe:
    from camkit_core.probe import probes
    from camkit_core.targets import resolve

    with torch.no_grad():
        adapter = camkit.Adapter(network.layer(model), network.reshape)
        recording = camkit.record(model, x, adapter)
    return probes(recording, [resolve(TARGET, recording.output, len(x))])[0]


def peak_megabytes(network: str, method: str, contender: str) -> float:
    """What a contender's run adds to the peak memory of a process, in MB."""
    command = [sys.executable, __file__, "--cell", network, method, contender]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def cell(network: str, method: str, contender: str) -> None:
    """Print the extra peak memory of one cell; run in a process of its own."""
    run = contenders(NETWORKS[network], method, images())[contender]
    forward(NETWORKS[network].build(), images())()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def methods_table(args: argparse.Namespace) -> list[Row]:
    """A row for each network and method."""
    rows = []
    for network in [NETWORKS[name] for name in args.networks]:
        for method in args.methods:
            runs = contenders(network, method, images())
            if method in ("ablationcam", "scorecam") and not args.slow_peers:
                runs = {name: runs[name] for name in ("forward", "ideal", "camkit")}
            if method == "scorecam" and not args.slow_peers:
                continue
            seconds = timed(runs, args.repeats)
            row: Row = {"network": network.name, "method": method, "seconds": seconds}
            if method != "scorecam":
                row["difference"] = difference(network, method, args.channels)
            if args.memory:
                row["megabytes"] = {
                    name: peak_megabytes(network.name, method, name)
                    for name in runs
                    if name not in ("forward", "ideal")
                }
            rows.append(row)
            print(line(row), flush=True)
    return rows


def sharing_table(args: argparse.Namespace) -> list[Row]:
    """How cost grows with targets, methods, images and size, on ResNet-50."""
    network = NETWORKS["resnet50"]
    model, x = network.build(), images()
    runs: dict[str, Run] = {
        "1 target": lambda: camkit.explain(model, x, "gradcam", 3).heatmap,
        "20 targets": lambda: camkit.compare(model, x, ["gradcam"], list(range(20))),
        "50 targets": lambda: camkit.compare(model, x, ["gradcam"], list(range(50))),
        "3 gradient methods": lambda: camkit.compare(model, x, GRADIENT_METHODS, [3]),
    }
    rows = [{"what": "sharing", "seconds": timed(runs, args.repeats)}]
    for count in (1, 2, 4, 8, 16, 32):
        batch = images(count)
        pair = {
            "forward": forward(model, batch),
            "camkit": lambda batch=batch: camkit.explain(model, batch, "gradcam", 3).heatmap,
        }
        rows.append({"what": f"batch {count}", "seconds": timed(pair, max(2, args.repeats // 3))})
    for size in (128, 224, 320, 448):
        batch = images(1, size)
        pair = {
            "forward": forward(model, batch),
            "camkit": lambda batch=batch: camkit.explain(model, batch, "gradcam", 3).heatmap,
        }
        rows.append({"what": f"{size} pixels", "seconds": timed(pair, args.repeats)})
    for row in rows:
        print(row["what"], {name: f"{s * 1e3:.1f} ms" for name, s in row["seconds"].items()})
    return rows


def line(row: Row) -> str:
    """One row for the eye."""
    seconds = row["seconds"]
    ours = seconds["camkit"]
    shown = "  ".join(f"{name} {value * 1e3:.1f}" for name, value in seconds.items())
    peer = f"  pgc/camkit {seconds['pytorch-grad-cam'] / ours:.2f}" if len(seconds) > 3 else ""
    return (
        f"{row['network']:12s} {row['method']:12s} {shown} ms  "
        f"camkit/ideal {ours / seconds['ideal']:.2f}{peer}  "
        f"difference {row.get('difference', float('nan')):.1e}"
    )


def machine() -> Row:
    """Where this was run."""
    return {
        "cpu": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def markdown(report: Row) -> str:
    """The report as a page."""
    where = ", ".join(f"{name} {value}" for name, value in report["machine"].items() if value)
    names = ["forward", "ideal", "camkit", "pytorch-grad-cam", "torch-cam", "captum"]
    lines = [
        "# Speed",
        "",
        f"Made by `python benchmarks/run.py`; medians in milliseconds, one image of 224 pixels, "
        f"float32 ({where}). *Ideal* is one forward pass and the backward pass of what follows "
        f"the layer. *Difference* is to a full, unoptimised run, relative to the largest value.",
        "",
        "| network | method | "
        + " | ".join(names)
        + " | camkit / ideal | difference | MB camkit, pytorch-grad-cam |",
        "|---" * (len(names) + 5) + "|",
    ]
    for row in report["methods"]:
        seconds, memory = row["seconds"], row.get("megabytes", {})
        cells = [f"{seconds[n] * 1e3:,.1f}" if n in seconds else "-" for n in names]
        used = ", ".join(f"{memory[n]:.0f}" for n in ("camkit", "pytorch-grad-cam") if n in memory)
        lines.append(
            f"| {row['network']} | {row['method']} | {' | '.join(cells)} | "
            f"{seconds['camkit'] / seconds['ideal']:.2f} | "
            f"{row.get('difference', 0):.0e} | {used} |"
        )
    lines += [
        "",
        "## Sharing and scaling (ResNet-50, gradcam)",
        "",
        "| what | milliseconds |",
        "|---|---|",
    ]
    for row in report["sharing"]:
        shown = ", ".join(f"{n} {s * 1e3:.1f}" for n, s in row["seconds"].items())
        lines.append(f"| {row['what']} | {shown} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="three minutes: no slow peers")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--methods", nargs="+", default=[*GRADIENT_METHODS, "ablationcam"])
    parser.add_argument(
        "--slow-peers", action="store_true", help="time peers where they take minutes"
    )
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--channels", type=int, default=64, help="ablated the long way, as a check")
    parser.add_argument("--memory", action="store_true", help="measure peak memory, too")
    parser.add_argument("--output", type=Path, help="folder for speed.json and speed.md")
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.cell:
        cell(*args.cell)
        return
    if args.quick:
        args.repeats, args.channels = 5, 16
    report = {"machine": machine(), "methods": methods_table(args), "sharing": sharing_table(args)}
    if args.output:
        (args.output / "speed.json").write_text(json.dumps(report, indent=1))
        (args.output / "speed.md").write_text(markdown(report))


if __name__ == "__main__":
    main()
