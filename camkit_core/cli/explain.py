"""`camkit explain`: its arguments, and what they mean before anything heavy is imported."""

from __future__ import annotations

import argparse
import ast
from typing import Any

from ..errors import CamkitError

_LOADING = ("weights", "device", "class_names", "size", "mean", "std")

EXAMPLES = """\
examples:
  camkit explain dog.jpg --model resnet50
  camkit explain dog.jpg --model resnet50 --method gradcam,ablationcam --target "pug,tiger cat"
  camkit explain photos/ --model timm:vit_small_patch16_224 --target top3 --renderer side_by_side
  camkit explain scan.png --model densenet121 --weights mine.pth --class-names findings.txt
  camkit explain dog.jpg --model mypackage.models:make --size 96 --layer features.7 --json
"""


def add_explain_command(subparsers: Any) -> None:
    """Add `explain` to the command's subparsers."""
    parser = subparsers.add_parser(
        "explain",
        help="explain what a model sees in images",
        description="Explain what in an image speaks for a class, in the eyes of a model. Writes "
        "a picture for each image, method and target.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="image files, or folders of them"
    )
    _add_model(parser.add_argument_group("the model"))
    _add_question(parser.add_argument_group("the question"))
    _add_answer(parser.add_argument_group("the answer"))
    parser.set_defaults(func=run)


def _add_model(group: argparse._ArgumentGroup) -> None:
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
    group.add_argument("--class-names", metavar="FILE", help="a text file, one name in a line")
    group.add_argument(
        "--size", type=input_size, metavar="N or HxW", help="input size of your weights"
    )
    group.add_argument("--mean", type=_numbers, metavar="R,G,B", help="mean they subtract")
    group.add_argument("--std", type=_numbers, metavar="R,G,B", help="deviation they divide by")
    group.add_argument(
        "--device", metavar="D", help="cpu, cuda, ... (default: cuda if it is there)"
    )


def _add_question(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--method",
        default="gradcam",
        metavar="M[,M...]",
        help="methods of `camkit list-methods` (default: gradcam)",
    )
    group.add_argument(
        "--target",
        default="top1",
        metavar="T[,T...]",
        help="class indices, class names, top1, top2, ... (default: top1)",
    )
    group.add_argument("--layer", metavar="NAME[,NAME]", help="target layers (default: by model)")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the method; may be repeated",
    )
    group.add_argument("--aug-smooth", action="store_true", help="average over augmented images")
    group.add_argument("--eigen-smooth", action="store_true", help="keep the principal component")
    group.add_argument("--guided", action="store_true", help="write Guided Grad-CAM as well")
    group.add_argument(
        "--batch-size", type=_positive, metavar="N", help="runs at a time, for methods of many runs"
    )


def _add_answer(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--renderer",
        default="overlay",
        metavar="R",
        help="one of `camkit list-renderers` (default: overlay); raw writes .npz",
    )
    group.add_argument(
        "--output",
        default="camkit-output",
        metavar="DIR",
        help="folder for the pictures (default: camkit-output)",
    )
    group.add_argument(
        "--json", action="store_true", help="print one JSON document, and put one by each picture"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 if every image was explained, 1 if some were not."""
    from .run import Request, explain_images

    smoothing = {"aug_smooth": arguments.aug_smooth, "eigen_smooth": arguments.eigen_smooth}
    request = Request(
        images=arguments.images,
        model=arguments.model,
        loading={key: getattr(arguments, key) for key in _LOADING},
        methods=_parts(arguments.method),
        target=arguments.target,
        layers=_parts(arguments.layer or ""),
        settings={"batch_size": arguments.batch_size, "guided": arguments.guided, **smoothing},
        options=dict(map(_option, arguments.set)),
        renderer=arguments.renderer,
        output=arguments.output,
        json=arguments.json,
    )
    return explain_images(request)


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise CamkitError(f"expected --set name=value, got {text!r}")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        return name.strip(), value.strip()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {text!r}")
    return int(text)


def input_size(text: str) -> list[int]:
    """An input size: one number, or height and width."""
    return [_positive(part) for part in text.lower().split("x")]


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected one or three numbers, got {text!r}") from None
