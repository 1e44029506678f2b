"""Names of what is explained: `encoder`, `encoder#1`, `backbone['3']`, `norm5 > relu`.

A dotted module name; then, where the module runs more than once, which of its calls; where its
first tensor is not meant, the key of the other one; and the element-wise torch calls that follow,
up to the tensor that is explained.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from types import NoneType

from ..pytree import Path

_NAME = re.compile(r"^(?P<module>[^#\[>]+?)(?:#(?P<call>\d{1,9}))?(?P<key>(?:\[[^\]]*\])*)$")


@dataclass(frozen=True)
class LayerName:
    """What is explained, by name.

    Attributes:
        module: the dotted name of a module.
        call: which of its calls, the first is 0; None for a module that runs once.
        key: the path of the tensor in what the module returns; () for its first tensor.
        after: names of the element-wise torch calls between that tensor and the explained one.
    """

    module: str
    call: int | None = None
    key: Path = ()
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        call = "" if self.call is None else f"#{self.call}"
        key = "".join(f"[{part!r}]" for part in self.key)
        return " > ".join([f"{self.module}{call}{key}", *self.after])


def parse(name: str) -> LayerName | None:
    """The parts of a name; None if it is none."""
    head, *after = [part.strip() for part in name.split(">")]
    match = _NAME.match(head)
    if not match or not all(after):
        return None
    try:
        key = tuple(map(ast.literal_eval, re.findall(r"\[([^\]]*)\]", match["key"])))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    if not all(isinstance(part, (str, int, float, NoneType)) for part in key):
        return None
    call = None if match["call"] is None else int(match["call"])
    return LayerName(match["module"], call, key, tuple(after))
