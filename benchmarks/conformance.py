"""Run the conformance kit on camkit's methods and on Grad-CAM of three other libraries.

    python benchmarks/conformance.py                          print what fails
    python benchmarks/conformance.py --output docs/results    write conformance.md and .json

Both take about six minutes on one core. Each peer is used as its README says. A wrapper passes
model, layer, images and classes to it, and brings its map to the image's size and to [0, 1] if the
peer leaves that to the user.
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
    """pytorch-grad-cam's `GradCAM`, as a context manager."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    classes = None if target is None else map(ClassifierOutputTarget, _each(target, images))
    with GradCAM(model, [model.layer], reshape_transform=_reshape(model, images)) as cam:
        return torch.from_numpy(cam(images, classes and list(classes)))


def torch_cam(model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
    """torch-cam's `GradCAM`, its map resized and divided by its greatest value."""
    from torchcam.methods import GradCAM

    with GradCAM(model, model.layer) as extractor:
        scores = model(images)
        classes = scores.argmax(1).tolist() if target is None else _each(target, images)
        return _stretched(_resized(extractor(classes, scores)[0], images))


def captum(model: nn.Module, images: Tensor, target: Any = None, /) -> Tensor:
    """captum's `LayerGradCam` with ReLU, its map resized and divided by its greatest value."""
    from captum.attr import LayerGradCam

    classes = model(images).argmax(1) if target is None else torch.tensor(_each(target, images))
    maps = LayerGradCam(model, model.layer).attribute(images, classes, relu_attributions=True)
    return _stretched(_resized(maps[:, 0], images))


PEERS = {
    "pytorch-grad-cam": ("grad-cam", pytorch_grad_cam),
    "torch-cam": ("torchcam", torch_cam),
    "captum": ("captum", captum),
}


def _each(target: Any, images: Tensor) -> list[int]:
    """The class of each image."""
    return list(target) if isinstance(target, list) else [target] * len(images)


def _reshape(model: nn.Module, images: Tensor) -> Any:
    """From a transformer's tokens to a grid; None for a convolutional network."""
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
    methods = get_registry().contributions("method")
    checks = {
        f"camkit {method.name}": (method.version, method_checks(method.name))
        for method in methods
        if method.distribution == "camkit"
    }
    for name, (distribution, peer) in PEERS.items():
        checks[name] = version(distribution), method_checks(explain=peer)
    return checks


def report(tested: dict[str, tuple[str, list[Outcome]]]) -> str:
    """The page, from each subject's version and outcomes."""
    own = {name: outs for name, (_, outs) in tested.items() if name.startswith("camkit ")}
    peers = {name: outs for name, (_, outs) in tested.items() if name not in own}
    checks = next(iter(own.values()))
    versions = [f"torch {torch.__version__}", *(f"{name} {tested[name][0]}" for name in peers)]
    columns = ["check", "camkit's methods", *(f"{name}'s Grad-CAM" for name in peers)]
    lines = [
        "# Conformance",
        "",
        f"What every explanation should promise, and which libraries keep the promises. Made by "
        f"`python benchmarks/conformance.py --output docs/results`, {date.today().isoformat()}, "
        f"{', '.join(versions)}. The checks are those of `camkit check`; any library's method can "
        f"be checked through a function from model, images and classes to heatmaps. Each check "
        f"runs on networks of a few hundred weights.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for check in checks:
        cells = [
            _own_cell(check.name, own),
            *(_status(outs, check.name) for outs in peers.values()),
        ]
        lines.append(f"| {check.name} | {' | '.join(cells)} |")
    lines += ["", "What fails, and how:", ""]
    for peer, outs in peers.items():
        failures = (out for out in outs if out.status == "failed")
        lines += [f"- {peer}, {out.name}: {_short(out.why)}" for out in failures]
    lines += [
        "",
        "Some failures follow from a library's contract and are not mistakes: captum leaves modes "
        "to its caller, and torch-cam's caller runs the forward pass, so that batch norms in "
        "training mode change and a frozen model has no gradient. A user meets the consequences "
        "all the same.",
        "",
        "What each check says:",
        "",
    ]
    lines += [f"- **{check.name}**: {check.text}." for check in checks]
    return "\n".join(lines) + "\n"


def _own_cell(name: str, own: dict[str, list[Outcome]]) -> str:
    statuses = [_status(outs, name) for outs in own.values()]
    if len(set(statuses)) == 1:
        return statuses[0]
    return f"{statuses.count('passed')} of {len(statuses)} passed"


def _status(outs: list[Outcome], name: str) -> str:
    return next((out.status for out in outs if out.name == name), "")


def _short(why: str) -> str:
    return why if len(why) < 200 else why[:197] + "..."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="folder of conformance.json and .md")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
    tested = {}
    for name, (number, checks) in subjects().items():
        tested[name] = number, outcomes(checks)
        failures = [out for out in tested[name][1] if out.status == "failed"]
        print(f"{name} {number}: {len(checks)} checks, {len(failures)} failed", flush=True)
        for out in failures:
            print(f"  {out.name}: {_short(out.why)}")
    if args.output:
        page = args.output / "conformance.md"
        page.write_text(report(tested))
        plain = {name: [vars(out) for out in outs] for name, (_, outs) in tested.items()}
        page.with_suffix(".json").write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    main()
