"""Which layer camkit takes, by itself, for the smallest model of each of timm's modules.

    python benchmarks/coverage.py --output docs              everything: docs/coverage.md, .json
    python benchmarks/coverage.py --models swin_tiny_patch4_window7_224

Random weights, enlivened. A map is sound if it is finite and not constant, if the gradient reaches
90 % of the grid, and if it is the right way round: brightening one patch of the image moves the
activations most at, or near, that place of the grid.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

import camkit_core as camkit

Row = dict[str, Any]


def smallest_models() -> dict[str, str]:
    """The smallest model of each module, by its number of parameters."""
    found = {}
    for module in timm.list_modules():
        sizes = {}
        for name in timm.list_models(module=module):
            with torch.device("meta"):
                try:
                    model = timm.create_model(name)
                except Exception as error:  # noqa: BLE001 - it is left out, and said to be
                    print(f"{name}: {type(error).__name__}: {error}")
                    continue
            sizes[name] = sum(parameter.numel() for parameter in model.parameters())
        if sizes:
            found[module] = min(sizes, key=lambda name: sizes[name])
    return found


def check(name: str) -> Row:
    """What camkit makes of a model, given nothing but it and an image."""
    torch.manual_seed(0)
    model = timm.create_model(name)
    channels, height, width = model.default_cfg["input_size"]
    coarse = torch.randn(4, channels, 8, 8)
    several = nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    enliven(model, several)
    images = several[:1]
    start = time.perf_counter()
    e = camkit.explain(model, images)
    seconds = time.perf_counter() - start
    cam, layer = e.cam[0], e.layer
    gradients = _seen(model, images, "gradients")
    row = {
        "model": name,
        "layer": layer,
        "grid": f"{cam.shape[0]}x{cam.shape[1]}",
        "chosen by": e.adapter,
        "reach": float((gradients != 0).any(0).float().mean()),
        "finite": bool(cam.isfinite().all()),
        "varies": bool(cam.amax() > cam.amin()),
        "right way round": _oriented(model, images),
        "seconds": seconds,
    }
    row["sound"] = bool(
        row["reach"] >= 0.9 and row["finite"] and row["varies"] and row["right way round"] >= 0.75
    )
    return row


@torch.no_grad()
def enliven(model: nn.Module, images: Tensor) -> None:
    """Make an untrained model react to its images as a trained one does.

    Layers that start with zeros are drawn anew, and batch norms see some images.
    """
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and not bool(weight.any()):
            nn.init.normal_(weight, std=0.02) if weight.ndim > 1 else weight.fill_(1)
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    model.train()
    model(images)
    model.eval()


def tried(name: str) -> tuple[Row | None, str]:
    """The row of a model, or why there is none."""
    try:
        return check(name), ""
    except Exception as error:  # noqa: BLE001 - the next model is none the worse
        return None, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _seen(model: nn.Module, images: Tensor, what: str) -> Tensor:
    """The activations or gradients (C, h, w) that a method sees."""
    kept: list[Tensor] = []

    def look(probe: camkit.Probe) -> Tensor:
        kept.append(getattr(probe, what))
        return probe.activations.sum(1)

    camkit.explain(model, images, look)
    return kept[0][0]


def _oriented(model: nn.Module, images: Tensor) -> float:
    """The share of brightened patches that move the activations most at, or near, their place."""
    plain = _seen(model, images, "activations")
    height, width = plain.shape[1:]
    places = {(r * (height - 1) // 3, c * (width - 1) // 3) for r in (0, 1, 3) for c in (0, 2, 3)}
    hits = 0
    for row, column in places:
        brighter = images.clone()
        top, left = row * images.shape[2] // height, column * images.shape[3] // width
        bottom = max(top + 1, (row + 1) * images.shape[2] // height)
        right = max(left + 1, (column + 1) * images.shape[3] // width)
        brighter[:, :, top:bottom, left:right] += 1
        moved = _seen(model, brighter, "activations") - plain
        # What moves everywhere alike, as global attention makes it, is not of this place.
        place = int((moved - moved.mean((1, 2), keepdim=True)).abs().sum(0).argmax())
        near = max(1, max(height, width) // 6)
        hits += max(abs(place // width - row), abs(place % width - column)) <= near
    return hits / len(places)


def markdown(rows: list[Row], failed: dict[str, str]) -> str:
    """The rows as a page."""
    sound = sum(row["sound"] for row in rows)
    lines = [
        "# Coverage",
        "",
        f"Made by `python benchmarks/coverage.py` with timm {timm.__version__} and torch "
        f"{torch.__version__}: the smallest model of each module, random weights, no argument but "
        f"the model and the image. {sound} of {len(rows) + len(failed)} maps are sound.",
        "",
        "| model | layer | grid | chosen by | gradient reaches | right way round | sound |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        chosen = row["chosen by"].partition(",")[0]
        lines.append(
            f"| {row['model']} | {row['layer']} | {row['grid']} | {chosen} | {row['reach']:.0%} | "
            f"{row['right way round']:.0%} | {'yes' if row['sound'] else 'no'} |"
        )
    if failed:
        lines += ["", "| left out | reason |", "|---|---|"]
        lines += [f"| {name} | {reason} |" for name, reason in failed.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", help="only these")
    parser.add_argument("--output", type=Path, help="folder for coverage.json and coverage.md")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows, failed = [], {}
    for name in args.models or smallest_models().values():
        row, reason = tried(name)
        print(name, row or reason, flush=True)
        if row:
            rows.append(row)
        else:
            failed[name] = reason
    if args.output:
        report = {"timm": timm.__version__, "torch": torch.__version__, "rows": rows}
        (args.output / "coverage.json").write_text(
            json.dumps({**report, "left_out": failed}, indent=1)
        )
        (args.output / "coverage.md").write_text(markdown(rows, failed))


if __name__ == "__main__":
    main()
