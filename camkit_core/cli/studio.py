"""`camkit studio`: its arguments; what it does is in the room `studio`, which imports torch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import ImportFailed
from .common.answers import put
from .common.arguments import LOADING, add_images, add_model
from .common.early import check_loading, pictures_of
from .common.image_files import Asked
from .common.messages import say
from .demo import PARTS

EXAMPLES = """examples:
  camkit studio
  camkit studio photos/ --model resnet50
  camkit studio photos/ --model resnet50 --weights mine.pth --class-names classes.txt
  camkit studio maps/
  camkit studio photo.jpg --model ultralytics:yolo11n.pt --port 8123 --no-browser
"""


def add_studio_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "studio",
        help="open a page to look at maps and ask again",
        description="Open a page in the browser: drop a photo, click classes and methods, change "
        "layer, opacity and threshold, paint over the photo, ask whether to trust the map. The "
        "page is served by this machine to itself, and asks no other. Without arguments it shows "
        "the demo's network and photos; of a folder that `camkit explain-dataset` wrote, its rows. "
        "Ctrl-C ends it. Needs the extra `studio`.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_images(parser)
    model = parser.add_argument_group("the model")
    add_model(model)
    for action in model._group_actions:
        action.required = False
    page = parser.add_argument_group("the page")
    page.add_argument(
        "--port", type=_port, default=0, metavar="N", help="of this machine (default: a free one)"
    )
    page.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
    parser.set_defaults(func=run)


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text[:40]!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ImportFailed(
            f"camkit studio needs {' and '.join(missing)}; python -m pip install "
            f"{' '.join(missing)}, or camkit with its extra: pip install 'camkit[studio]'"
        )
    loading = {name: getattr(args, name) for name in LOADING}
    check_loading(loading)
    if folder := _data_set(args.images):
        return _serve_gallery(folder, args)
    asked = Asked(args.images, args.files_from, args.recursive)
    paths: list[Path] = []
    if args.images or args.files_from:
        paths, failures = pictures_of(asked, None)
        if not paths:
            return failures.conclude(len(failures.reasons)) or 2
    from ..studio.application import Studio
    from ..studio.code import ModelCode
    from ..studio.explainer import Explainer
    from ..studio.photos import Photos, of_files
    from ..studio.serving import serve
    from .common.model import load

    name, shown = _usual(args.model)
    folders = [Path(each) for each in args.images if Path(each).is_dir()]
    photos = Photos(of_files(paths, folders) if paths else shown)
    explainer = Explainer(load(name, loading), photos, ModelCode(name, loading))

    serve(Studio(explainer, photos), args.port, partial(_started, not args.no_browser))
    return 0


def _started(browser: bool, url: str) -> None:
    from ..studio.serving import open_browser

    put(url)
    say("Ctrl-C ends the studio")
    if browser:
        open_browser(url)


def _data_set(images: Sequence[str]) -> Path | None:
    """The folder that is named, if it is a data set's explanations; else None."""
    folder = Path(images[0]) if len(images) == 1 else None
    return folder if folder and next(folder.glob("part-*.parquet"), None) else None


def _serve_gallery(folder: Path, args: argparse.Namespace) -> int:
    from secrets import token_urlsafe

    from ..studio.gallery import Gallery, GalleryStudio
    from ..studio.serving import serve

    studio = GalleryStudio(Gallery(folder), token_urlsafe(18))
    serve(studio, args.port, partial(_started, not args.no_browser))
    return 0


def _usual(model: str | None) -> tuple[str, list[Any]]:
    """The name of the model, the demo's where none is given, and the photos where none are."""
    from ..studio.examples import MODEL, examples

    if find_spec("skimage") is None:
        say("for photos to begin with: python -m pip install scikit-image")
    elif model or all(find_spec(module) for module in PARTS):
        return model or MODEL, examples()
    if model:
        return model, []
    from .demo_scene import FACTORY, scenes

    return FACTORY, scenes()
