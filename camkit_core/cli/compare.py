"""`camkit compare`: its arguments; what it does is in `compare_images.py`, which imports torch."""

from __future__ import annotations

import argparse
from typing import Any

from .common.answers import put_json
from .common.arguments import (
    METRICS,
    WITHOUT_PROBABILITIES,
    add_images,
    add_model,
    add_question,
    names,
    stated,
)
from .common.early import check_loading, check_names, pictures_of
from .common.output import REPORTS, output_of
from .common.request import CompareRequest, shared_fields

REPORT = "camkit-report.html"
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
        default=REPORT,
        metavar="PATH",
        help=f"the report, or the folder for it (default: {REPORT})",
    )
    answer.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document in place of the verdict, and put it beside the report",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 if every image could be read, 1 if some could not.

    What can be told to be wrong without the model is told before torch is imported.
    """
    request = CompareRequest(**shared_fields(arguments), metrics=arguments.metric)
    check_names("method", request.methods)
    check_names("metric", request.metrics or [])
    check_loading(request.loading)
    output = output_of(request.output, REPORTS, "a report")
    paths, failures = pictures_of(request.asked, None)
    if not paths:
        if request.json:
            put_json({"report": None, "failed": failures.record()})
        return failures.conclude(len(failures.reasons))
    output.make()
    from .compare_images import judge_images

    return judge_images(request, output.folder / (output.name or REPORT), paths, failures)
