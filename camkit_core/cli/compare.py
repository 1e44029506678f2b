"""`camkit compare`: its arguments; what it does is in `compare_images.py`, which imports torch."""

from __future__ import annotations

import argparse
from typing import Any

from .common.arguments import (
    METRICS,
    WITHOUT_PROBABILITIES,
    add_images,
    add_model,
    add_question,
    names,
    stated,
)
from .common.request import shared_fields

METHODS = "gradcam,gradcam++,xgradcam"
EXAMPLES = """\
examples:
  camkit compare photos/ --model resnet50
  camkit compare dog.jpg --model resnet50 --method gradcam,scorecam --target "pug,tiger cat"
  camkit compare photos/ --model timm:vit_small_patch16_224 --metric road,randomisation,area
  camkit compare street/ --model ultralytics:yolo11n.pt --target person --method gradcam,drise
  camkit compare scans/ --model densenet121 --weights mine.pth --output report.html --json
"""


def add_compare_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "compare",
        help="judge methods on your own model and images",
        description="Judge methods by metrics on your own model and images, beside maps that know "
        "nothing of the model. Prints a verdict and writes a report, one HTML file. From six "
        "images on, differences are told from noise.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_images(parser)
    add_model(parser.add_argument_group("the model"))
    question = parser.add_argument_group("the question")
    add_question(question, METHODS)
    question.add_argument(
        "--metric",
        type=names,
        metavar="M[,M...]",
        help=f"metrics of `camkit list-metrics` (default: {METRICS}) "
        f"(of texts and masks: {WITHOUT_PROBABILITIES})",
    )
    answer = parser.add_argument_group("the answer")
    answer.add_argument(
        "--output",
        type=stated,
        default="camkit-report.html",
        metavar="FILE",
        help="the report (default: camkit-report.html)",
    )
    answer.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document in place of the verdict, and put it beside the report",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 if every image could be read, 1 if some could not."""
    from .compare_images import CompareRequest, judge_images

    return judge_images(CompareRequest(**shared_fields(arguments), metrics=arguments.metric))
