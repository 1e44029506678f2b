"""The models that may be meant by a name that no source has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from ....errors import CamkitError, UnknownName, shown
from .libraries import path_named, timm
from .listed import clip_models, torchvision_models, ultralytics_models

_MOST = 4
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """The closest of some known names, as a sentence after a blank; "" if none is close."""
    close = close_names(name, known)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def close_names(name: str, known: Collection[str]) -> list[str]:
    """The known names that are meant by another spelling; else those with the name in them, the
    shortest first; else the closest.
    """
    wanted = _folded(name[:100])
    by_spelling = {each: _folded(each.rpartition(":")[2]) for each in sorted(known, key=_order)}
    if same := [each for each, folded in by_spelling.items() if folded == wanted]:
        return same[:_MOST]
    for fits in (str.startswith, str.__contains__):
        found = [each for each, folded in by_spelling.items() if wanted and fits(folded, wanted)]
        if found:
            return sorted(found, key=len)[:_MOST]
    lower = {each.lower(): each for each in known}
    return [lower[each] for each in get_close_matches(name[:100].lower(), lower, n=3)]


def _order(name: str) -> tuple[bool, str]:
    return ":" in name, name  # names without a prefix first


def _folded(name: str) -> str:
    return re.sub(r"[\s._-]", "", name.casefold())


def unknown_model(name: str) -> UnknownName:
    """The error for a name that neither torchvision nor timm knows, with what may be meant."""
    prefix, _, plain = name.rpartition(":")
    known = _known(prefix)
    architecture = plain.partition(".")[0]
    tagged = architecture != plain and architecture in known
    if tagged:  # only the tag of the weights is wrong
        known = {each for each in known if each.startswith(f"{architecture}.")} or {architecture}
    meant = ("" if tagged else _another_form(plain)) or did_you_mean(plain, known)
    if tagged and not meant:
        meant = f" Did you mean {' or '.join(map(repr, sorted(known)[:_MOST]))}?"
    return UnknownName(
        f"no model named {shown(name)}.{meant} `camkit list-models` lists the models of all "
        f"sources; your own is package.module:factory"
    )


def _known(prefix: str) -> set[str]:
    """The names that are known under a prefix; without one, those of all libraries."""
    of_timm = {*timm().list_models(), *timm().list_pretrained()} if prefix != "torchvision" else ()
    of_torchvision = _of_torchvision() if prefix != "timm" else ()
    return {*of_torchvision, *of_timm, *(() if prefix else _prefixed())}


def _of_torchvision() -> Iterable[str]:
    for each in torchvision_models():
        yield each.name
        yield from (f"{each.name}.{tag}" for tag in each.weights)


def _prefixed() -> Iterable[str]:
    """The models of other libraries that are installed, as `--model` takes them."""
    for source, models in (("clip", clip_models), ("ultralytics", ultralytics_models)):
        with suppress(CamkitError):  # it is not installed
            yield from (f"{source}:{each.name}" for each in models())


def _another_form(name: str) -> str:
    """What to write for a file, a folder, a name of the hub or a Python path; "" for others."""
    path = path_named(name)
    if path is not None and (path / "config.json").is_file():
        return f" For a folder of save_pretrained write --model hf:{name}."
    if path is not None and path.is_file():
        return _of_file(path, name)
    if _HUB_NAME.fullmatch(name):
        return f" For a model of the Hugging Face Hub write --model hf:{name}."
    module, _, function = name.rpartition(".")
    if re.fullmatch(r"[a-z_]\w*(\.\w+)+", name) and not name.endswith((".pt", ".pth", ".yaml")):
        return f" For a function of your own write --model {module}:{function}."
    return ""


def _of_file(path: Path, name: str) -> str:
    if path.suffix in (".pth", ".safetensors", ".ckpt", ".bin"):
        return f" It is a file of weights: name its architecture, --model NAME --weights {name}."
    if path.suffix in (".pt", ".yaml", ".yml"):
        return (
            f" For a file of ultralytics write --model ultralytics:{name}; for other weights name "
            f"their architecture, --model NAME --weights {name}."
        )
    return ""
