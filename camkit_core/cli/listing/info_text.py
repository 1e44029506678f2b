"""What `camkit info` prints: the account of a plugin, in lines that fit the terminal."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from .lists import heading

_WIDEST = 100  # letters of a line of prose
_A = {
    "method": "a method",
    "metric": "a metric",
    "renderer": "a renderer",
    "adapter": "an adapter",
    "source": "a source of models",
}
_NEEDS = {
    "tail": "runs of what follows the target layer (tail runs)",
    "attention": "a transformer's attention",
}
_COMMAND = {
    "method": "camkit explain photo.jpg --model resnet50 --method {name}",
    "metric": "camkit compare photos/ --model resnet50 --metric {name}",
    "renderer": "camkit explain photo.jpg --model resnet50 --renderer {name}",
    "adapter": "camkit layers MODEL",
    "source": "camkit list-models {name}:",
}
_PYTHON = {
    "method": 'camkit_core.explain(model, images, "{name}"{options})',
    "renderer": 'explanation.render("{name}"{options})',
}


def account_of(known: Mapping[str, Any], width: int) -> Iterator[str]:
    """What is known of a plugin, for people."""
    width = min(width, _WIDEST)
    yield f"{known['name']}: {_A[known['kind']]} of {known['package']}"
    for paragraph in [known["summary"], *known["text"]]:
        yield from _wrapped(paragraph, width, "  ")
    for label, text in _rows(known).items():
        if text:
            yield from _wrapped(text, width, f"{label:9}", " " * 9)
    yield from _options(known, width)
    yield "use it"
    yield from _uses(known)


def _wrapped(text: str, width: int, first: str, other: str | None = None) -> list[str]:
    indent = first if other is None else other
    return wrap(text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)


def _rows(known: Mapping[str, Any]) -> dict[str, str]:
    rows = {"paper": known["paper"], "returns": known["returns"]}
    if known["kind"] == "method":
        cost = known["cost"]
        rows |= {
            "group": heading(known["group"]),
            "cost": f"{cost} (runs of the model for one image)" if cost else "not stated",
            "needs": _NEEDS.get(known["needs"], ""),
            "class": "" if known["needs_class"] else "the map is the same for every class",
        }
    if known["kind"] == "metric":
        rows |= {"better": known["direction"], "reading": known["reading"]}
    return {**rows, "code": known["code"]}


def _options(known: Mapping[str, Any], width: int) -> Iterator[str]:
    if known["kind"] in _PYTHON or known["options"]:
        yield "options" if known["options"] else "options  none"
    for option in known["options"]:
        default = "it has to be given" if option["required"] else f"default {option['default']}"
        head = f"{option['name']}: {option['takes']} ({default})"
        yield from _wrapped(head, width, "  ", "      ")
        yield from _wrapped(option["what"], width, "      ")


def _uses(known: Mapping[str, Any]) -> Iterator[str]:
    """How to use it, in the shell and in Python, with the first option if there is one."""
    name, first = known["name"], next(iter(known["options"]), None)
    stated = first and not first["required"]
    more = f" --set {first['name']}={_word(first['default'])}" if first and stated else ""
    command = _COMMAND[known["kind"]].format(name=name)
    yield f"  {command}{more if known['kind'] == 'method' else ''}"
    if known["kind"] in _PYTHON:
        given = f", {first['name']}={first['default']}" if first and stated else ""
        yield f"  {_PYTHON[known['kind']].format(name=name, options=given)}"


def _word(default: str) -> str:
    """A default as a word of the shell."""
    try:
        value = ast.literal_eval(default)
    except (ValueError, SyntaxError):
        value = default
    return shlex.quote(value if isinstance(value, str) else default)
