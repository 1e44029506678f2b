"""Import the contributions of a distribution in another process, where they can do no harm."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .contribution import Contribution

_MARK = "camkit-import "
# Each result is printed at once: if the process dies, the next contribution was the cause.
_PROGRAM = f"""
import json, sys
from camkit_core.plugins.contribution import Contribution
for kind, name, distribution, version, value in json.load(sys.stdin):
    try:
        Contribution(kind, name, distribution, version, value).load()
        result = "ok"
    except Exception as error:
        result = str(error)
    print("\\n{_MARK}" + json.dumps(result), flush=True)
"""


@dataclass(frozen=True)
class ImportResult:
    """The result of importing a contribution: "ok", or what went wrong."""

    contribution: Contribution
    result: str


def check_imports(rows: Sequence[Contribution], seconds: float = 60.0) -> list[ImportResult]:
    """Import contributions of one distribution; if one ends the process, the next starts another.

    Args:
        rows: the contributions.
        seconds: how long a process may take.
    """
    results: list[ImportResult] = []
    while len(results) < len(rows):
        results += _in_one_process(rows[len(results) :], seconds)
    return results


def _in_one_process(rows: Sequence[Contribution], seconds: float) -> list[ImportResult]:
    """The results up to the first contribution that ends the process; at least one."""
    given = [[row.kind, row.name, row.distribution, row.version, row.value] for row in rows]
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        printed, end = done.stdout, _ending(done.returncode)
    except subprocess.TimeoutExpired as late:
        printed = (late.stdout or b"").decode(errors="replace")
        end = f"did not finish within {seconds:.0f} s"
    lines = [line for line in printed.splitlines() if line.startswith(_MARK)]
    results = [
        ImportResult(row, json.loads(line.removeprefix(_MARK)))
        for row, line in zip(rows, lines, strict=False)
    ]
    died = len(results) < len(rows)
    return [*results, ImportResult(rows[len(results)], end)] if died else results


def _ending(code: int) -> str:
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended the process with exit code {code}"
