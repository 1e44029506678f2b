"""`camkit layers`: list the layers of a model that could be explained."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from .common.arguments import input_size

EXAMPLES = """examples:
  camkit layers swin_t
  camkit layers timm:vit_base_patch16_224 --size 224x320
  camkit layers my_package.models:build --json
"""


def add_layers_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "layers",
        help="list the layers of a model that could be explained",
        description="List the layers whose output is a grid over the image, in the order in which "
        "they run: name, layout and grid, channels, and how much of the grid the gradient of the "
        "top class reaches. A star marks the layer that is explained by default.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="as for `camkit explain --model`")
    parser.add_argument("--weights", default="none", metavar="W", help="default: none (random)")
    parser.add_argument("--size", type=input_size, metavar="N or HxW", help="input size")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the layers; returns 0."""
    rows, default = _candidates(args.model, args.weights, args.size)
    if args.json:
        import json

        sys.stdout.write(json.dumps({"default": default, "layers": rows}, indent=2) + "\n")
        return 0
    width = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        star = "*" if row["name"] == default else " "
        channels, reach = f"{row['channels']} channels", f"gradient {row['reach']:.0%}"
        layout = f"{row['layout']:18}"
        sys.stdout.write(f"{star} {row['name']:{width}}  {layout}  {channels:14}  {reach}\n")
    return 0


def _candidates(
    name: str, weights: str, size: Sequence[int] | None
) -> tuple[list[dict[str, Any]], str]:
    """A row for each layer that could be explained, and the name of the default."""
    import torch

    from ..forward.untouched import untouched
    from ..inputs.models import load_model
    from ..inputs.prepare import prepare
    from ..target_layer.candidates import find_candidates
    from ..target_layer.choose import choose

    loaded = load_model(name, weights, size=size)
    noise = torch.randint(0, 256, (512, 512, 3), generator=torch.Generator().manual_seed(0))
    images = loaded.preprocess(noise.to(torch.uint8).numpy())[None]
    inputs = prepare(loaded.model, images)
    with untouched(inputs.model):
        candidates = find_candidates(inputs)
        default = choose(inputs)[0].name
    rows = [
        {
            "name": layer.name,
            "layout": str(layer.layout),
            "channels": layer.channels,
            "reach": layer.gradient_coverage,
        }
        for layer in candidates
    ]
    return rows, default
