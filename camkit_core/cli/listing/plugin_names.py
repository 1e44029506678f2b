"""A plugin by the name that a command line gives, of whatever kind it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ...errors import UnknownName, shown
from ...plugins import get_registry
from ...plugins.contribution import Contribution
from ..common.parser import close_to, did_you_mean


def find_plugin(name: str, kinds: Sequence[str]) -> Contribution:
    """The plugin of a name: of the first kind that has one.

    Raises:
        UnknownName: if no kind has it, with the closest names.
    """
    registry = get_registry()
    for kind in kinds:
        with suppress(UnknownName):
            return registry.find(kind, name)
    names = {row.name for kind in kinds for row in registry.contributions(kind)}
    what = kinds[0] if len(kinds) == 1 else "method, metric, renderer, adapter or source"
    meant = did_you_mean(close_to(name, sorted(names))[:5])
    listed = f"list-{'arch' if kinds[0] == 'adapter' else kinds[0]}s"
    raise UnknownName(
        f"no {what} named {shown(name)}.{meant} Names are in the lists, such as `camkit "
        f"{listed}`; models are in `camkit list-models`"
    )
