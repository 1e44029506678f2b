"""Run a program in another Python process, where plugins can do no harm to this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import PluginError

# The path is set before anything is imported. What is told goes into a file of its own, opened
# anew each time: a plugin may print anything, and close anything. Only the process that was
# started tells: a plugin may fork. It ends without a farewell: a plugin may leave threads behind.
_PROGRAM = """
import sys
sys.path[:] = {path!r}
import json, os
with open({given!r}) as file:
    given = json.load(file)
def tell(value, own=os.getpid()):
    if os.getpid() != own:
        os._exit(0)
    with open({told!r}, "a") as file:
        file.write(json.dumps(value) + "\\n")
{program}
os._exit(0)
"""
_FLAGS = {"isolated": "-I", "ignore_environment": "-E", "no_user_site": "-s", "no_site": "-S"}


@dataclass(frozen=True)
class Ended:
    """A process that has ended.

    Attributes:
        told: what its program told, in order.
        how: how it ended.
    """

    told: list[Any]
    how: str


def run_alone(program: str, given: Any, seconds: float) -> Ended:
    """Run a program in another Python process, with this one's `sys.path`.

    The process starts in an empty folder, so it runs no code of the working directory. It reads
    and prints nothing. When it ends, so do those that it has started, unless they left its group.

    Args:
        program: Python code, which finds `given`, and calls `tell(value)` for each result.
        given: data that can be written as JSON.
        seconds: how long it may take.

    Raises:
        PluginError: if no process can be started.
    """
    if getattr(sys, "frozen", False) or not sys.executable:
        raise PluginError("a frozen application has no Python to start a process with")
    try:
        with TemporaryDirectory(prefix="camkit-", ignore_cleanup_errors=True) as name:
            folder = Path(name).resolve()
            (folder / "given.json").write_text(json.dumps(given))
            (folder / "empty").mkdir()
            how = _ending(_command(program, folder), folder / "empty", seconds)
            return Ended(list(_told(folder / "told.json")), how)
    except OSError as error:
        raise PluginError(f"cannot start a process: {error}") from error


def _command(program: str, folder: Path) -> list[str]:
    """The command line; the path and the flags are those of this process."""
    path = [os.path.abspath(entry) for entry in sys.path if entry and isinstance(entry, str)]
    files = {name: str(folder / f"{name}.json") for name in ("given", "told")}
    flags = [flag for name, flag in _FLAGS.items() if getattr(sys.flags, name)]
    text = _PROGRAM.format(path=path, program=program, **files)
    return [os.path.abspath(sys.executable), *flags, "-c", text]


def _ending(command: list[str], folder: Path, seconds: float) -> str:
    """Run a command in a folder; how it ended."""
    with _started(command, folder) as process:
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"did not finish within {seconds:.0f} s"
    if code < 0:
        return f"crashed ({_name(-code)})"
    return f"ended the process with exit code {code}"


@contextmanager
def _started(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that reads and prints nothing; afterwards it and its children are gone."""
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=nothing, stdout=nothing, stderr=nothing, cwd=folder, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _name(number: int) -> str:
    """The name of a signal; the number of one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _told(file: Path) -> Iterator[Any]:
    """What was told, up to a line that is not whole."""
    with suppress(ValueError):
        for line in file.read_text().splitlines() if file.exists() else ():
            yield json.loads(line)
