"""`camkit dataset-export`: maps of a data set in the formats of other tools."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ArgumentError, shown
from .common.answers import put, put_json
from .common.arguments import path

FORMATS = ("npz", "coco", "fiftyone")
EXAMPLES = """examples:
  camkit dataset-export maps/ --output maps.npz
  camkit dataset-export maps/ --format coco --threshold 0.6 --output boxes.json
  camkit dataset-export maps/ --format coco --masks --output masks.json
  camkit dataset-export maps/ --format fiftyone --output fiftyone/
"""


def add_dataset_export_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "dataset-export",
        help="maps of a data set as .npz, as boxes or masks of COCO, for FiftyOne",
        description="Write the maps of `camkit explain-dataset` in another tool's format: NumPy "
        "arrays (npz), boxes or masks of thresholded maps in the pixels of the originals (coco), "
        "or heatmaps over the pictures (fiftyone, which must be installed).",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("maps", type=path, metavar="MAPS", help="the folder of maps")
    parser.add_argument(
        "--format", choices=FORMATS, help="default: as the output ends, .npz or .json (coco)"
    )
    parser.add_argument(
        "--output",
        type=path,
        required=True,
        metavar="PATH",
        help="a file ending in .npz or .json, or a folder for FiftyOne",
    )
    parser.add_argument(
        "--threshold",
        type=_share,
        default=0.5,
        metavar="T",
        help="of COCO: what share of a map's maximum counts (default: 0.5)",
    )
    parser.add_argument(
        "--masks", action="store_true", help="of COCO: masks as run lengths, beside the boxes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file; returns 0."""
    from ..datasets.export.export import export_dataset, format_of
    from .common.files import writable_folder

    chosen = format_of(arguments.output, arguments.format)
    if chosen != "coco" and arguments.masks:
        raise ArgumentError(f"--masks is an option of --format coco, and this is {chosen}")
    writable_folder(arguments.output.parent)
    written = export_dataset(
        arguments.maps,
        arguments.output,
        chosen,
        threshold=arguments.threshold,
        masks=arguments.masks,
    )
    if arguments.json:
        put_json({"format": chosen, "output": str(written)})
    else:
        put(f"{chosen}: {written}")
    return 0


def _share(text: str) -> float:
    """A number above 0 and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0 and at most 1, got {shown(text)}"
        )
    return value
