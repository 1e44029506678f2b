"""Command-line arguments that several commands share, and how their texts are read."""

from __future__ import annotations

import argparse
import ast
import math
import re
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, shown

# What `add_model` adds that `load_model` takes beside the name.
LOADING = ("weights", "device", "class_names", "size", "mean", "std")
METRICS = "insertion,deletion,average_drop,area"  # of `camkit compare`
WITHOUT_PROBABILITIES = "sensitivity,area"  # where a score is none, as of a text
MOST_CLASSES = 100_000  # for how many `--target top...` may ask
_DIGITS = 18  # of a number; Python reads no more than some thousands
_LITERAL = 10_000  # letters of a value that is read as Python


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the image files."""
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help='pictures, folders of them, patterns as "photos/*.jpg", or - for standard input',
    )
    parser.add_argument(
        "-r", "--recursive", action="store_true", help="take the folders in folders, too"
    )
    parser.add_argument(
        "--files-from",
        type=stated,
        metavar="FILE",
        help="a list of pictures, one in a line; - for standard input",
    )


def add_model(group: argparse._ArgumentGroup) -> None:
    """Add the model, its weights, and how images are prepared for it."""
    group.add_argument(
        "--model",
        type=stated,
        required=True,
        metavar="NAME",
        help="a model of torchvision or timm (timm:NAME if both have it); hf:NAME_OR_FOLDER, "
        "ultralytics:yolo11n.pt, clip:ViT-B-32, ... (`camkit list-models`); or your own as "
        "package.module:factory",
    )
    group.add_argument(
        "--weights",
        type=stated,
        default="DEFAULT",
        metavar="W",
        help="DEFAULT (the library's best), none (random), or a checkpoint file: .pth, "
        ".safetensors",
    )
    group.add_argument(
        "--class-names",
        type=stated,
        metavar="FILE",
        help="a text file, one name in a line, or JSON",
    )
    group.add_argument(
        "--size", type=input_size, metavar="N or HxW", help="input size of your weights"
    )
    group.add_argument("--mean", type=_means, metavar="R,G,B", help="mean they subtract")
    group.add_argument("--std", type=_deviations, metavar="R,G,B", help="deviation they divide by")
    group.add_argument(
        "--device", type=stated, metavar="D", help="cpu, cuda, ... (default: cuda if it is there)"
    )


def add_question(group: argparse._ArgumentGroup, methods: str) -> None:
    """Add methods, targets, layers and the methods' options; `methods` are the default."""
    group.add_argument(
        "--method",
        type=names,
        default=methods,
        metavar="M[,M...]",
        help=f"methods of `camkit list-methods` (default: {methods})",
    )
    group.add_argument(
        "--target",
        type=targets,
        metavar="T[,T...]",
        help="class indices, class names, top1, top2, ... (default: top1); of a detector also "
        "dog:0, the best dog, and :0, the best of all boxes (default: its three best boxes)",
    )
    group.add_argument(
        "--text",
        type=stated,
        action="append",
        default=[],
        metavar="TEXT",
        help="what a model of texts and images is to look for; may be repeated",
    )
    group.add_argument(
        "--layer", type=names, metavar="NAME[,NAME]", help="target layers (default: by model)"
    )
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


def stated(text: str) -> str:
    """A text that says something."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"expected a name, got {text!r}")
    return text


def path(text: str) -> Path:
    """A path that says something."""
    return Path(stated(text))


def names(text: str) -> list[str]:
    """Names separated by commas, at least one."""
    if not split_list(text):
        raise argparse.ArgumentTypeError(f"expected names separated by commas, got {text!r}")
    return split_list(text)


def targets(text: str) -> str:
    """What `find_targets` can read: classes, names, or top1 to top100000."""
    for item in split_list(text) or [""]:
        top = re.fullmatch(r"top(\d+)", item, re.IGNORECASE)
        if not item or (item.isdecimal() and len(item) > _DIGITS):
            raise argparse.ArgumentTypeError(
                f"expected class indices, class names, top1, top2, ..., got {shown(text)}"
            )
        if top and not (len(top[1]) <= _DIGITS and 1 <= int(top[1]) <= MOST_CLASSES):
            raise argparse.ArgumentTypeError(
                f"expected top1 to top{MOST_CLASSES}, got {shown(item)}"
            )
    return text


def parse_option(text: str) -> tuple[str, Any]:
    """Name and value of `name=value`; the value is a Python literal, or else text."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise ArgumentError(f"expected --set name=value, got {shown(text)}")
    try:
        return name.strip(), ast.literal_eval(value.strip()[:_LITERAL])
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return name.strip(), value.strip()


def input_size(text: str) -> list[int]:
    """An input size: one number, or height and width."""
    sides = text.lower().split("x")
    if len(sides) > 2 or (len(sides) == 2 and not all(sides)):
        raise argparse.ArgumentTypeError(f"expected N or HxW, got {shown(text)}")
    return [positive(side) for side in sides]


def positive(text: str) -> int:
    """A number from 1 on."""
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {shown(text)}")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds: above zero, and at most a year."""
    number = _number(text)
    if not 0 < number <= 366 * 24 * 3600:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {shown(text)}")
    return number


def _key(text: str) -> str | int:
    stated(text)
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text


def _means(text: str) -> list[float]:
    return _numbers(text, -math.inf, "")


def _deviations(text: str) -> list[float]:
    return _numbers(text, 0, " above zero")


def _numbers(text: str, above: float, what: str) -> list[float]:
    numbers = [_number(number) for number in text.split(",")]
    if len(numbers) not in (1, 3) or not all(above < number < math.inf for number in numbers):
        raise argparse.ArgumentTypeError(f"expected one or three numbers{what}, got {shown(text)}")
    return numbers


def _number(text: str) -> float:
    """The number that a text is; no number if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
