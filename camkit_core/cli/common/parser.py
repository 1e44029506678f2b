"""The parser of the command line: errors in one line, with what may have been meant."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from .answers import put
from .messages import say, visible

_PICTURE = re.compile(r".+\.(png|jpe?g|bmp|gif|tiff?|webp|avif|heic)", re.IGNORECASE)
_LONGEST = 60  # letters of a wrong word that are repeated


class _Help(argparse.HelpFormatter):
    """Help that fits the terminal; of examples each keeps its line."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return text
        return super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and name what may have been meant."""

    def error(self, message: str) -> NoReturn:
        say(f"error: {message}{_hint(message)} (see {self.prog} --help)")
        self.exit(2)

    def _get_formatter(self) -> argparse.HelpFormatter:
        return _Help(prog=self.prog)

    def print_help(self, file: Any = None) -> None:
        for line in self.format_help().splitlines():
            put(line)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As of argparse; an option that does not exist is refused before what is missing."""
        words = sys.argv[1:] if args is None else list(args)
        for word in self._own(words):
            name = word.partition("=")[0]
            if re.match(r"-[^\d\s.]", word) and " " not in name and not self._takes(word):
                self.error(f"unrecognized arguments: {_cut(word)}{self._meant(name)}")
        read, rest = super().parse_known_args(words, namespace)
        options, behind = _parted(rest)
        if hasattr(read, "images") and not any(word.startswith("-") for word in options):
            read.images, rest = [*read.images, *options, *behind], []  # argparse takes one place's
        return read, rest

    def _own(self, words: Sequence[str]) -> Iterator[str]:
        """The words that this parser reads itself: of one with commands, those before the first."""
        for word in words:
            if word == "--" or (self._has_commands() and not word.startswith("-")):
                return
            yield word

    def _has_commands(self) -> bool:
        return self._subparsers is not None

    def _takes(self, word: str) -> bool:
        """Whether a word that looks like an option is one, such as `--size=3`, `-h`."""
        known = self._option_string_actions
        short = len(word) > 2 and word[1] != "-" and word[:2] in known
        return word.partition("=")[0] in known or short

    def _meant(self, name: str) -> str:
        """The options that a wrong one may stand for, as a sentence."""
        known = [each for each in self._option_string_actions if each.startswith("--")]
        plain = "--" + name.lstrip("-").lower().replace("_", "-")
        if os.path.lexists(name):
            return f". The file of that name is ./{visible(name)}"
        if plain == "--model" and plain not in known and self._names("model"):
            return f". The model is named without an option: {self.prog} resnet50 ..."
        if plain in _PICTURES and "--files-from" in known:
            return ". Pictures are named without an option: camkit explain photo.jpg --model ..."
        if _ELSEWHERE.get(plain) in known:
            return f".{did_you_mean([_ELSEWHERE[plain]])}"
        begun = [each for each in known if each.startswith(plain)] if len(plain) > 2 else []
        close = [plain] if plain in known else begun or get_close_matches(plain, known, n=1)
        if not close and plain in _BEFORE:
            return f". Give it before the command: camkit {plain} ..."
        return f".{did_you_mean(close)}" if close else ""

    def _names(self, place: str) -> bool:
        """Whether an argument of that name is taken."""
        return any(action.dest == place for action in self._actions)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is none of an argument's choices, with the closest of them."""
        if action.choices is None or value in action.choices:
            return
        text, choices = str(value), [str(each) for each in action.choices]
        meant, known = did_you_mean(close_to(text, choices)), ", ".join(choices)
        if not self._has_commands():
            raise argparse.ArgumentError(action, f"no {_cut(text)!r}.{meant} Known: {known}")
        self.error(f"no command {_cut(text)!r}.{_picture(text) or f'{meant} Known: {known}'}")


def _parted(rest: list[str]) -> tuple[list[str], list[str]]:
    """What argparse left, before `--` and behind it, where no word is an option."""
    place = rest.index("--") if "--" in rest else len(rest)
    return rest[:place], rest[place + 1 :]


_PICTURES = ("--image", "--images", "--image-path", "--input", "--picture", "--file", "--i")
# What other commands call an option.
_ELSEWHERE = {
    "--arch": "--model",
    "--architecture": "--model",
    "--network": "--model",
    "--checkpoint": "--weights",
    "--pretrained": "--weights",
    "--labels": "--class-names",
    "--classes": "--target",
    "--class": "--target",
    "--category": "--target",
    "--prompt": "--text",
    "--target-layer": "--layer",
    "--target-layers": "--layer",
    "--layers": "--layer",
    "--cam": "--method",
    "--option": "--set",
    "--gpu": "--device",
    "--cuda": "--device",
    "--image-size": "--size",
    "--img-size": "--size",
    "--resize": "--size",
    "--save": "--output",
    "--o": "--output",
    "--dir": "--output",
    "--style": "--renderer",
}
_BEFORE = ("--no-progress", "--no-plugins", "--disable-plugin", "--version")


def _hint(message: str) -> str:
    """What to type, for the errors of argparse that say only what is wrong."""
    if message.startswith("the following arguments are required") and "--model" in message:
        return ", e.g. photo.jpg --model resnet50; `camkit list-models` lists the models"
    if found := re.fullmatch(r"argument (--[\w-]+).*: expected one argument", message):
        return f"; one that begins with a hyphen goes behind =, as in {found[1]}=-1"
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _picture(text: str) -> str:
    """What to type, where a picture stands in the place of the command."""
    if not _PICTURE.fullmatch(text) and not os.path.exists(text[:1000]):
        return ""
    return f" To explain a picture: camkit explain {visible(text)[:200]} --model resnet50"


def close_to(name: str, known: Iterable[str]) -> list[str]:
    """The names that may be meant: those that it begins, or else the closest by spelling."""
    names, wanted = list(known), name[:100].lower()
    begun = [each for each in names if each.startswith(wanted)] if wanted else []
    return begun or get_close_matches(wanted, names, n=1)


def did_you_mean(close: Sequence[str]) -> str:
    """A question that names the closest; "" if none is close."""
    return f" Did you mean {' or '.join(close)}?" if close else ""
