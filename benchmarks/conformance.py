"""Run the conformance kit on camkit's methods and on its peers' Grad-CAM, and write the page.

    python benchmarks/conformance.py                  print what fails
    python benchmarks/conformance.py --output docs/results    conformance.md and conformance.json

Each peer is used as its README says, through a wrapper that hands it model, layer, images and
classes, and brings its map to the image's size and to [0, 1] where that is left to the user.
"""

from __future__ import annotations

import argparse
import json
import warnings
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from camkit_core import tokens_to_grid
from camkit_core.plugins import get_registry
from camkit_core.testing import Check, Outcome, method_checks, outcomes
from camkit_core.testing.networks import TokenNet


def pytorch_grad_cam(model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
    """Its `GradCAM`, as a context manager."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    chosen = None if target is None else [ClassifierOutputTarget(c) for c in _each(target, images)]
    with GradCAM(model, [model.layer], reshape_transform=_reading(model, images)) as cam:
        return torch.from_numpy(cam(images, chosen))


def torch_cam(model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
    """Its `GradCAM`, as a context manager, its map resized and divided by its greatest value."""
    from torchcam.methods import GradCAM

    with GradCAM(model, model.layer) as extractor:
        scores = model(images)
        chosen = scores.argmax(1).tolist() if target is None else _each(target, images)
        return _stretched(_resized(extractor(chosen, scores)[0], images))


def captum(model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
    """Its `LayerGradCam` with ReLU, its map resized and divided by its greatest value."""
    from captum.attr import LayerGradCam

    chosen = model(images).argmax(1) if target is None else torch.tensor(_each(target, images))
    found = LayerGradCam(model, model.layer).attribute(images, chosen, relu_attributions=True)
    return _stretched(_resized(found[:, 0], images))


PEERS = {
    "pytorch-grad-cam": ("grad-cam", pytorch_grad_cam),
    "torch-cam": ("torchcam", torch_cam),
    "captum": ("captum", captum),
}


def _each(target: Any, images: Tensor) -> list[int]:
    return list(target) if isinstance(target, list) else [target] * len(images)


def _reading(model: nn.Module, images: Tensor) -> Any:
    network = getattr(model, "network", model)
    if not isinstance(network, TokenNet):
        return None
    height, width = (side // network.patch for side in images.shape[2:])
    return tokens_to_grid(height, width, prefix=network.prefix.shape[1])


def _resized(maps: Tensor, images: Tensor) -> Tensor:
    return F.interpolate(maps[:, None], images.shape[2:], mode="bilinear")[:, 0]


def _stretched(maps: Tensor) -> Tensor:
    return maps / maps.amax((1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)


def subjects() -> dict[str, tuple[str, list[Check]]]:
    """Each name with its version and its checks."""
    rows = get_registry().contributions("method")
    own = [row for row in rows if row.distribution == "camkit"]
    found = {f"camkit {row.name}": (row.version, method_checks(row.name)) for row in own}
    for name, (distribution, peer) in PEERS.items():
        found[name] = version(distribution), method_checks(explain=peer)
    return found


def report(found: dict[str, tuple[str, list[Outcome]]]) -> str:
    """The page."""
    own = {name: outs for name, (_, outs) in found.items() if name.startswith("camkit ")}
    peers = {name: outs for name, (_, outs) in found.items() if name not in own}
    names = [one.name for one in next(iter(own.values()))]
    said = [f"torch {torch.__version__}", *(f"{name} {found[name][0]}" for name in peers)]
    columns = ["check", "camkit's methods", *(f"{name}'s Grad-CAM" for name in peers)]
    lines = [
        "# Conformance",
        "",
        f"What every explanation should promise, and who keeps it: `python "
        f"benchmarks/conformance.py --output docs/results`, {date.today().isoformat()}, "
        f"{', '.join(said)}. The checks are those of `camkit check`, for any library's method "
        f"behind a function from model, images and classes to heatmaps. Each runs on networks of a "
        f"few hundred weights.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for name in names:
        cells = [_own_cell(name, own), *(_mark(outs, name) for outs in peers.values())]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "What fails, and how:", ""]
    for peer, outs in peers.items():
        lines += [
            f"- {peer}, {one.name}: {_short(one.why)}" for one in outs if one.status == "failed"
        ]
    lines += [
        "",
        "Some of it is a matter of contract, not a mistake: captum leaves modes to its caller, and "
        "torch-cam's caller runs the forward pass, so that batch norms in training mode move and a "
        "frozen model has no gradient. A user meets the consequence all the same.",
        "",
        "What each check says:",
        "",
    ]
    texts = {one.name: one.text for one in next(iter(own.values()))}
    lines += [f"- **{name}**: {text}." for name, text in texts.items()]
    return "\n".join(lines) + "\n"


def _own_cell(name: str, own: dict[str, list[Outcome]]) -> str:
    marks = [_mark(outs, name) for outs in own.values()]
    return marks[0] if len(set(marks)) == 1 else f"{marks.count('passed')} of {len(marks)} passed"


def _mark(outs: list[Outcome], name: str) -> str:
    return next((one.status for one in outs if one.name == name), "")


def _short(why: str) -> str:
    return why if len(why) < 200 else why[:197] + "..."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="folder of conformance.json and .md")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    found = {}
    for name, (of, checks) in subjects().items():
        found[name] = of, outcomes(checks)
        failed = [one for one in found[name][1] if one.status == "failed"]
        print(f"{name} {of}: {len(checks)} checks, {len(failed)} failed", flush=True)
        for one in failed:
            print(f"  {one.name}: {_short(one.why)}")
    if args.output:
        page = args.output / "conformance.md"
        page.write_text(report(found))
        plain = {name: [vars(one) for one in outs] for name, (_, outs) in found.items()}
        page.with_suffix(".json").write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    main()
