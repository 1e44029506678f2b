"""`camkit demo`: a scene with two glyphs, each explained by the five methods, in one picture."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..inputs.shipped_networks import FAMILIES
from ..plugins.method_groups import THE_FIVE, methods_of
from .common.answers import put
from .common.arguments import path

if TYPE_CHECKING:
    from ..comparison import Comparison

SEED, KINDS = 43, ("W", "U", "neutral")
EXAMPLES = """examples:
  camkit demo --output demo.png
  camkit demo --arch vit
"""


def add_demo_command(commands: Any) -> None:
    """Add `camkit demo` to an argparse subparsers object."""
    parser = commands.add_parser(
        "demo",
        help="explain a generated scene with a small network that camkit ships",
        description="Explain two glyphs of a generated scene by all five methods. Needs no "
        "download: the networks are small, trained for such scenes, and part of camkit.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--arch", choices=FAMILIES, default="vgg", help="the network (default: vgg)"
    )
    parser.add_argument(
        "--output", type=path, default=Path("camkit_demo.png"), help="the picture to write"
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the picture and print its path."""
    from ..results.files import refuse_unknown_type, write_picture
    from .common.files import writable_folder

    refuse_unknown_type(args.output)
    writable_folder(args.output.parent)
    comparison, picture = explain_scene(args.arch)
    write_picture(comparison.render(image=picture), args.output, _account(comparison))
    put(args.output.resolve())
    return 0


def _account(comparison: Comparison) -> dict[str, Any]:
    first = comparison[0, 0]
    firsts = [row[0] for row in comparison.rows]
    return {
        **first.provenance,
        "method": list(comparison.methods),
        "explained": [explanation.describe() for explanation in firsts],
    }


def explain_scene(
    family: str = "vgg", methods: Sequence[str] | None = None
) -> tuple[Comparison, Any]:
    """Two glyphs of a scene, each by some methods, and the scene, four times as large.

    Args:
        family: of the small networks that camkit ships.
        methods: names of methods; None for the five.
    """
    from dataclasses import replace

    from .. import compare
    from ..comparison import Comparison
    from ..testing.ground_truth.networks import preprocess, trained
    from ..testing.ground_truth.scenes import CLASSES, make_scene

    picture = make_scene(SEED, KINDS).picture()
    large = picture.repeat(4, 0).repeat(4, 1)  # its pixels stay square when it is drawn
    targets = [CLASSES.index(kind) for kind in KINDS if kind in CLASSES]
    methods = methods_of(THE_FIVE) if methods is None else methods
    comparison = compare(trained(family), preprocess(picture), methods, targets)
    rows = tuple(
        tuple(replace(explanation, class_names=CLASSES) for explanation in row)
        for row in comparison.rows
    )
    return Comparison(rows, comparison.methods), large
