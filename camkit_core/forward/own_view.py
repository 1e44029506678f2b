"""A module's table of parts as one thread has it, while other threads have the real one."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from threading import get_ident
from typing import Any

_Mapping: Any = MutableMapping


class OwnView(dict[str, Any]):
    """A dict in which this thread finds some values of its own; other threads find the real ones.

    Args:
        real: the dict that it stands for, and which all else is read from and written to.
        own: by some of its keys, what the thread that makes this has in their place.
    """

    def __init__(self, real: dict[str, Any], own: dict[str, Any]) -> None:
        super().__init__(real)  # what torch's compiler reads, past these methods
        self.real, self.own, self._thread = real, own, get_ident()

    # A dict's own would not call the methods below.
    get, pop, popitem = _Mapping.get, _Mapping.pop, _Mapping.popitem
    setdefault, update, clear = _Mapping.setdefault, _Mapping.update, _Mapping.clear
    keys = _Mapping.keys

    def _owns(self, key: object) -> bool:
        return key in self.own and get_ident() == self._thread

    def __getitem__(self, key: str) -> Any:
        return self.own[key] if self._owns(key) else self.real[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if self._owns(key):
            self.own[key] = value
        else:
            self.real[key] = value
            super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        if self._owns(key):
            del self.own[key]
        del self.real[key]
        super().__delitem__(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.real)

    def __len__(self) -> int:
        return len(self.real)

    def __contains__(self, key: object) -> bool:
        return key in self.real

    def __reversed__(self) -> Iterator[str]:
        return reversed(self.real)

    def items(self) -> Any:
        """What the calling thread finds, by key."""
        return self.copy().items()

    def values(self) -> Any:
        """What the calling thread finds."""
        return self.copy().values()

    def copy(self) -> dict[str, Any]:
        """A plain dict of what the calling thread finds."""
        return {key: self[key] for key in self.real}

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)  # a copy of the module has a plain dict
