"""Pickles read without running them: no name in them is looked up, and nothing of it is called."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, cast

_MOST_NAMES = 10_000
# What only a file that was made to do harm calls.
_SYSTEM = {"os", "posix", "nt", "sys", "subprocess", "socket", "ctypes", "runpy", "pty", "shutil"}
_BUILTINS = {"eval", "exec", "execfile", "compile", "open", "file", "input", "__import__"}
_RUNNING = {"builtins": _BUILTINS, "__builtin__": _BUILTINS}
_PLAIN_KEYS = (str, int, float, bool, bytes, type(None))


class Harmful(Exception):
    """A pickle that would call what no checkpoint needs; it says what."""


class Noted(dict[Any, Any]):
    """In place of an object that the pickle would build: what it would be built from.

    It holds the items that the object would be given, as those of an OrderedDict.

    Attributes:
        name: of the class or function, with its module.
        args: what it would be called with.
        state: what the object's attributes would be set from.
    """

    name = ""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.args, self.state = args, None
        if self.name == "collections.OrderedDict" and args:  # as Python 2 wrote them
            _set_items(self, [part for pair in args[0] for part in pair])

    def extend(self, items: Iterable[Any]) -> None:
        """Items of a list are not kept."""

    append = extend


class InertUnpickler(pickle._Unpickler):  # the one in Python: its memo grows with the file only
    """Reads a pickle to plain values, with `Noted` in place of every other object.

    Args:
        file: where the pickle starts.
        persistent: what stands for a persistent id, in files of torch that of a storage.

    Raises:
        Exception: of many kinds, if the bytes are no pickle, or one that no torch writes.
    """

    def __init__(self, file: BinaryIO, persistent: Callable[[Any], Any]) -> None:
        super().__init__(file, encoding="utf-8", errors="replace")
        self.persistent = persistent
        self.classes: dict[str, type[Noted]] = {}

    def persistent_load(self, pid: Any) -> Any:
        """What stands for a persistent id."""
        return self.persistent(pid)

    def find_class(self, module: str, name: str) -> type[Noted]:
        """A class of its own for each name; the name is not looked up."""
        full = f"{module}.{name}"
        if module.partition(".")[0] in _SYSTEM or name in _RUNNING.get(module, ()):
            raise Harmful(full)
        if full not in self.classes:
            if len(self.classes) == _MOST_NAMES:
                raise pickle.UnpicklingError("too many names")
            self.classes[full] = type("Noted", (Noted,), {"name": full})
        return self.classes[full]


# One function for each operation of the pickle machine that would call, hash or change an object.
def _noted(kind: Any, args: Iterable[Any]) -> Noted:
    if not (isinstance(kind, type) and issubclass(kind, Noted)):
        raise pickle.UnpicklingError("a call of what is no class")
    return kind(*args)


def _call(machine: Any) -> None:
    args = machine.stack.pop()
    machine.stack[-1] = _noted(machine.stack[-1], args)


def _call_with_keywords(machine: Any) -> None:
    machine.stack.pop()
    _call(machine)


def _call_from_mark(machine: Any) -> None:
    kind, *args = machine.pop_mark()
    machine.append(_noted(kind, args))


def _call_by_name(machine: Any) -> None:
    module, name = (machine.readline()[:-1].decode() for _ in range(2))
    machine.append(_noted(machine.find_class(module, name), machine.pop_mark()))


def _byte_array(machine: Any) -> None:
    machine.append(machine.read(int.from_bytes(machine.read(8), "little")))


def _set_state(machine: Any) -> None:
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], Noted):
        machine.stack[-1].state = state


def _set_item(machine: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_items(machine.stack[-1], [key, value])


def _set_items_from_mark(machine: Any) -> None:
    items = machine.pop_mark()
    _set_items(machine.stack[-1], items)


def _dict_from_mark(machine: Any) -> None:
    items, made = machine.pop_mark(), dict[Any, Any]()
    _set_items(made, items)
    machine.append(made)


def _set_items(target: Any, items: list[Any]) -> None:
    # The hash of a nested tuple may take forever, or all of the stack. No weight has such a name.
    if not isinstance(target, dict):
        raise pickle.UnpicklingError("items of what is no dict")
    pairs = zip(items[::2], items[1::2], strict=True)
    target.update({key: value for key, value in pairs if type(key) in _PLAIN_KEYS})


_PLAIN = pickle._Unpickler.dispatch
_OPERATIONS = {
    pickle.REDUCE: _call,
    pickle.NEWOBJ: _call,
    pickle.NEWOBJ_EX: _call_with_keywords,
    pickle.OBJ: _call_from_mark,
    pickle.INST: _call_by_name,
    pickle.BYTEARRAY8: _byte_array,
    pickle.BUILD: _set_state,
    pickle.SETITEM: _set_item,
    pickle.SETITEMS: _set_items_from_mark,
    pickle.DICT: _dict_from_mark,
    # Sets are read as lists, since a set hashes what is in it.
    pickle.EMPTY_SET: _PLAIN[pickle.EMPTY_LIST[0]],
    pickle.ADDITEMS: _PLAIN[pickle.APPENDS[0]],
    pickle.FROZENSET: _PLAIN[pickle.TUPLE[0]],
}
# They take objects from elsewhere.
_REFUSED = (
    pickle.EXT1,
    pickle.EXT2,
    pickle.EXT4,
    pickle.NEXT_BUFFER,
    pickle.READONLY_BUFFER,
)
InertUnpickler.dispatch = cast(
    Any,
    {
        **{code: operation for code, operation in _PLAIN.items() if bytes([code]) not in _REFUSED},
        **{code[0]: operation for code, operation in _OPERATIONS.items()},
    },
)
