"""`camkit layers`: list the layers of a model that could be explained."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .common.answers import put, put_json
from .common.arguments import input_size, stated, targets

if TYPE_CHECKING:
    from ..target_layer.listing import LayerList, ListedLayer

EXAMPLES = """examples:
  camkit layers swin_t
  camkit layers timm:vit_base_patch16_224 --size 224x320
  camkit layers ultralytics:yolo11n.yaml --size 320
  camkit layers clip:ViT-B-32 --text "a red car"
  camkit layers my_package.models:build --json
"""


def add_layers_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "layers",
        help="list the layers of a model that could be explained",
        description="List the layers whose output may be a grid over the image, in the order in "
        "which they end: name, layout and grid, channels, how much of the grid the gradient of the "
        "target reaches, and the first test that a layer fails. A star marks the layer that is "
        "explained by default.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "model", type=stated, metavar="MODEL", help="as for `camkit explain --model`"
    )
    parser.add_argument(
        "--weights", type=stated, default="none", metavar="W", help="default: none (random)"
    )
    parser.add_argument(
        "--target",
        type=targets,
        metavar="T",
        help="as for `camkit explain` (default: the top class)",
    )
    parser.add_argument(
        "--text", type=stated, metavar="TEXT", help="for a model of texts and images"
    )
    parser.add_argument("--size", type=input_size, metavar="N or HxW", help="input size")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the layers; returns 0."""
    layers = _layers(args)
    if args.json:
        document = {"default": layers.choice, "layers": [_row(row) for row in layers]}
        put_json(document)
        return 0
    for line in str(layers).splitlines():
        put(line)
    return 0


def _row(row: ListedLayer) -> dict[str, Any]:
    names = ("name", "layout", "channels", "reach", "places", "reason")
    return {name: getattr(row, name) for name in names}


def _layers(args: argparse.Namespace) -> LayerList:
    """The layers that could be explained, on an image of noise."""
    import torch

    from ..target_layer.listing import layers
    from .common.model import load_noted
    from .common.questions import expanded, questions

    loaded = load_noted(args.model, args.weights, size=args.size)
    noise = torch.randint(0, 256, (512, 512, 3), generator=torch.Generator().manual_seed(0))
    images = loaded.preprocess(noise.to(torch.uint8).numpy())[None]
    if not args.target and not args.text and loaded.task != "text-image":
        return layers(loaded.model, images)
    asked = questions(loaded, args.target, [args.text] if args.text else [])
    return layers(loaded.model, images, expanded(asked, loaded.model, images)[0])
