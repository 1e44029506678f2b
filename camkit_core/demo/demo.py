"""`camkit demo`: a scene with two objects, each explained by the five methods, in one picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..explanation import Comparison

METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam")


def add_demo_command(commands: Any) -> None:
    """Add `camkit demo` to an argparse subparsers object."""
    parser = commands.add_parser(
        "demo",
        help="explain a generated scene with a small network that camkit ships",
        description="Explain both objects of a generated scene by all five methods. Needs no "
        "download: the network is small, trained for this, and part of camkit.",
        epilog="example:\n  camkit demo --output demo.png",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--output", type=Path, default=Path("camkit_demo.png"), help="the picture to write"
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the picture and print its path."""
    from ..errors import CamkitError
    from ..saving import write_picture

    comparison, picture = explain_scene()
    try:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        write_picture(comparison.render(image=picture), args.output, _account(comparison))
    except (OSError, ValueError) as error:
        raise CamkitError(
            f"cannot write {args.output}: {error}; choose another --output"
        ) from error
    print(args.output.resolve())  # noqa: T201 - the command's answer
    return 0


def _account(comparison: Comparison) -> dict[str, Any]:
    first = comparison[0, 0]
    rows = [comparison[row, 0] for row in range(len(comparison.rows))]
    return {
        **first.provenance,
        "method": list(comparison.methods),
        "explained": [one.describe() for one in rows],
    }


def explain_scene(seed: int | None = None) -> tuple[Comparison, Any]:
    """Both objects of a scene by all five methods, and the scene's picture (H, W, 3) uint8."""
    from dataclasses import replace

    from .. import compare
    from ..explanation import Comparison
    from .network import CLASSES, demo_network, preprocess
    from .scene import DEMO_KINDS, DEMO_SEED, make_scene

    scene = make_scene(DEMO_SEED if seed is None else seed, DEMO_KINDS)
    targets = [CLASSES.index(name) for name in DEMO_KINDS]
    found = compare(demo_network(), preprocess(scene.image), METHODS, targets)
    rows = tuple(tuple(replace(one, class_names=CLASSES) for one in row) for row in found.rows)
    return Comparison(rows, found.methods), scene.image
