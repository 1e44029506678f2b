"""`camkit dataset-report`: what the maps of a data set say, as one HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .common.answers import put, put_json
from .common.arguments import path, stated
from .common.output import REPORTS, output_of

REPORT = "camkit-dataset-report.html"
EXAMPLES = """examples:
  camkit dataset-report maps/
  camkit dataset-report maps/ --labels labels.csv --output report.html
  camkit dataset-report maps/ --masks masks/ --output report.html --json
"""


def add_dataset_report_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "dataset-report",
        help="what the maps of a data set say: mistakes, classes, clusters, errors",
        description="Read the maps that `camkit explain-dataset` wrote, and say what stands out: "
        "mistakes of which the model was sure, classes whose maps lie at the border, clusters of "
        "maps that look alike and what they have in common, blank maps and errors. Prints it in "
        "short and writes a report, one HTML file.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("maps", type=path, metavar="MAPS", help="the folder of maps")
    parser.add_argument(
        "--labels",
        type=path,
        metavar="FILE",
        help="true classes as CSV: a picture's file, and its class by number or name (default: "
        "those in the maps, if they have any)",
    )
    parser.add_argument(
        "--masks",
        type=path,
        metavar="DIR",
        help="pictures named as the originals, black where the object is not: for the pointing "
        "game and the energy",
    )
    parser.add_argument(
        "--output",
        type=stated,
        default=REPORT,
        metavar="PATH",
        help=f"the report, or the folder for it (default: {REPORT})",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document in place of the summary, and put it beside the report",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the report; returns 0."""
    output = output_of(arguments.output, REPORTS, "a report")
    from ..datasets.report.report import dataset_report
    from ..datasets.report.words import sentences

    report = dataset_report(arguments.maps, labels=arguments.labels, masks=arguments.masks)
    output.make()
    page = report.save(output.folder / (output.name or REPORT))
    if not arguments.json:
        for line in (*sentences(report), f"report: {page}"):
            put(line)
        return 0
    data = report.save(Path(page).with_suffix(".json"))
    put_json({"report": str(page), "data": str(data), **report.record()})
    return 0
