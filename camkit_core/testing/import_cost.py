"""The check that a plugin can be listed without an import of its code."""

from __future__ import annotations

from ..plugins import get_registry
from ..plugins.child_process import run_alone
from .checks import Check, require

_PROGRAM = """
from camkit_core.plugins import get_registry
from camkit_core.plugins.blame import account
kind, name, module = given
try:
    row = get_registry().find(kind, name)
    row.summary, row.facts
    tell(sorted({"torch", "numpy", module} & set(sys.modules)))
except BaseException as error:
    tell(account(error))
"""
SECONDS = 120.0  # for a process that imports next to nothing


def imports_nothing_heavy(name: str, kind: str = "method") -> Check:
    """The check of an installed plugin, in a process of its own."""
    row = get_registry().find(kind, name)

    def test() -> None:
        given = [kind, row.qualified, row.value.partition(":")[0]]
        ended = run_alone(_PROGRAM, given, SECONDS)
        told = ended.told[0] if ended.told else ended.how
        require(isinstance(told, list), f"it cannot be found in a new process: {told}")
        require(not told, f"finding it imports {', '.join(told)}")

    return Check("light", "Listing it imports neither it nor torch", test)
