"""Command-line arguments that several commands share, and how their texts are read."""

from __future__ import annotations

import argparse
import ast
from typing import Any

from ...errors import CamkitError

# What `add_model` adds that `load_model` takes beside the name.
LOADING = ("weights", "device", "class_names", "size", "mean", "std")


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the image files."""
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="image files, or folders of them"
    )


def add_model(group: argparse._ArgumentGroup) -> None:
    """Add the model, its weights, and how images are prepared for it."""
    group.add_argument(
        "--model",
        required=True,
        metavar="NAME",
        help="a model of torchvision or timm (timm:NAME if both have it), or your own as "
        "package.module:factory",
    )
    group.add_argument(
        "--weights",
        default="DEFAULT",
        metavar="W",
        help="DEFAULT (the library's best), none (random), or a checkpoint file: .pth, "
        ".safetensors",
    )
    group.add_argument(
        "--class-names", metavar="FILE", help="a text file, one name in a line, or JSON"
    )
    group.add_argument(
        "--size", type=input_size, metavar="N or HxW", help="input size of your weights"
    )
    group.add_argument("--mean", type=_numbers, metavar="R,G,B", help="mean they subtract")
    group.add_argument("--std", type=_numbers, metavar="R,G,B", help="deviation they divide by")
    group.add_argument(
        "--device", metavar="D", help="cpu, cuda, ... (default: cuda if it is there)"
    )


def add_question(group: argparse._ArgumentGroup, methods: str) -> None:
    """Add methods, targets, layers and the methods' options; `methods` are the default."""
    group.add_argument(
        "--method",
        default=methods,
        metavar="M[,M...]",
        help=f"methods of `camkit list-methods` (default: {methods})",
    )
    group.add_argument(
        "--target",
        default="top1",
        metavar="T[,T...]",
        help="class indices, class names, top1, top2, ... (default: top1)",
    )
    group.add_argument("--layer", metavar="NAME[,NAME]", help="target layers (default: by model)")
    group.add_argument(
        "--model-output",
        type=_key,
        metavar="KEY",
        help="the part of what the model returns that is explained: a name or a position",
    )
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method; may be repeated",
    )
    group.add_argument(
        "--batch-size", type=positive, metavar="N", help="runs at a time, for methods of many runs"
    )


def split_list(text: str) -> list[str]:
    """The items of a list separated by commas, each once."""
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def parse_option(text: str) -> tuple[str, Any]:
    """Name and value of `name=value`; the value is a Python literal, or else text."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise CamkitError(f"expected --set name=value, got {text!r}")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        return name.strip(), value.strip()


def input_size(text: str) -> list[int]:
    """An input size: one number, or height and width."""
    return [positive(side) for side in text.lower().split("x")]


def positive(text: str) -> int:
    """A number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {text!r}")
    return int(text)


def _key(text: str) -> str | int:
    return int(text) if text.removeprefix("-").isdecimal() else text


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected one or three numbers, got {text!r}") from None
