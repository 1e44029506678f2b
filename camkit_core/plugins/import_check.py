"""Import the contributions of a distribution in another process, where they can do no harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .child_process import run_alone
from .contribution import Contribution, Source
from .discovery import hook_plugins, without_extra
from .policy import Policy

# Each result is told at once: if the process ends, the next contribution was the cause.
_PROGRAM = """
from camkit_core.plugins.blame import account
from camkit_core.plugins.contribution import Contribution
from camkit_core.errors import PluginError
for row in given:
    try:
        Contribution(*row).load()
        result = "ok"
    except PluginError as error:
        result = str(error)
    except BaseException as error:
        result = account(error)
    tell(result)
"""
_HOOKS = """
from camkit_core.plugins.contribution import Source, imported
from camkit_core.plugins.registration import PluginSet
value, name = given
try:
    PluginSet().add(imported(value), name, Source(name))
except BaseException:
    pass
tell("ended")
"""


@dataclass(frozen=True)
class FatalHooks:
    """A hook plugin whose import or hooks end the process, or do not end."""

    source: Source
    name: str
    value: str
    result: str


def fatal_hooks(policy: Policy, seconds: float) -> list[FatalHooks]:
    """The hook plugins that must not be imported in this process, from a process for each.

    One that raises an error costs only itself here as well, and is not among them.

    Raises:
        PluginError: if no process can be started.
    """
    fatal = []
    for source, (_, name, value) in hook_plugins(policy):
        ended = run_alone(_HOOKS, [without_extra(value), name], seconds)
        if not ended.told:
            fatal.append(FatalHooks(source, name, value, ended.how))
    return fatal


@dataclass(frozen=True)
class ImportResult:
    """The result of importing a contribution: "ok", or what went wrong."""

    contribution: Contribution
    result: str


def check_imports(rows: Sequence[Contribution], seconds: float = 60.0) -> list[ImportResult]:
    """Import contributions of one distribution; if one ends the process, the next starts another.

    Others from the module that ended a process are not tried: they would end one as well.

    Args:
        rows: the contributions.
        seconds: how long a process may take.

    Raises:
        PluginError: if no process can be started.
    """
    results: list[ImportResult] = []
    waiting = list(rows)
    while waiting:
        results += _in_one_process(waiting, seconds)
        seen = {id(each.contribution) for each in results}
        waiting = [row for row in waiting if id(row) not in seen]
    place = {id(row): index for index, row in enumerate(rows)}
    return sorted(results, key=lambda each: place[id(each.contribution)])


def _in_one_process(rows: Sequence[Contribution], seconds: float) -> list[ImportResult]:
    """The results up to the first contribution that ends the process, and those of its module."""
    given = [[row.kind, row.name, row.distribution, row.version, row.value] for row in rows]
    ended = run_alone(_PROGRAM, given, seconds)
    results = [ImportResult(row, str(told)) for row, told in zip(rows, ended.told, strict=False)]
    rest = rows[len(results) :]
    fatal = [row for row in rest if _module(row) == _module(rest[0])]
    return [*results, *(ImportResult(row, ended.how) for row in fatal)]


def _module(row: Contribution) -> str:
    return row.value.partition(":")[0]
