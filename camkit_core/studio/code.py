"""The page's maps as a program and as a command, which give the same maps."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .look import common, drawing, not_drawn, threshold, wipe
from .photos import GREY, Source
from .question import Question


@dataclass(frozen=True)
class ModelCode:
    """How the model is loaded: the arguments of `load_model`.

    Attributes:
        name: the model's name.
        loading: the other arguments, where they were said.
    """

    name: str
    loading: Mapping[str, Any] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """The arguments that are not the usual ones."""
        usual = {"weights": "DEFAULT"}
        return {
            name: value
            for name, value in self.loading.items()
            if value is not None and value != usual.get(name)
        }


def as_python(
    asked: Question, source: Source, model: ModelCode, names: Sequence[str] = (), task: str = ""
) -> str:
    """A program that makes the maps of a question.

    Args:
        asked: the question.
        source: its photo.
        model: its model.
        names: of the classes, for comments.
        task: of the model.
    """
    picture = _picture(asked, source)
    lines = [
        *_imports(asked, source),
        "import camkit_core as camkit",
        *(["from camkit_core.image import read_image"] if source.path and asked.painted else []),
        "",
        f"model = camkit.load_model({_arguments([model.name], model.said())})",
        *picture,
        *_explained(asked, names),
        *_shown(asked, task),
    ]
    return "\n".join(lines) + "\n"


def _imports(asked: Question, source: Source) -> Iterator[str]:
    if "np." in source.code and not source.path:
        yield "import numpy as np"
    if threshold(asked) or wipe(asked):
        yield "from PIL import Image"
    if "data." in source.code and not source.path:
        yield "from skimage import data"
    if "make_scene" in source.code and not source.path:
        yield "from camkit_core.testing.ground_truth.scenes import make_scene"


def _picture(asked: Question, source: Source) -> list[str]:
    if not asked.painted:
        return [f"picture = {source.code}"]
    read = f"read_image({source.code})" if source.path else f"{source.code}.copy()"
    painted = [
        f"picture[{top}:{bottom}, {left}:{right}] = {GREY[0]}"
        for left, top, right, bottom in asked.painted
    ]
    return [f"picture = {read}", *painted]


def _explained(asked: Question, names: Sequence[str]) -> Iterator[str]:
    comment = _comment(asked.target, names)
    if len(asked.methods) == 1 and asked.minus is None:
        yield f"e = {_explain(asked)}{comment}"
    elif asked.options:  # each is for its own method
        targets = [asked.target] if asked.minus is None else [asked.target, asked.minus]
        yield f"maps = [{comment}"
        for target in targets:
            yield from (f"    {_explain(each)}," for each in replace(asked, target=target).each())
        yield "]"
    else:
        targets = [asked.target] if asked.minus is None else [asked.target, asked.minus]
        layer = {"layer": asked.layer} if asked.layer else {}
        given = _arguments([list(asked.methods), targets], layer)
        yield f"maps = [*camkit.compare(model, picture, {given})]{comment}"


def _explain(asked: Question) -> str:
    said = {"target": asked.target, "layer": asked.layer}
    settings = {name: value for name, value in said.items() if value is not None}
    given = _arguments([asked.methods[0]], {**settings, **asked.options})
    return f"camkit.explain(model, picture, {given})"


def _shown(asked: Question, task: str) -> Iterator[str]:
    several, count = len(asked.methods) > 1, len(asked.methods)
    file = 'f"{e.method}.png"' if several else '"why.png"'
    if asked.minus is None and not several:
        yield from _drawn(asked, task, file)
    elif asked.minus is None:
        if common(asked):
            yield "most = max(map(camkit.highest, maps)) or 1  # one scale for all maps"
        yield "for e in maps:"
        yield from (f"    {line}" for line in _drawn(asked, task, file))
    else:
        yield f"pairs = [*zip(maps, maps[{count}:])]  # the first less the second"
        if common(asked):
            yield "most = max(camkit.highest(a, minus=b) for a, b in pairs) or 1"
        yield "for e, other in pairs:"
        yield from (f"    {line}" for line in _drawn(asked, task, file))


def _drawn(asked: Question, task: str, file: str) -> Iterator[str]:
    """A map as the page draws it, in a file; and the box of its threshold."""
    given = _given(asked, task)
    yield "print(e)" if asked.minus is None else 'print(e, "minus", other)'
    if share := wipe(asked):
        yield f"drawn = e.render({given})"
        yield "photo = Image.fromarray(e.originals[0].pixels)"
        yield "photo = photo.resize((drawn.width, photo.height * drawn.width // photo.width))"
        yield f"drawn.paste(photo.crop((0, 0, round({share} * photo.width), photo.height)))"
        yield f"drawn.save({file})"
    else:
        yield f"e.save({file}{', ' if given else ''}{given})"
    if level := threshold(asked):
        yield f"heat = {_heat(asked)}"
        yield f'print("above {level}:", Image.fromarray(heat >= {level}).getbbox())'


def _given(asked: Question, task: str) -> str:
    """The options that draw as the page does."""
    options = drawing(asked)
    if asked.minus is not None:
        options.pop("colormap", None)
    elif task == "detection":
        options = {"renderer": "boxes", **options}
    given = [f"{name}={value!r}" for name, value in options.items()]
    return ", ".join(given + [part for part in _of_maps(asked) if part])


def _of_maps(asked: Question) -> list[str]:
    """Options that are other maps, or come of them."""
    scale = "vmax=most" if common(asked) else ""
    return [scale, "" if asked.minus is None else "minus=other"]


def _heat(asked: Question) -> str:
    """What the threshold is compared with, in the pixels of the photo."""
    size = "e.originals[0].pixels.shape[1::-1]"
    given = ", ".join(["e", "0", size, *filter(None, _of_maps(asked))])
    heat = f"camkit.heat_at({given})"
    return heat if asked.minus is None else f"abs({heat})"


def _comment(target: int | str | None, names: Sequence[str]) -> str:
    """The name of a class by number; a name of other letters than can be printed is left out."""
    if not isinstance(target, int) or target >= len(names) or not names[target].isprintable():
        return ""
    return f"  # {names[target]}"


def _arguments(positional: Sequence[Any], named: Mapping[str, Any]) -> str:
    return ", ".join([*map(repr, positional), *(f"{key}={each!r}" for key, each in named.items())])


def as_command(asked: Question, source: Source, model: ModelCode, task: str = "") -> str:
    """The commands that draw the maps; a photo that is not in a file is to be saved first."""
    saved = source.path is None or asked.painted
    file = f"{source.key}.png" if saved else str(source.path)
    first = [f"# save the photo as {file} first, by the button Photo"] if saved else []
    first += not_drawn(asked)
    together = asked.each() if asked.options else [asked]
    return "".join(f"{line}\n" for line in first) + "".join(
        _command(each, file, model, task) for each in together
    )


def _command(asked: Question, file: str, model: ModelCode, task: str) -> str:
    words = ["camkit", "explain", file, "--model", model.name, *_loading(model)]
    words += ["--method", ",".join(asked.methods), *_target(asked, task)]
    words += ["--layer", asked.layer] if asked.layer else []
    for name, value in asked.options.items():
        words += ["--set", f"{name}={value}"]
    words += ["--boxes"] if task == "detection" else []
    return shlex.join(words) + "\n"


def _loading(model: ModelCode) -> Iterator[str]:
    for name, value in model.said().items():
        if name == "size":
            value = "x".join(map(str, value))
        elif isinstance(value, (list, tuple)):
            value = ",".join(map(str, value))
        yield from (f"--{name.replace('_', '-')}", str(value))


def _target(asked: Question, task: str) -> list[str]:
    said = [each for each in (asked.target, asked.minus) if each is not None]
    if task == "text-image":
        return [part for word in said for part in ("--text", str(word))]
    if task == "detection" and not said:
        return ["--target", ":0"]  # the page's is the best box, the command's are the three best
    return ["--target", ",".join(map(str, said))] if said else []
