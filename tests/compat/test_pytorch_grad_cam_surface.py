"""The compat form has pytorch-grad-cam's modules, names and arguments."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import pytorch_grad_cam as peer

from camkit_methods.compat import pytorch_grad_cam as compat

# An older form of Ablation-CAM that nothing imports, of which the names are taken twice.
LEFT_OUT = {"ablation_cam_multilayer"}
MODULES = sorted(
    each.name.removeprefix("pytorch_grad_cam.")
    for each in pkgutil.walk_packages(peer.__path__, "pytorch_grad_cam.")
    if not each.ispkg and each.name.rpartition(".")[2] not in LEFT_OUT
)
# Steps of their solver.
INNER = {"NoisyLinearImputer": {"add_offset_to_indices", "setup_sparse_system"}}


def both(name: str) -> tuple[ModuleType, ModuleType]:
    """The peer's module of a name, and camkit's."""
    theirs = importlib.import_module(f"pytorch_grad_cam.{name}")
    return theirs, importlib.import_module(f"{compat.__name__}.{name}")


def own(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public functions and classes that a module defines itself."""
    for name, thing in vars(module).items():
        mine = getattr(thing, "__module__", None) == module.__name__
        if mine and callable(thing) and not name.startswith("_"):
            yield name, thing


def arguments(function: Any) -> list[tuple[str, Any]]:
    """Names in their order, and defaults, of which arrays and modules count by their type."""
    given = inspect.signature(function).parameters.values()
    parameters = [each for each in given if each.kind is each.POSITIONAL_OR_KEYWORD]
    return [(each.name.removesuffix("s"), _default(each.default)) for each in parameters]


def _default(value: Any) -> Any:
    if inspect.isclass(value):
        return value.__name__
    plain = isinstance(value, (int, float, str, type(None)))
    return value if plain else repr(list(value)) if isinstance(value, (list, tuple)) else "object"


@pytest.mark.parametrize("name", MODULES)
def test_every_name_is_there_and_takes_the_same_arguments(name: str) -> None:
    theirs, ours = both(name)
    for each, thing in own(theirs):
        assert hasattr(ours, each), each
        mine = getattr(ours, each)
        if inspect.isclass(thing) and "forward" in vars(thing) and "__call__" not in vars(thing):
            assert hasattr(mine, "forward")
        if each not in MISTAKEN:
            assert arguments(mine) == arguments(thing), each


@pytest.mark.parametrize("name", MODULES)
def test_every_method_takes_the_same_arguments(name: str) -> None:
    theirs, ours = both(name)
    for each, thing in own(theirs):
        if not inspect.isclass(thing):
            continue
        for member, function in vars(thing).items():
            public = not member.startswith("_") or member == "__call__"
            inner = member in INNER.get(each, ()) or member in PRIVATE
            if public and inspect.isfunction(function) and not inner:
                mine = getattr(getattr(ours, each), member)
                assert positions(mine) == positions(function), (each, member)


# What their methods share among themselves, and no user's code calls.
PRIVATE = {
    "save_activation",
    "save_gradient",
    "assemble_ablation_scores",
    "recursive_replace_relu_with_guidedrelu",
    "recursive_replace_guidedrelu_with_relu",
}
# Their default for reshape_transform is a type.
MISTAKEN = {"run_dff_on_image"}
SAME = {"targets": "target_category", "target_layers": "target_layer", "ctx": "self"}


def positions(function: Any) -> list[str]:
    """The names of the arguments; their methods name targets and layers in two ways each."""
    return [SAME.get(name, name) for name in inspect.signature(function).parameters]


def test_the_package_has_the_peers_names() -> None:
    public = {name for name in vars(peer) if name[0].isupper()} | {"run_dff_on_image"}
    assert public <= set(compat.__all__)
    assert set(compat.metrics.road.__dict__) >= {"ROADCombined", "ROADMostRelevantFirst"}
