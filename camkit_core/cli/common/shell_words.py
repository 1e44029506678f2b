"""Advice as the shell has it: the errors and notes of the library name arguments of Python."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...results.explanation import Explanation

OWN = "(--model package.module:factory)"
_CHOOSE = "choose another layer (--layer; `camkit layers MODEL` lists them)"
_OPTIONS = {
    "layer": "--layer",
    "target": "--target",
    "targets": "--target",
    "output": "--model-output",
    "method": "--method",
    "methods": "--method",
    "metrics": "--metric",
    "renderer": "--renderer",
    "batch_size": "--batch-size",
    "class_names": "--class-names",
    "weights": "--weights",
    "aug_smooth": "--aug-smooth",
    "eigen_smooth": "--eigen-smooth",
    "fuse_layers": "--fuse-layers",
    "guided": "--guided",
    "format": "--format",
}
_NAMES = "|".join(_OPTIONS)
_PYTHON_ONLY = "adapter|reshape_transform|shared_inputs|image_input"
_LITERAL = r"(?:\[[^\[\]]*\]|'[^']*'|\"[^\"]*\"|-?\d+|True|None)"
# What ends an expression outside of brackets.
_ENDS = (";", "\n", ". ", ", target=", ", or ", ", and ", ", which", " or ", " and ")
_LAMBDA = re.compile(
    r"(?:say what to explain with )?(?:pass )?(?:a callable, )?(?:e\.g\. )?"
    r"(target|output|reshape_transform)=lambda output: "
)
_MARKS = ("=", "Did you mean", "e.cam", "has no layer", "explain_dataset(")
_Change = tuple[str, str | Callable[[re.Match[str]], str]]


def _option(found: re.Match[str]) -> str:
    """`layer='a'` as `--layer a`, `guided=True` as `--guided`, `layer=` as `--layer`."""
    name, value = _OPTIONS[found[1]], found[2]
    if value is None or value in ("True", "None"):
        return name if value != "None" else f"no {name}"
    try:
        read = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        read = value
    words = ",".join(map(str, read)) if isinstance(read, list) else str(read)
    return f"{name} {shlex.quote(words)}"


_CHANGES: tuple[_Change, ...] = (
    (
        r"explain_dataset\(model, source, output\) writes one to output",
        "camkit explain-dataset FOLDER --model NAME --output MAPS writes one",
    ),
    (r"( has no layer .*; close to it: .*)", r"\1; `camkit layers MODEL` lists all"),
    (
        r"classes (\d+) and (\d+) score almost alike (.*explain both), or let a model .*",
        r"classes \1 and \2 score almost alike \3 (--target \1,\2), or what tells them apart "
        r"(--method finercam)",
    ),
    (r"Pass layer= with one of its layers", "Name one of its layers (--layer)"),
    (r"; or explain it with adapter=.*", ""),
    (r"pass (?:another |a )?reshape_transform=[^;.]*? or choose another(?: layer)?", _CHOOSE),
    (r"leave layer= out, or pass reshape_transform=[^;]*", "leave --layer out"),
    (r", and reshape_transform= where it is no grid", ""),
    (r", or pass (?:another |a )?reshape_transform=[^;]*", f", or {_CHOOSE}"),
    (r"pass (?:another |a )?reshape_transform=[^;]*", _CHOOSE),
    (rf"pass (?:{_PYTHON_ONLY})=[^;]*", "explain it in Python, by camkit_core.explain"),
    (
        r"it is an argument of explain and compare themselves: .*?(--[\w-]+) of [\w ]+",
        r"it is an option of the command: \1",
    ),
    (
        r"it is an argument of explain and compare themselves: .*",
        "it is an argument of camkit_core.explain, in Python alone",
    ),
    (rf"Did you mean '({_NAMES})'\?", lambda found: f"Did you mean {_OPTIONS[found[1]]}?"),
    (rf"Did you mean '({_PYTHON_ONLY})'\?", r"Did you mean \1=, in Python alone?"),
    (r"=True \(in the shell: (--[\w-]+)\)", r"=True"),
    (r"target=(?:camkit_core\.)?TextTarget\(('[^']*')\), or several texts in a list", r"--text \1"),
    (r"target=(?:camkit_core\.)?TextTarget\(('[^']*')\)", r"--text \1"),
    (r"target=\[?(?:DetectionTarget|SegmentationTarget)\((\d+)\)[^;.]*", r"--target \1"),
    (r"by target=TokenTarget\([^)]*\)", "in Python, by TokenTarget"),
    (r"by SimilarityTarget|SimilarityTarget", "by SimilarityTarget in Python"),
    (r"; e\.cam holds the signed values", "; --renderer raw writes the signed values"),
    (r"take variant='(\w+)' or '(\w+)'", r"take --set variant=\1 or --set variant=\2"),
    (r"leave output= out, or pass a function of it", "leave --model-output out"),
    (rf"(?<![\w.-])({_NAMES})=({_LITERAL})?(?!\w)", _option),
)
_COMPILED = tuple((re.compile(pattern), change) for pattern, change in _CHANGES)


def for_the_shell(text: str) -> str:
    """The same text with options of the command in place of Python's arguments."""
    if not any(mark in text for mark in _MARKS):
        return text
    text = _without_functions(text)
    for pattern, change in _COMPILED:
        text = pattern.sub(change, text)
    return text


def noted_for_the_shell(explanation: Explanation) -> Explanation:
    """The explanation with its notes, and the reasons of blank maps, for who uses the command."""
    notes = tuple(map(for_the_shell, explanation.notes))
    reasons = tuple(reason and for_the_shell(reason) for reason in explanation.reasons)
    return replace(explanation, notes=notes, reasons=reasons)


def _without_functions(text: str) -> str:
    """A function of the output as a model of one's own that returns it."""
    while found := _LAMBDA.search(text):
        end = _end(text, found.end())
        expression = text[found.end() : end]
        text = f"{text[: found.start()]}{_instead(found[1], expression)}{text[end:]}"
    return text


def _instead(name: str, expression: str) -> str:
    if name == "reshape_transform":
        return _CHOOSE
    part = re.fullmatch(r"output(?:\[('[^']*'|-?\d+)\]|\.(\w+))", expression)
    if name == "output" and part:
        return f"--model-output {(part[1] or part[2]).strip(chr(39))}"
    return f"let a model of your own return {expression} {OWN}"


def _end(text: str, start: int) -> int:
    """Where the expression ends that begins at `start`."""
    depth = 0
    for place in range(start, len(text)):
        letter = text[place]
        if letter in ")]}" and depth == 0:
            return place
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and text.startswith(_ENDS, place):
            return place
    return len(text.rstrip("."))
