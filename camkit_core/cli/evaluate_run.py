"""`camkit evaluate --tier 1`: methods on scenes with masks, as a page and as data."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from ..errors import CamkitError
from ..results.configured_method import configure
from ..testing.ground_truth.networks import FAMILIES, WEIGHTS
from ..testing.ground_truth.tier1 import NetworkScores
from ..testing.ground_truth.tier1_run import checked_scenes, records, try_all, usual_methods
from ..testing.ground_truth.tier1_table import document, page
from .common.files import atomically, writable_folder
from .common.messages import say


def tier1(args: argparse.Namespace) -> int:
    """Train what is to be trained, try every method, and print or write what was found; 0.

    Raises:
        CamkitError: for an unknown family or method, for seeds that nothing is trained for, or if
            the scenes do not pass their controls.
    """
    unknown = [name for name in args.arch if name not in FAMILIES]
    if unknown:
        raise CamkitError(f"expected --arch of {', '.join(FAMILIES)}; got {', '.join(unknown)}")
    if args.seeds > 1 and not args.train:
        raise CamkitError(
            "camkit ships one network of each family; to have more seeds, pass --train DIR, where "
            "they are trained and kept"
        )
    methods = args.method or usual_methods()
    configure(methods, {})
    output = writable_folder(args.output) if args.output else None
    for control in checked_scenes():
        say(str(control))
    folder = _networks(args)
    trials: dict[str, dict[int, NetworkScores]] = {family: {} for family in args.arch}
    total = len(args.arch) * args.seeds
    with tqdm(total=total, unit="network", delay=2, leave=False, disable=None) as bar:
        for family, seed, trial in try_all(args.arch, methods, args.scenes, args.seeds, folder):
            trials[family][seed] = trial
            bar.update()
    _tell(args, output, {one: [by[s] for s in sorted(by)] for one, by in trials.items()}, folder)
    return 0


def _networks(args: argparse.Namespace) -> Path:
    """Where the networks are; trained first, if that was asked for."""
    if not args.train:
        return WEIGHTS
    import logging

    from ..testing.ground_truth.training import train_all

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder = Path(args.train)
    train_all(args.arch, args.seeds, folder)
    return folder


def _tell(
    args: argparse.Namespace,
    output: Path | None,
    trials: dict[str, list[NetworkScores]],
    folder: Path,
) -> None:
    training = records(args.arch, args.seeds, folder)
    text, data = page(trials, training, _command(args)), document(trials, training)
    shown = json.dumps(data, indent=1) + "\n" if args.json else text
    if output is None:
        sys.stdout.write(shown)
        return
    for name, content in (("tier1.md", text), ("tier1.json", json.dumps(data, indent=1) + "\n")):
        with atomically(output / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
        sys.stdout.write(f"{output / name}\n")


def _command(args: argparse.Namespace) -> str:
    """The command that makes the same table."""
    words = ["camkit evaluate --tier 1"]
    if args.method:
        words.append(f"--method {','.join(args.method)}")
    if args.arch != list(FAMILIES):
        words.append(f"--arch {','.join(args.arch)}")
    words.append(f"--scenes {args.scenes}")
    if args.train:
        words.append(f"--train {Path(args.train).name} --seeds {args.seeds}")
    return " ".join(words)
