"""The public names and their signatures: losing one, or a stricter one, breaks users' code.

After an intended change, write the list anew: python tests/test_public_api.py
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

LIST = Path(__file__).with_name("public_api.txt")
MODULES = ("camkit_core", "camkit_core.plugins", "camkit_core.testing")


def public() -> list[str]:
    """A line for each public name, and for each public attribute of a public class."""
    lines = []
    for name in MODULES:
        module = importlib.import_module(name)
        for public_name in sorted(module.__all__):
            thing = getattr(module, public_name)
            lines.append(f"{name}.{public_name}{_signature(thing)}")
            if inspect.isclass(thing):
                lines += [
                    f"{name}.{public_name}.{member}{_signature(getattr(thing, member))}"
                    for member in sorted(dir(thing))
                    if not member.startswith("_") and _own(thing, member)
                ]
    return lines


def _own(kind: type, member: str) -> bool:
    owner = next(parent for parent in kind.__mro__ if member in vars(parent))
    return owner.__module__.startswith("camkit")


def _signature(thing: object) -> str:
    if not callable(thing):
        return ""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return ""
    return f"({', '.join(map(_shown, parameters))})"


def _shown(parameter: inspect.Parameter) -> str:
    plain = parameter.replace(annotation=parameter.empty, default=parameter.empty)
    return f"{plain}{'' if parameter.default is parameter.empty else '=...'}"


def test_the_public_names_are_those_on_the_list() -> None:
    assert public() == LIST.read_text().splitlines()


if __name__ == "__main__":
    LIST.write_text("\n".join(public()) + "\n")
