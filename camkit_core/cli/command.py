"""The command `camkit`: its own options, its subcommands, its errors and exit codes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..plugins import Registry, get_registry, using
from .check import add_check_command
from .common.answers import OutputLostError, flushed, open_streams, put, stdout_for_answers
from .common.messages import say, warnings_in_one_line
from .common.parser import Parser
from .common.quick_imports import quick_imports
from .common.unexpected import account, show_traceback
from .compare import add_compare_command
from .dataset_export import add_dataset_export_command
from .dataset_report import add_dataset_report_command
from .demo import add_demo_command
from .evaluate import add_evaluate_command
from .explain import add_explain_command
from .explain_dataset import add_explain_dataset_command
from .layers import add_layers_command
from .listing.info import add_info_command
from .listing.list_models import add_list_models_command
from .listing.lists import add_list_commands
from .migrate import add_migrate_command
from .new_plugin.command import add_new_plugin_command
from .plugins import add_plugins_command
from .studio import add_studio_command


def run(arguments: Sequence[str] | None = None) -> int:
    """Run `camkit` with the arguments of the shell, or those given; returns the exit code."""
    open_streams()
    try:
        with quick_imports():
            code = _code(arguments)
    except KeyboardInterrupt:
        say("interrupted")
        code = 130
    return code if flushed() else code or 1


def _code(arguments: Sequence[str] | None) -> int:
    """The exit code, where nobody interrupts."""
    try:
        parser = _parser()
        parsed = parser.parse_args(arguments)
        if "func" not in parsed:
            parser.print_help()
            return 0
    except SystemExit as stop:  # argparse: --help, --version, or a usage error
        return stop.code if isinstance(stop.code, int) else 0
    except OutputLostError as lost:
        return _lost(lost)
    try:
        with _bars(parsed), stdout_for_answers(), warnings_in_one_line(), using(_registry(parsed)):
            return parsed.func(parsed) or 0
    except OutputLostError as lost:
        return _lost(lost)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a model or a plugin may raise anything
        show_traceback(error)
        say(f"error: {account(error)}")
        return 2


def _bars(args: argparse.Namespace) -> AbstractContextManager[None]:
    """Whether bars are shown."""
    if not args.no_progress:
        return nullcontext()
    from ..forward.chunks import without_bars  # torch comes with it

    return without_bars()


def _lost(lost: OutputLostError) -> int:
    """Says that stdout is full; that nobody reads it any more, nobody needs to be told."""
    if lost.full:
        say(f"error: the answers cannot be printed: {lost}")
    return 1


def _registry(args: argparse.Namespace) -> Registry:
    """The registry by the options of the command line, which add to those of the environment."""
    if not args.no_plugins and not args.disable_plugin:
        return get_registry()
    choice = get_registry().choice
    only = () if args.no_plugins else choice.only
    disable = [*choice.disable, *args.disable_plugin]
    return Registry(only, disable, choice.prefer, choice.strict)


class _Version(argparse.Action):
    """Prints the version, which is not read from disk for other options."""

    def __call__(self, parser: argparse.ArgumentParser, *args: Any, **keywords: Any) -> None:
        from ..results.provenance import UNKNOWN, camkit_version

        version = camkit_version()
        why = " (not installed)" if version == UNKNOWN else ""
        put(f"camkit {version}{why}")
        parser.exit()


EXAMPLES = """examples:
  camkit demo
  camkit list-models vit
  camkit explain photo.jpg --model resnet50
  camkit explain --help
"""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="camkit",
        description="Class activation maps for any PyTorch vision model.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.add_argument(
        "--no-plugins",
        action="store_true",
        help="use nothing but what camkit itself brings",
    )
    parser.add_argument(
        "--disable-plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="a package to do without, or one of its contributions, package:name; repeatable",
    )
    parser.add_argument(
        "--no-progress", action="store_true", help="show no bars, as where stderr is no terminal"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_demo_command(commands)
    add_explain_command(commands)
    add_explain_dataset_command(commands)
    add_evaluate_command(commands)
    add_compare_command(commands)
    add_studio_command(commands)
    add_dataset_report_command(commands)
    add_dataset_export_command(commands)
    add_layers_command(commands)
    add_list_models_command(commands)
    add_list_commands(commands)
    add_info_command(commands)
    add_plugins_command(commands)
    add_check_command(commands)
    add_new_plugin_command(commands)
    add_migrate_command(commands)
    return parser
