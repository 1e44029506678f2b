"""The page's maps as a program and as a command, which give the same maps."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..image.colour_maps import COLOUR_MAPS
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


def as_python(asked: Question, source: Source, model: ModelCode, names: Sequence[str] = ()) -> str:
    """A program that makes the maps of a question.

    Args:
        asked: the question.
        source: its photo.
        model: its model.
        names: of the classes, for comments.
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
        *_shown(asked),
    ]
    return "\n".join(lines) + "\n"


def _imports(asked: Question, source: Source) -> Iterator[str]:
    if "np." in source.code and not source.path:
        yield "import numpy as np"
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


def _shown(asked: Question) -> Iterator[str]:
    colours, opacity = asked.view.get("colours"), asked.view.get("opacity")
    options: dict[str, Any] = {}
    if isinstance(colours, str) and colours in COLOUR_MAPS:
        options["colormap"] = colours
    if isinstance(opacity, (int, float)) and 0 <= opacity <= 1:
        options["alpha"] = round(float(opacity), 3)
    after = "".join(f", {name}={value!r}" for name, value in options.items())
    if asked.minus is not None:
        count = len(asked.methods)
        yield f"differences = [a.cam - b.cam for a, b in zip(maps, maps[{count}:])]"
        yield "print(maps, differences)"
    elif len(asked.methods) > 1:
        yield "for e in maps:"
        yield "    print(e)"
        yield f'    e.save(f"{{e.method}}.png"{after})'
    else:
        yield "print(e)"
        yield f'e.save("why.png"{after})'


def _comment(target: int | str | None, names: Sequence[str]) -> str:
    """The name of a class by number; a name of other letters than can be printed is left out."""
    if not isinstance(target, int) or target >= len(names) or not names[target].isprintable():
        return ""
    return f"  # {names[target]}"


def _arguments(positional: Sequence[Any], named: Mapping[str, Any]) -> str:
    return ", ".join([*map(repr, positional), *(f"{key}={each!r}" for key, each in named.items())])


def as_command(asked: Question, source: Source, model: ModelCode) -> str:
    """The commands that draw the maps; a photo that is not in a file is to be saved first."""
    saved = source.path is None or asked.painted
    file = f"{source.key}.png" if saved else str(source.path)
    first = f"# save the photo as {file} first, by the button Photo\n" if saved else ""
    together = asked.each() if asked.options else [asked]
    return first + "".join(_command(each, file, model) for each in together)


def _command(asked: Question, file: str, model: ModelCode) -> str:
    words = ["camkit", "explain", file, "--model", model.name, *_loading(model)]
    words += ["--method", ",".join(asked.methods), *_target(asked)]
    words += ["--layer", asked.layer] if asked.layer else []
    for name, value in asked.options.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words) + "\n"


def _loading(model: ModelCode) -> Iterator[str]:
    for name, value in model.said().items():
        if name == "size":
            value = "x".join(map(str, value))
        elif isinstance(value, (list, tuple)):
            value = ",".join(map(str, value))
        yield from (f"--{name.replace('_', '-')}", str(value))


def _target(asked: Question) -> list[str]:
    said = [each for each in (asked.target, asked.minus) if each is not None]
    words = [each for each in said if isinstance(each, str) and " " in each]
    if words:
        return [part for word in words for part in ("--text", word)]
    return ["--target", ",".join(map(str, said))] if said else []
