"""What all errors have in common: their classes, and how unknown names and values are shown."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core import errors
from camkit_core.errors import CamkitError, shown, unknown
from camkit_core.forward.torch_limits import explain_limit

KINDS = [each for each in vars(errors).values() if isinstance(each, type) and each is not Any]
KINDS = [each for each in KINDS if issubclass(each, CamkitError)]


@pytest.mark.parametrize(
    ("kind", "built_in"),
    [
        ("ArgumentError", ValueError),
        ("ArgumentTypeError", TypeError),
        ("FileError", OSError),
        ("ImportFailed", ImportError),
        ("InputError", ValueError),
        ("InputTypeError", TypeError),
        ("LayerError", ValueError),
        ("LayerTypeError", TypeError),
        ("NoAdapter", ValueError),
        ("PluginError", RuntimeError),
        ("RunError", RuntimeError),
        ("TargetError", ValueError),
        ("TargetTypeError", TypeError),
        ("UnknownName", LookupError),
        ("UnknownPosition", IndexError),
    ],
)
def test_each_kind_is_the_built_in_that_callers_catch(kind: str, built_in: type[Exception]) -> None:
    assert issubclass(getattr(errors, kind), (CamkitError, built_in))
    assert issubclass(getattr(errors, kind), built_in)


def test_relations_of_kinds_hold() -> None:
    assert issubclass(errors.NoAdapter, errors.LayerError)
    assert issubclass(errors.UnknownPosition, errors.InputError)
    for name in ("Input", "Layer", "Target"):
        wrong_type = getattr(errors, f"{name}TypeError")
        assert issubclass(wrong_type, (getattr(errors, f"{name}Error")))
        assert issubclass(wrong_type, errors.ArgumentTypeError)
    assert not issubclass(camkit.CamkitWarning, CamkitError)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_reach_other_processes_whole(kind: type[CamkitError]) -> None:
    error = kind("a message of 3 words")
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(copied) is kind
        assert str(copied) == "a message of 3 words"


def test_unknown_names_are_listed_with_the_closest() -> None:
    many = [f"name{index:02}" for index in range(50)]
    assert str(unknown("thing", "zzz", [])) == "no thing named 'zzz'. Known: none"
    assert str(unknown("thing", "NAME3", many)).startswith("no thing named 'NAME3'. Did you mean")
    assert str(unknown("thing", "x", many)).endswith("name38, name39, ...")
    assert len(str(unknown("thing", "x" * 10**6, many))) < 600


class Unprintable:
    """A value whose `repr` fails."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pug", "'pug'"),
        (None, "None"),
        (torch.zeros(1000, 1000), "Tensor (1000, 1000) of float32"),
        (np.zeros((2, 3)), "ndarray (2, 3) of float64"),
        (torch.tensor(5), "tensor(5)"),
        (np.int64(4), repr(np.int64(4))),
        (10**6000, "a value of type int"),
        ("\udcff\x1b\n", r"'\udcff\x1b\n'"),
        ({"a": torch.zeros(5)}, "{'a': Tensor (5,) of float32}"),
    ],
    ids=shown,
)
def test_a_value_is_shown_as_a_reader_knows_it(value: Any, expected: str) -> None:
    assert shown(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6,
        list(range(10**5)),
        Unprintable(),
        [Unprintable()] * 50,
        torch.nn.Sequential(torch.nn.ReLU()),
    ],
)
def test_a_value_is_shown_in_a_short_line(value: Any) -> None:
    assert len(shown(value)) < 400
    assert "\n" not in shown(value)


def test_an_error_of_camkit_is_not_taken_for_one_of_torch() -> None:
    explain_limit(errors.InputError("a meta tensor, says camkit"))  # raises no other
