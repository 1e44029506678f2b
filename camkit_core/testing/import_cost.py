"""The check that a plugin can be listed without an import of its code."""

from __future__ import annotations

import subprocess
import sys

from ..plugins import get_registry
from .checks import Check, require

_PROGRAM = """
import sys
from camkit_core.plugins import get_registry
row = get_registry().find({kind!r}, {name!r})
row.summary, row.facts
print(row.qualified, *sorted({{"torch", "numpy", {module!r}}} & set(sys.modules)))
"""


def imports_nothing_heavy(name: str, kind: str = "method") -> Check:
    """The check of an installed plugin, in a process of its own."""
    row = get_registry().find(kind, name)

    def test() -> None:
        module = row.value.partition(":")[0]
        program = _PROGRAM.format(kind=kind, name=row.qualified, module=module)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        require(done.returncode == 0, f"it cannot be found in a new process: {done.stderr[-300:]}")
        _, *heavy = done.stdout.split()
        require(not heavy, f"finding it imports {', '.join(heavy)}")

    return Check("light", "Listing it imports neither it nor torch", test)
