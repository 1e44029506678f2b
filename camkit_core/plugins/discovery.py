"""Find plugins in the metadata of installed packages; a broken package costs only itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ..errors import PluginError
from .blame import account, text_of
from .builtins import DECLARED
from .contribution import BUILT_IN, Problem, Source, imported
from .hookspecs import Spec, hookimpl
from .names import fold
from .policy import Policy
from .registration import HOOKS, MOST, PluginSet

if TYPE_CHECKING:
    from importlib import metadata

_HOOK_GROUP = "camkit"
_GROUPS = {f"camkit.{kind}s": hook for hook, kind in HOOKS.items()}
_SLOW = 0.25  # seconds; the import of a hook plugin has to be faster, as every list waits for it

Declared = tuple[str, str, str]  # group, name, value


@dataclass
class Discovery:
    """The plugins that are installed.

    Attributes:
        plugins: every plugin that registered in full.
        problems: the plugins that had to be left out, and what else is wrong.
        blocked: hook plugins that are not to be used, and so were not imported.
    """

    plugins: PluginSet = field(default_factory=PluginSet)
    problems: list[Problem] = field(default_factory=list)
    blocked: list[tuple[Source, Declared]] = field(default_factory=list)


def discover(policy: Policy) -> Discovery:
    """Every installed plugin, registered one by one, and the problems with others.

    It reads metadata alone and imports nothing, except for modules under the group `camkit`.
    """
    discovery = Discovery()
    declared = _scan(discovery.problems)
    for source, entries in declared:
        for entry in entries:
            group, name, _ = entry
            plugin = f"{group}:{name}"
            if group == _HOOK_GROUP and not policy.uses(source.distribution, name):
                discovery.blocked.append((source, entry))
                continue
            try:
                loaded = _plugin(source, entry, discovery.problems)
                discovery.plugins.add(loaded, f"{source.distribution}:{plugin}", source)
            except KeyboardInterrupt:
                raise
            except BaseException as cause:  # noqa: BLE001 - becomes a problem
                discovery.problems.append(_problem(source, plugin, cause))
    names = [f"{row.distribution}:{row.name}" for row in discovery.plugins.all()]
    names += [f"{source.distribution}:{name}" for source, (_, name, _) in hooks_in(declared)]
    discovery.problems += policy.unknown([*(source.distribution for source, _ in declared), *names])
    return discovery


def hook_plugins(policy: Policy) -> list[tuple[Source, Declared]]:
    """The hook plugins that are installed and used; nothing is imported."""
    return [
        (source, entry)
        for source, entry in hooks_in(_scan([]))
        if policy.uses(source.distribution, entry[1])
    ]


def hooks_in(declared: Iterable[tuple[Source, list[Declared]]]) -> list[tuple[Source, Declared]]:
    """Those that stand in the group `camkit`."""
    return [
        (source, entry)
        for source, entries in declared
        for entry in entries
        if entry[0] == _HOOK_GROUP
    ]


def _plugin(source: Source, entry: Declared, problems: list[Problem]) -> object:
    group, name, value = entry
    plain = without_extra(value)
    if group == _HOOK_GROUP:
        return _hook_plugin(source, name, plain, problems)

    @hookimpl
    def implementation() -> list[Spec]:
        return [Spec(name, plain)]

    return _EntryPoint(**{_GROUPS[group]: implementation})


class _EntryPoint(SimpleNamespace):
    """A hook alone; pluggy looks at all that `dir` lists, and for 150 plugins that takes long."""

    def __dir__(self) -> list[str]:
        return list(vars(self))


def without_extra(value: str) -> str:
    """The value of an entry point alone; "module:attribute [extra]" is allowed, too."""
    return value.partition("[")[0].replace(" ", "")


def _hook_plugin(source: Source, name: str, value: str, problems: list[Problem]) -> object:
    start, without_torch = time.perf_counter(), "torch" not in sys.modules
    plugin = imported(value)
    seconds, heavy = time.perf_counter() - start, without_torch and "torch" in sys.modules
    if seconds > _SLOW or heavy:
        why = f"its import took {seconds:.1f} s{' and imported torch' if heavy else ''}"
        advice = "let it register 'package.module:attribute' in place of what it imports"
        problems.append(
            Problem(*source.named, f"{_HOOK_GROUP}:{name}", f"{why}; {advice}", left_out=False)
        )
    return plugin


def _scan(problems: list[Problem]) -> list[tuple[Source, list[Declared]]]:
    """The entry points of each distribution, by its name; camkit's own also without metadata."""
    from importlib import metadata  # not for `camkit --help`

    built_in = [(group, *entry) for group, table in DECLARED.items() for entry in table.items()]
    declared: dict[str, tuple[Source, list[Declared]]] = {BUILT_IN: (Source(BUILT_IN), built_in)}
    scanned: set[str] = set()
    # "" is the working directory, as in a notebook; nobody installed what lies there.
    for distribution in metadata.distributions(path=list(filter(None, sys.path))):
        source = Source(f"in {distribution.locate_file('')}")
        try:
            if not _mentions_camkit(distribution):
                continue
            source = _source(distribution)
            key = fold(source.distribution)
            if key not in scanned:
                scanned.add(key)
                declared[key] = _declared(_first_of_that_name(source.distribution))
        except Exception as cause:  # noqa: BLE001 - becomes a problem
            problems.append(_problem(source, "", cause))
    return [declared[key] for key in sorted(declared)]


def _mentions_camkit(distribution: metadata.Distribution) -> bool:
    # To parse the metadata of every installed package would take longer than all the rest.
    return "camkit" in (distribution.read_text("entry_points.txt") or "")


def _first_of_that_name(name: str) -> metadata.Distribution:
    from importlib import metadata

    # Imports take the first copy on sys.path, so it counts, also if another copy has the plugins.
    path = list(filter(None, sys.path))
    return next(iter(metadata.Distribution.discover(name=name, path=path)))


def _declared(distribution: metadata.Distribution) -> tuple[Source, list[Declared]]:
    groups = {_HOOK_GROUP, *_GROUPS}
    entries = [entry for entry in distribution.entry_points if entry.group in groups]
    if len(entries) > MOST:
        raise PluginError(f"it declares more than {MOST:,} plugins")
    return _source(distribution), sorted({(each.group, each.name, each.value) for each in entries})


def _source(distribution: metadata.Distribution) -> Source:
    fields = distribution.metadata
    name, version, summary = (
        str(fields[key]) if key in fields else "" for key in ("Name", "Version", "Summary")
    )
    if not name:
        raise ValueError("its metadata has no name")
    return Source(name, version, summary)


def _problem(source: Source, plugin: str, cause: BaseException) -> Problem:
    text = text_of(cause) if isinstance(cause, PluginError) else account(cause)
    return Problem(*source.named, plugin, " ".join(text.split()))
