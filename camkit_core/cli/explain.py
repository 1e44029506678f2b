"""`camkit explain`: its arguments; what it does is in `explain_images.py`, which imports torch."""

from __future__ import annotations

import argparse
from typing import Any

from .common.answers import put_json
from .common.arguments import add_images, add_model, add_question, stated
from .common.early import check_loading, check_names, pictures_of
from .common.failures import Failures
from .common.files import DEFAULT_RENDERER as DEFAULT
from .common.output import PICTURES, RAW, output_of
from .common.request import ExplainRequest, shared_fields

EXAMPLES = """\
examples:
  camkit explain dog.jpg --model resnet50
  camkit explain dog.jpg --model resnet50 --method gradcam,ablationcam --target "pug,tiger cat"
  camkit explain photos/ --recursive --model timm:vit_small_patch16_224 --target top3
  camkit explain - --model resnet50 --output why.png < dog.jpg
  camkit explain scan.png --model densenet121 --weights mine.pth --class-names findings.txt
  camkit explain dog.jpg --model mypackage.models:make --size 96 --layer features.7 --json
  camkit explain street.jpg --model ultralytics:yolo11n.pt --target dog --boxes
  camkit explain photo.jpg --model hf:facebook/detr-resnet-50 --target "person:0,person:1"
  camkit explain photo.jpg --model clip:ViT-B-32 --text "a red car" --text "a tree"
"""


def add_explain_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "explain",
        help="explain what a model sees in images",
        description="Explain what in an image speaks for a class, in the eyes of a model. Writes "
        "a picture for each image, method and target.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_images(parser)
    add_model(parser.add_argument_group("the model"))
    question = parser.add_argument_group("the question")
    add_question(question, "gradcam")
    question.add_argument("--aug-smooth", action="store_true", help="average over augmented images")
    question.add_argument(
        "--eigen-smooth", action="store_true", help="keep the principal component"
    )
    question.add_argument(
        "--fuse-layers",
        choices=("mean", "max"),
        default="mean",
        help="how maps of several layers become one (default: mean)",
    )
    question.add_argument("--guided", action="store_true", help="write Guided Grad-CAM as well")
    _add_answer(parser.add_argument_group("the answer"))
    parser.set_defaults(func=run)


def _add_answer(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--renderer",
        type=stated,
        metavar="R",
        help="one of `camkit list-renderers` (default: overlay); raw writes .npz",
    )
    group.add_argument(
        "--boxes",
        action="store_const",
        const="boxes",
        dest="renderer",
        help="draw a detector's boxes, the explained one set off (short for --renderer boxes)",
    )
    group.add_argument(
        "--draw-on",
        choices=("original", "input"),
        default="original",
        help="the picture at its own size, or what the model was given of it (default: original)",
    )
    group.add_argument(
        "--output",
        type=stated,
        default="camkit-output",
        metavar="PATH",
        help="folder for the pictures, or where there is only one its file, as map.png "
        "(default: camkit-output)",
    )
    group.add_argument(
        "--json", action="store_true", help="print one JSON document, and put one by each picture"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 if every image was explained, 1 if some were not.

    What can be told to be wrong without the model is told before torch is imported.
    """
    settings = ("guided", "aug_smooth", "eigen_smooth", "fuse_layers")
    request = ExplainRequest(
        **shared_fields(arguments),
        settings={name: getattr(arguments, name) for name in settings},
        renderer=arguments.renderer or DEFAULT,
        drawn_on=arguments.draw_on,
    )
    check_names("method", request.methods)
    check_names("renderer", [request.renderer] if request.renderer != "raw" else [])
    check_loading(request.loading)
    endings, what = (RAW, "arrays") if request.renderer == "raw" else (PICTURES, "pictures")
    output = output_of(request.output, endings, what)
    paths, failures = pictures_of(request.asked, output.folder)
    output.refuse_several(len(paths) * len(request.methods), what)
    output.refuse_pictures(paths)
    if not paths:
        return _nothing(request.json, failures)
    output.make()
    from .explain_images import explain_images

    return explain_images(request, output, paths, failures)


def _nothing(as_json: bool, failures: Failures) -> int:
    """The answer where no image can be read."""
    if as_json:
        from ..results.provenance import camkit_version

        explained: list[Any] = []
        version = camkit_version()
        put_json({"camkit": version, "explanations": explained, "failed": failures.record()})
    return failures.conclude(len(failures.reasons))
