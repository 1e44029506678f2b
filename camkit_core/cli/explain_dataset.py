"""`camkit explain-dataset`: its arguments; what it does is in `explain_rows.py`."""

from __future__ import annotations

import argparse
from typing import Any

from .common.arguments import add_model, names, parse_option, positive, stated, targets
from .common.early import check_loading, check_names

EXAMPLES = """\
examples:
  camkit explain-dataset photos/ --model resnet50 --method gradcam,finercam --output maps/
  camkit explain-dataset photos/ --model resnet50 --output maps/   # goes on where it stopped
  camkit explain-dataset photos/ --model resnet50 --output maps/ --engine ray
  camkit explain-dataset photos/ --model resnet50 --output maps/ --shard 3/16
  camkit explain-dataset photos/ --model resnet50 --output maps/ --labels labels.csv --target label
"""


def add_explain_dataset_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "explain-dataset",
        help="explain every picture of a folder, and keep the maps as a table",
        description="Explain every picture of a folder and of the folders in it, and keep the maps "
        "as Parquet files. A run that was stopped goes on where it was, with the method and "
        "target that it began with. Needs the extra data.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "source",
        type=stated,
        metavar="FOLDER",
        help="a folder of pictures, or an address such as s3://bucket/photos",
    )
    parser.add_argument(
        "--output", type=stated, required=True, metavar="DIR", help="the folder for the table"
    )
    add_model(parser.add_argument_group("the model"))
    _add_question(parser.add_argument_group("the question"))
    _add_work(parser.add_argument_group("the work"))
    parser.set_defaults(func=run)


def _add_question(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--method",
        type=names,
        metavar="M[,M...]",
        help="methods of `camkit list-methods` (default: those the run began with, or gradcam)",
    )
    group.add_argument(
        "--target",
        type=targets,
        metavar="T[,T...]",
        help="class indices, class names, top1, top2, ..., or label for each picture's own label "
        "(default: what the run began with, or top1)",
    )
    group.add_argument(
        "--layer", type=names, metavar="NAME[,NAME]", help="target layers (default: by model)"
    )
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method; may be repeated",
    )
    group.add_argument(
        "--labels",
        type=stated,
        metavar="FILE",
        help="a CSV file with columns id and label, or `folders`: each picture's folder is its "
        "label",
    )


def _add_work(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="local, or ray: the cluster in RAY_ADDRESS, or this machine (default: local)",
    )
    group.add_argument(
        "--batch-size", type=positive, metavar="N", help="pictures that run together"
    )
    group.add_argument(
        "--workers", type=_from_zero, metavar="N", help="processes that read pictures"
    )
    group.add_argument(
        "--shard", type=stated, metavar="K/N", help="do the K-th of N parts; all may run at once"
    )
    group.add_argument(
        "--retry-errors", action="store_true", help="try pictures again that failed before"
    )
    group.add_argument(
        "--dtype", choices=("bfloat16", "float16"), help="run a copy of the model in it"
    )
    group.add_argument(
        "--channels-last", action="store_true", help="run a copy of the model in that order"
    )
    group.add_argument(
        "--compile", action="store_true", help="run the pass up to the layer as compiled code"
    )


def _from_zero(text: str) -> int:
    return 0 if text == "0" else positive(text)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 if every image was explained, 1 if some were not.

    What can be told to be wrong without the model is told before torch is imported.
    """
    check_names("method", arguments.method or [])
    check_loading(vars(arguments))
    options = dict(map(parse_option, arguments.set))
    from .explain_rows import explain_rows

    return explain_rows(arguments, options)
