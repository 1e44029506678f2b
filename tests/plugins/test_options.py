"""Options are checked by the annotations of their functions, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional, Union

import numpy as np
import pytest
import torch
from annotated_types import Ge, Interval, MinLen

from camkit_core import ArgumentError, ArgumentTypeError, CamkitError, UnknownName, compare, explain
from camkit_core.errors import shown
from camkit_core.plugins.options import checked, takes
from camkit_core.testing.networks import conv_net, some_images

if TYPE_CHECKING:
    from nowhere import Nothing

Seed = NewType("Seed", int)


def method(
    probe: Nothing,
    *,
    count: Annotated[int, Ge(1)] = 4,
    most: int | None = None,
    share: Annotated[float, Interval(gt=0, lt=1)] = 0.5,
    sharp: bool = False,
    name: str = "a",
    kind: Literal["a", "b"] = "a",
    shares: Annotated[Sequence[float], MinLen(1)] = (0.5,),
    fast: str | Sequence[str] = (),
    old: Optional[int] = None,  # noqa: UP045 - as older code has it
    either: Union[int, str] = 0,  # noqa: UP007
    apply: Callable[[Any], Any] = abs,
    table: Mapping[str, int] | None = None,
    seed: Seed = Seed(0),
    odd: Nothing = 0,
    bare=None,
) -> None:
    """Options of every kind."""


TAKEN = [
    *[("count", each) for each in (1, np.int64(4), np.uint8(3), torch.tensor(2))],
    *[("most", each) for each in (None, 0, -3)],
    *[("share", each) for each in (0.25, np.float32(0.25), torch.tensor(0.25))],
    *[("sharp", each) for each in (True, np.bool_(True))],
    ("kind", "b"),
    *[("shares", each) for each in ((0.25,), [1, 2], np.array([0.25]), torch.ones(2), range(3))],
    *[("fast", each) for each in ("a", ["a"], ())],
    *[("old", each) for each in (None, 3)],
    *[("either", each) for each in (3, "x")],
    ("apply", len),
    ("table", {"a": 1}),
    ("seed", 3),
    *[("odd", each) for each in (object(), "x")],
    *[("bare", each) for each in (1.5, "x", [1])],
]
REFUSED = [
    *[("count", each, TypeError) for each in ("abc", 2.0, True, None, [1], torch.ones(2))],
    *[("count", each, ValueError) for each in (0, -(10**5000))],
    *[("most", each, TypeError) for each in (2.5, "2", False)],
    *[("share", each, TypeError) for each in ("0.5", True, None, 1j)],
    *[("share", each, ValueError) for each in (0, 1.0, float("nan"), float("inf"))],
    *[("sharp", each, TypeError) for each in ("no", 0, 1, None)],
    *[("name", each, TypeError) for each in (5, None, b"a")],
    ("kind", "c", ValueError),
    *[("kind", each, TypeError) for each in (0, None, ["a"])],
    *[("shares", each, TypeError) for each in ("0.5", 0.5, {0.5: 1}, ["a"], None, {0.5})],
    ("shares", [], ValueError),
    *[("fast", each, TypeError) for each in (5, [5], None)],
    ("old", "x", TypeError),
    ("either", 1.5, TypeError),
    ("apply", 5, TypeError),
    ("table", [("a", 1)], TypeError),
    ("seed", "x", TypeError),
    ("count", torch.ones((), device="meta"), TypeError),
]


@pytest.mark.parametrize(("name", "value"), TAKEN, ids=shown)
def test_what_an_annotation_allows_is_taken(name: str, value: Any) -> None:
    assert np.array_equal(checked(method, {name: value})[name], value)


@pytest.mark.parametrize(("name", "value", "kind"), REFUSED, ids=shown)
def test_anything_else_is_refused_by_name(name: str, value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=rf"^method takes {name}= ") as error:
        checked(method, {name: value})
    assert isinstance(error.value, ArgumentError)
    assert isinstance(error.value, TypeError) == (kind is TypeError)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": "abc"}, "method takes count= as an integer of at least 1; got 'abc'"),
        ({"most": "x"}, "method takes most= as an integer, or None; got 'x'"),
        ({"share": 2}, "method takes share= as a number above 0 and below 1; got 2"),
        ({"kind": "c"}, "method takes kind= one of 'a', 'b'; got 'c'"),
        ({"fast": 5}, "method takes fast= as a string, or a list, each a string; got 5"),
        ({"name": torch.ones(9)}, "method takes name= as a string; got Tensor (9,) of float32"),
        ({"shares": []}, "method takes shares= as a list, each a number with at least 1 of them"),
    ],
)
def test_a_refusal_says_what_is_taken(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        checked(method, options)
    assert str(error.value).startswith(message)


def test_numbers_of_numpy_and_torch_reach_a_method_as_pythons() -> None:
    given = {"count": np.int64(4), "share": torch.tensor(0.25), "sharp": np.bool_(True)}
    assert list(map(type, checked(method, given).values())) == [int, float, bool]


def test_a_default_is_taken_whatever_the_annotation_says() -> None:
    def odd(probe: Any, *, count: int = None) -> None:  # type: ignore[assignment]  # noqa: RUF013
        """As older code has it."""

    assert checked(odd, {"count": None}) == {"count": None}


def test_options_of_wrappers_are_checked_and_other_callables_take_none() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, probe: Any, *, count: int = 1, **more: float) -> None:
            """A method."""

    for function in (partial(method, None), Unhashable()):
        with pytest.raises(ArgumentTypeError, match="takes count= as an integer"):
            checked(function, {"count": "x"})
    assert checked(Unhashable(), {"more": "x", "other": "y"}) == {"more": "x", "other": "y"}
    assert takes(torch.relu) == ()


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("smoothgradcam++", "seed", "abc"),
        ("smoothgradcam++", "samples", 0),
        ("sscam", "sigma", float("inf")),
        ("iscam", "steps", 10**30),
        ("finercam", "references", 0),
        ("groupcam", "percentile", 101),
        ("refinecam", "layers", "0"),
        ("scorecam", "max_channels", 0),
        ("attention-rollout", "discard", 2),
    ],
)
def test_a_method_states_its_ranges_and_no_model_runs(name: str, option: str, value: Any) -> None:
    known_as = re.escape(name.replace("-", "_"))
    with pytest.raises(ArgumentError, match=rf"^{known_as} takes {option}= as"):
        explain(None, None, name, **{option: value})  # type: ignore[arg-type]


def test_an_argument_of_explain_is_no_option_of_a_method() -> None:
    images = some_images(1)
    with pytest.raises(UnknownName, match=r"named 'layer'; it is an argument .* --layer of the"):
        explain(conv_net(), images, layer="layer").render("overlay", layer="layer")
    with pytest.raises(UnknownName, match=r"named 'target'; .* target= of explain"):
        compare(conv_net(), images, target=3)
    with pytest.raises(UnknownName, match=r"Did you mean 'batch_size'"):
        explain(conv_net(), images, batchsize=3)


def test_an_argument_by_position_is_told_how_it_becomes_an_option() -> None:
    def mine(probe: Any, power: float = 1.0) -> Any:
        return probe.activations.sum(1) ** power

    with pytest.raises(UnknownName, match=r"as in def mine\(probe, \*, power=1\)$"):
        explain(conv_net(), some_images(1), mine, power=2.0)


@pytest.mark.parametrize("method", [5, None, ["gradcam"], b"gradcam"])
def test_a_method_is_a_name_or_a_function(method: Any) -> None:
    with pytest.raises(CamkitError, match=r"^expected a method as the name") as error:
        explain(conv_net(), some_images(1), method)
    assert isinstance(error.value, TypeError)
