"""A model of the user's own: what `package.module:factory` returns."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from torch import nn

from ...errors import CamkitError, ImportFailed, InputError, InputTypeError, UnknownName, shown

_EXPECTED = "expected --model package.module:factory, the factory a function without arguments"


def own_factory(name: str) -> Callable[[], nn.Module]:
    """The factory of a name, `package.module:factory`; its module is imported.

    Calling it raises CamkitError if it fails, or returns no model.

    Raises:
        UnknownName: if there is no such module, or no such function in it.
        ImportFailed: if the module fails to import.
        InputTypeError: if the name is that of a model, not of a function.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or module_name.startswith("."):
        raise UnknownName(f"no module named {shown(module_name)}; {_EXPECTED}")
    module = _imported(module_name)
    factory = _run(f"reading {shown(name)}", lambda: getattr(module, attribute, None))
    if isinstance(factory, nn.Module):
        raise InputTypeError(f"{name} is a model, not a function that returns it; {_EXPECTED}")
    if not callable(factory):
        raise UnknownName(f"no function {shown(attribute)} in module {module_name}; {_EXPECTED}")
    return lambda: _made(name, factory)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise UnknownName(
                f"no module named {shown(error.name)}; install it, or put its folder on PYTHONPATH "
                f"(camkit imports nothing from the working directory by itself)"
            ) from error
        raise ImportFailed(f"importing {shown(name)} failed: {error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script that ends with sys.exit(), too
        raise ImportFailed(f"importing {name} failed: {_described(error)}") from error


def _made(name: str, factory: Callable[[], Any]) -> nn.Module:
    model = _run(f"{name}()", factory)
    if not isinstance(model, nn.Module):
        raise InputTypeError(
            f"{name}() returned {type(model).__name__}; expected a torch.nn.Module"
        )
    return model


def _run(what: str, call: Callable[[], Any]) -> Any:
    """What `call` returns; the user's code may fail in any way."""
    try:
        return call()
    except (KeyboardInterrupt, CamkitError):
        raise
    except BaseException as error:
        hint = f"; {_EXPECTED}" if isinstance(error, TypeError) else ""
        raise InputError(f"{what} failed: {_described(error)}{hint}") from error


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - whatever its `__str__` raises
        text = "its message cannot be read"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
