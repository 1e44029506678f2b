"""Finding plugins in the metadata of what is installed; a broken package costs only itself."""

from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace

from ..errors import PluginError
from .contribution import BUILT_IN, Problem, Source, fold, imported
from .hookspecs import Register, hookimpl
from .registration import HOOKS, PluginSet

_HOOK_GROUP = "camkit"
_GROUPS = {f"camkit.{kind}s": hook for hook, kind in HOOKS.items()}
_NOT_INSTALLED = (
    "it is not installed, so none of its own methods, adapters and renderers is known; "
    "in a source checkout run: python -m pip install -e ."
)

Declared = tuple[str, str, str]  # group, name, value


def discover() -> tuple[PluginSet, list[Problem]]:
    """Every installed plugin, registered one by one, and those that had to be left out.

    Reads metadata only, but for modules under the group `camkit`, which it imports.
    """
    found, problems = PluginSet(), list[Problem]()
    declared = _scan(problems)
    for source, entries in declared:
        for group, name, value in entries:
            plugin = f"{group}:{name}"
            try:
                found.add(_plugin(group, name, value), f"{source.distribution}:{plugin}", source)
            except (Exception, SystemExit) as cause:  # noqa: BLE001 - it becomes a problem
                problems.append(_problem(source, plugin, cause))
    if BUILT_IN not in (source.distribution for source, _ in declared):
        problems.append(Problem(BUILT_IN, "", "", _NOT_INSTALLED))
    return found, problems


def _plugin(group: str, name: str, value: str) -> object:
    plain = value.partition("[")[0].replace(" ", "")  # "module:attribute [extra]" is allowed
    if group == _HOOK_GROUP:
        return imported(plain)

    @hookimpl
    def implementation(register: Register) -> None:
        register(name, plain)

    return SimpleNamespace(**{_GROUPS[group]: implementation})


def _scan(problems: list[Problem]) -> list[tuple[Source, list[Declared]]]:
    found: dict[str, tuple[Source, list[Declared]]] = {}
    seen: set[str] = set()
    for distribution in metadata.distributions():
        source = Source(f"in {distribution.locate_file('')}")
        try:
            if not _mentions_camkit(distribution):
                continue
            source = _source(distribution)
            key = fold(source.distribution)
            if key not in seen:
                seen.add(key)
                found[key] = _first_of_that_name(source.distribution)
        except Exception as cause:  # noqa: BLE001 - it becomes a problem
            problems.append(_problem(source, "", cause))
    return [found[key] for key in sorted(found)]


def _mentions_camkit(distribution: metadata.Distribution) -> bool:
    # Parsing the metadata of everything that is installed would take longer than all the rest.
    return "camkit" in (distribution.read_text("entry_points.txt") or "")


def _first_of_that_name(name: str) -> tuple[Source, list[Declared]]:
    # The first on sys.path, as for imports; a second copy may be the only one with plugins.
    distribution = metadata.distribution(name)
    groups = {_HOOK_GROUP, *_GROUPS}
    entries = [entry for entry in distribution.entry_points if entry.group in groups]
    return _source(distribution), sorted({(one.group, one.name, one.value) for one in entries})


def _source(distribution: metadata.Distribution) -> Source:
    fields = distribution.metadata
    name, version, summary = (
        str(fields[key]) if key in fields else "" for key in ("Name", "Version", "Summary")
    )
    if not name:
        raise ValueError("its metadata has no name")
    return Source(name, version, summary)


def _problem(source: Source, plugin: str, cause: BaseException) -> Problem:
    text = str(cause) if isinstance(cause, PluginError) else f"{type(cause).__name__}: {cause}"
    return Problem(source.distribution, source.version, plugin, " ".join(text.split()))
