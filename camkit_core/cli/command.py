"""The command `camkit`: its own options, its subcommands, its errors and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import CamkitError
from ..plugins import Registry, get_registry, using
from .check import add_check_command
from .common.messages import say
from .compare import add_compare_command
from .demo import add_demo_command
from .evaluate import add_evaluate_command
from .explain import add_explain_command
from .layers import add_layers_command
from .lists import add_list_commands
from .new_plugin.command import add_new_plugin_command
from .plugins import add_plugins_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `camkit` with the arguments of the shell, or those given; returns the exit code.

    0: done. 1: done, except for some images. 2: not done, because of how it was called.
    130: interrupted. Results go to stdout; errors, one line each, and notes go to stderr.
    """
    try:
        parsed = _parser().parse_args(arguments)
        with using(_registry(parsed)):
            code: int = parsed.func(parsed) or 0
        sys.stdout.flush()
    except SystemExit as stop:  # argparse: --help, --version, or a usage error
        return stop.code if isinstance(stop.code, int) else 0
    except CamkitError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:  # the reader of stdout, such as `head`, has closed it
        _discard_output()
        return 1
    return code


def _registry(args: argparse.Namespace) -> Registry:
    """The registry by the options of the command line, which add to those of the environment."""
    if not args.no_plugins and not args.disable_plugin:
        return get_registry()
    choice = get_registry().choice
    only = () if args.no_plugins else choice.only
    disable = [*choice.disable, *args.disable_plugin]
    return Registry(only, disable, choice.prefer, choice.strict)


def _discard_output() -> None:
    # Python flushes stdout when it exits, and would print an error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"camkit: error: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Prints the version, which is not read from disk for other options."""

    def __call__(self, parser: argparse.ArgumentParser, *args: Any, **keywords: Any) -> None:
        from ..results.provenance import UNKNOWN, camkit_version

        version = camkit_version()
        why = " (not installed)" if version == UNKNOWN else ""
        sys.stdout.write(f"camkit {version}{why}\n")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="camkit",
        description="Class activation maps for any PyTorch vision model.",
        epilog="Start with: camkit demo. A command's own help: camkit explain --help",
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
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_demo_command(commands)
    add_explain_command(commands)
    add_evaluate_command(commands)
    add_compare_command(commands)
    add_layers_command(commands)
    add_list_commands(commands)
    add_plugins_command(commands)
    add_check_command(commands)
    add_new_plugin_command(commands)
    return parser
