"""`camkit migrate`: rewrite code that was written for other libraries."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CamkitError, ImportFailed, counted
from .common.answers import put
from .common.messages import say

if TYPE_CHECKING:
    from .migration.files import Change

EXAMPLES = """examples:
  camkit migrate explain.py
  camkit migrate project/ --write
  camkit migrate notebook.ipynb --write
  camkit migrate explain.py --native

before:
  from pytorch_grad_cam import GradCAM
  from torchcam.methods import SmoothGradCAMpp
after:
  from camkit_methods.compat.pytorch_grad_cam import GradCAM
  from camkit_methods.compat.torchcam.methods import SmoothGradCAMpp
"""


def add_migrate_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "migrate",
        help="rewrite code for pytorch-grad-cam, torch-cam or captum, shown as a diff",
        description="Rewrite imports and calls of pytorch_grad_cam, torchcam and captum's "
        "LayerGradCam, GuidedGradCam and LayerAttribution to camkit's forms of them. A diff is "
        "printed, and what stays as it is, with the reason. Nothing is written without --write. "
        "The exit code is 2 if a file cannot be read as code; the others are done. Needs the extra "
        "`migrate`.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "path", nargs="+", metavar="FILE|DIR", help=".py or .ipynb files, or folders of these"
    )
    parser.add_argument(
        "--write", action="store_true", help="write the files, each whole or not at all"
    )
    parser.add_argument(
        "--native",
        action="store_true",
        help="camkit's own names in place of its compat forms, where these do exactly alike",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print what changes, and write it if that is asked for; returns 2 if a file failed."""
    from .migration.files import code_files

    files = dict.fromkeys(file for path in args.path for file in code_files(Path(path)))
    changes = [change for path in files if (change := _attempt(path, args))]
    failed = len(files) - len(changes)
    if len(files) != 1 or not failed:
        say(_summary(changes, failed, args.write))
    return 2 if failed else 0


def _attempt(path: Path, args: argparse.Namespace) -> Change | None:
    """One file; an error is of this file alone, unless nothing can be read without libcst."""
    try:
        return _done(path, args)
    except ImportFailed:
        raise
    except CamkitError as error:
        say(f"error: {error}")
        return None


def _done(path: Path, args: argparse.Namespace) -> Change:
    from .migration.files import change_of

    change = change_of(path, args.native)
    for line in change.diff():
        put(line)
    if args.write and change.changed:
        _write(change)
    for number, why in change.left:
        say(f"{path}:{number}: left: {why}" if number else f"{path}: left: {why}")
    return change


def _write(change: Change) -> None:
    from ..results.whole_files import written_whole

    with written_whole(change.path) as temporary:
        temporary.write_bytes(change.bytes())


def _summary(changes: Sequence[Change], failed: int, written: bool) -> str:
    return ", ".join(_counts(changes, failed, written))


def _counts(changes: Sequence[Change], failed: int, written: bool) -> Iterator[str]:
    changed = sum(change.changed for change in changes)
    left = sum(len(change.left) for change in changes)
    yield f"{counted(len(changes) + failed, 'file')} read"
    yield f"{changed} {'written' if written else 'would change (--write writes them)'}"
    if left:
        yield f"{counted(left, 'place')} left"
    if failed:
        yield f"{failed} failed"
