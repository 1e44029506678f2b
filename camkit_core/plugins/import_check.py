"""Importing what a distribution contributes in a process of its own, where it can do no harm."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from .contribution import Contribution

_MARK = "camkit-trial "
# Written one by one, so that what was being imported is known if the process dies of it.
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
    """What came of importing a contribution: "ok", or what went wrong."""

    contribution: Contribution
    result: str


def check_imports(rows: Sequence[Contribution], seconds: float = 60.0) -> list[ImportResult]:
    """Import contributions of one distribution, in as many processes as die of it.

    Args:
        rows: what to import.
        seconds: how long a process may take.
    """
    found: list[ImportResult] = []
    while len(found) < len(rows):
        found += _survivors(rows[len(found) :], seconds)
    return found


def _survivors(rows: Sequence[Contribution], seconds: float) -> list[ImportResult]:
    """Those up to the first that ends the process, at least one."""
    asked = [[row.kind, row.name, row.distribution, row.version, row.value] for row in rows]
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        printed, end = done.stdout, _ending(done.returncode)
    except subprocess.TimeoutExpired as late:
        printed = (late.stdout or b"").decode(errors="replace")
        end = f"did not finish within {seconds:.0f} s"
    results = [
        json.loads(line.removeprefix(_MARK))
        for line in printed.splitlines()
        if line.startswith(_MARK)
    ]
    found = [ImportResult(row, result) for row, result in zip(rows, results, strict=False)]
    return found if len(found) == len(rows) else [*found, ImportResult(rows[len(found)], end)]


def _ending(code: int) -> str:
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended the process with exit code {code}"
