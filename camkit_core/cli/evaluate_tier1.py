"""`camkit evaluate --tier 1`: methods on scenes with masks, as a page and as data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..errors import ArgumentError
from ..forward.chunks import bar as progress
from ..probe.further.configured_method import configure
from ..results.whole_files import write_whole
from ..testing.ground_truth.networks import FAMILIES
from ..testing.ground_truth.tier1 import NetworkScores
from ..testing.ground_truth.tier1_run import checked_scenes, records, try_all, usual_methods
from ..testing.ground_truth.tier1_table import document, page
from .common.answers import put
from .common.files import writable_folder
from .common.messages import say


def tier1(args: argparse.Namespace) -> int:
    """Score every method on the shipped networks, and print or write the table; 0.

    Raises:
        ArgumentError: for an unknown family or method, or if the scenes do not pass their controls.
    """
    unknown = [name for name in args.arch if name not in FAMILIES]
    if unknown:
        raise ArgumentError(f"expected --arch of {', '.join(FAMILIES)}; got {', '.join(unknown)}")
    methods = args.method or usual_methods()
    configure(methods, {})
    folder = writable_folder(args.output) if args.output else None
    for control in checked_scenes():
        say(str(control))
    scores, training = _scores(args.arch, methods, args.scenes), records(args.arch)
    data = json.dumps(document(scores, training), indent=1) + "\n"
    _write(folder, page(scores, training, _command(args)), data, args.json)
    return 0


def _scores(families: list[str], methods: list[str], scenes: int) -> dict[str, NetworkScores]:
    """The scores of each family's network, in the order of the families."""
    ready = try_all(families, methods, scenes)
    by_family = dict(progress(ready, total=len(families), unit="network", delay=0))  # takes minutes
    return {family: by_family[family] for family in families}


def _write(folder: Path | None, text: str, data: str, as_json: bool) -> None:
    if folder is None:
        for line in (data if as_json else text).splitlines():
            put(line)
        return
    for name, content in (("tier1.md", text), ("tier1.json", data)):
        write_whole(folder / name, content)
        put(folder / name)


def _command(args: argparse.Namespace) -> str:
    """The command that makes the same table."""
    words = ["camkit evaluate --tier 1"]
    if args.method:
        words.append(f"--method {','.join(args.method)}")
    if args.arch != list(FAMILIES):
        words.append(f"--arch {','.join(args.arch)}")
    words.append(f"--scenes {args.scenes}")
    return " ".join(words)
