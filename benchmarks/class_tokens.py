"""What GradCAM and AblationCAM of class-token transformers cost, in bare forward passes.

python benchmarks/class_tokens.py
python benchmarks/class_tokens.py --models deit_tiny_patch16_224 --rounds 5 --output table.md
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from torch import nn

import camkit_core as camkit

MODELS = (
    "deit_tiny_patch16_224",
    "vit_base_patch16_224",
    "deit_tiny_distilled_patch16_224",
    "eva02_tiny_patch14_224",
)
METHODS = ("gradcam", "ablationcam")


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    pool = {"global_pool": "token"} if name.startswith("eva") else {}
    return timm.create_model(name, num_classes=1000, **pool).eval()


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def row(name: str, rounds: int) -> str:
    """First quartiles of CPU time, of calls in turns; the first calls, with their proofs, apart."""
    model, images = network(name), torch.randn(1, 3, 224, 224)

    @torch.no_grad()
    def forward() -> None:
        model(images)

    calls: dict[str, Callable[[], object]] = {"forward": forward}
    for method in METHODS:
        calls[method] = lambda method=method: camkit.explain(model, images, method, 1)
    first = {label: seconds(call) for label, call in calls.items()}
    times: dict[str, list[float]] = {label: [] for label in calls}
    for _ in range(rounds):
        for label, call in calls.items():
            times[label].append(seconds(call))
    quartile = {label: sorted(each)[len(each) // 4] for label, each in times.items()}
    bare = quartile["forward"]
    cells = [f"{quartile[label] / bare:.2f} | {first[label] / bare:.1f}" for label in METHODS]
    return f"| {name} | {1000 * bare:.0f} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore", camkit.CamkitWarning)
    torch.set_num_threads(1)
    lines = [
        "| model | forward pass, ms | GradCAM | its first call | AblationCAM | its first call |",
        "|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n")
    for name in given.models:
        lines.append(row(name, given.rounds))
        print(lines[-1], flush=True)
    if given.output:
        given.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
