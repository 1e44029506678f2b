"""A model of the user's own: what `package.module:factory` returns.

A factory returns the model, or a tuple (model, preprocess) or (model, preprocess, names). What it
does not state is what the model carries.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ....errors import CamkitError, ImportFailed, InputError, InputTypeError, UnknownName, shown
from ..names_file import read_class_names
from ..preprocessing import UNSTATED, Preprocessing
from ..source import ModelSource
from .carried import preprocessing_in
from .own_preprocessing import preprocessing_of

# What the sources of models are called elsewhere.
_OTHER_NAMES = {
    "huggingface": "hf",
    "hugging_face": "hf",
    "hub": "hf",
    "yolo": "ultralytics",
    "openclip": "clip",
    "tv": "torchvision",
}
_EXPECTED = "expected --model package.module:factory, the factory a function without arguments"


def own_source(name: str) -> ModelSource:
    """A model that `package.module:factory` returns when called without arguments.

    The module is imported, and the factory is called, with seeded random numbers.

    Raises:
        UnknownName: if there is no such module, or no such function in it.
        ImportFailed: if the module fails to import.
        InputTypeError: if the name is that of a model, not of a function.
        InputError: if the factory fails, or returns anything else.
    """
    factory = _factory(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = _run(f"{name}()", factory)
    model, *stated = made if isinstance(made, tuple) else (made,)
    if not isinstance(model, nn.Module) or len(stated) > 2:
        raise InputTypeError(
            f"{name}() returned {_outline(made)}; expected a torch.nn.Module, or a tuple "
            f"(model, preprocess) or (model, preprocess, names)"
        )
    preprocess, names = (*stated, None, None)[:2]
    noun, verb = f"the preprocessing of {name}", f"{name}() returned"
    stated_one = None if preprocess is None else preprocessing_of(preprocess, noun, verb)
    return ModelSource(
        build=lambda classes: model,
        pretrained=lambda: (model, f"as {name} returns them"),
        preprocessing=stated_one or preprocessing_in(model) or Preprocessing(how=UNSTATED),
        class_names=None if names is None else read_class_names(names),
    )


def _outline(made: Any) -> str:
    kinds = ", ".join(type(each).__name__ for each in made) if isinstance(made, tuple) else ""
    return f"({kinds})" if kinds else type(made).__name__


def _factory(name: str) -> Callable[[], Any]:
    module_name, _, attribute = name.partition(":")
    if not module_name or module_name.startswith("."):
        raise UnknownName(f"no module named {shown(module_name)}; {_EXPECTED}")
    module = _imported(module_name)
    factory = _run(f"reading {shown(name)}", lambda: getattr(module, attribute, None))
    if isinstance(factory, nn.Module):
        raise InputTypeError(f"{name} is a model, not a function that returns it; {_EXPECTED}")
    if not callable(factory):
        raise UnknownName(f"no function {shown(attribute)} in module {module_name}; {_EXPECTED}")
    made: Callable[[], Any] = factory
    return made


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            if name.lower() in _OTHER_NAMES:
                source = _OTHER_NAMES[name.lower()]
                raise UnknownName(
                    f"no source named {shown(name)}; write --model {source}:..."
                ) from error
            raise UnknownName(
                f"no module named {shown(error.name)}; install it, or put its folder on "
                f"PYTHONPATH, as in PYTHONPATH=. camkit ... (camkit imports nothing from the "
                f"working directory by itself); or if it is to be a source of models, see "
                f"`camkit list-sources`"
            ) from error
        raise ImportFailed(f"importing {shown(name)} failed: {error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a script that ends with sys.exit(), too
        raise ImportFailed(f"importing {name} failed: {_described(error)}") from error


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
