"""What a plugin states of itself, read from its function and from its source."""

from __future__ import annotations

import doctest
import sys
from typing import Any

import pytest

import camkit_core
from camkit_core import Method, Metric, Probe, Spec, hookimpl
from camkit_core.plugins import Registry, facts
from camkit_core.plugins.facts import misstated
from helpers.fake_packages import Install

GOOD = "[camkit.methods]\nmycam = camkit_good:mycam\n"
PLAIN = "def mycam(probe): ...\n"


def stated(install: Install, source: str) -> Any:
    """The facts that the source of a method `mycam` states, which is not imported."""
    install("camkit-good", GOOD, camkit_good=source)
    row = Registry().find("method", "mycam")
    statement = row.facts
    assert "camkit_good" not in sys.modules
    return statement


def test_the_example_holds() -> None:
    assert doctest.testmod(facts).failed == 0


# From a function


def test_a_decorator_states_and_a_function_without_one_has_the_defaults() -> None:
    @Method(group="mine", needs="tail", costly=True)
    def method(probe: Probe) -> None: ...

    assert Method.of(method) == Method(group="mine", needs="tail", costly=True)
    assert (method.group, method.needs_class) == ("mine", True)  # type: ignore[attr-defined]
    assert Method.of(print) == Method()
    assert Metric.of(print).higher_is_better is None


def test_facts_are_named() -> None:
    with pytest.raises(TypeError):
        Method("gradient")  # type: ignore[misc]


def test_attributes_set_by_hand_state_the_same() -> None:
    class Callable:
        group = "mine"

        def __call__(self, probe: Probe) -> None: ...

    method = Callable()
    method.position_wise = True  # type: ignore[attr-defined]
    assert Method.of(method) == Method(group="mine", position_wise=True)


@pytest.mark.parametrize(
    ("kind", "attribute", "wrong", "message"),
    [
        (Method, "group", ["gradient"], "group must be str, not ['gradient']"),
        (Method, "needs", "tale", "needs must be one of '', 'tail', 'attention', not 'tale'"),
        (Method, "needs", [], "needs must be one of '', 'tail', 'attention', not []"),
        (Method, "needs_class", 0, "needs_class must be bool, not 0"),
        (Method, "closed_form", "a + b", "closed_form must be Callable"),
        (Method, "expected_failures", {"target": None}, "must be Mapping[str, str]"),
        (Metric, "higher_is_better", 1, "higher_is_better must be bool | None, not 1"),
        (Metric, "limit", True, "limit must be float | None, not True"),
        (Metric, "unbeatable", ["random"], "unbeatable must be tuple[str, ...]"),
    ],
)
def test_a_value_of_another_type_is_not_stated(
    kind: type[Any], attribute: str, wrong: object, message: str
) -> None:
    def function() -> None: ...

    setattr(function, attribute, wrong)
    assert kind.of(function) == kind()
    [sentence] = misstated(kind, function)
    assert message in sentence


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Method, {"closed_form": lambda activations, gradient: activations, "needs": "attention"}),
        (Metric, {"higher_is_better": False, "limit": 1, "unbeatable": ("*",), "reading": "x"}),
        (Metric, {"higher_is_better": None, "limit": None, "unbeatable": ()}),
    ],
)
def test_values_of_the_right_types_are_stated(kind: type[Any], values: dict[str, Any]) -> None:
    @kind(**values)
    def function() -> None: ...

    assert misstated(kind, function) == []
    assert {name: getattr(kind.of(function), name) for name in values} == values


# From source, without an import


@pytest.mark.parametrize(
    "source",
    [
        f'from camkit_core import Method\n@Method(group="mine", costly=True)\n{PLAIN}',
        f'import camkit_core as camkit\n@camkit.Method(group="mine", costly=True)\n{PLAIN}',
        f'{PLAIN}mycam.group = "mine"\nmycam.costly = True\n',
        f'@Method(group="other")\n{PLAIN}mycam.group, x = 1, 2\nmycam.group = y = "mine"\n'
        "mycam.costly = True\n",
        f'@lru_cache(1)\n@Method(costly=True, group="mine", **more)\n@property\n{PLAIN}',
        f'@Method(costly=True, group="mine")\n@Method(group="inner", needs="tail")\n{PLAIN}',
    ],
)
def test_source_states_by_decorators_and_assignments(install: Install, source: str) -> None:
    assert stated(install, source) == Method(group="mine", costly=True)


@pytest.mark.parametrize(
    "source",
    [
        "from nowhere import mycam\n",
        "def mycam(:",
        "\0",
        "((((" * 2000,
        f"@Method\n{PLAIN}",
        f'@Method("gradient")\n{PLAIN}',
        f'@other.thing(group="mine")\n{PLAIN}',
        f'@table["Method"](group="mine")\n{PLAIN}',
        f'GROUP = "mine"\n@Method(group=GROUP, costly=sys.flags)\n{PLAIN}',
        f"@Method(group=f'{{x}}', expected_failures={{[]: 1}})\n{PLAIN}",
        f'@Method(group=["mine"], needs="nothing", costly=1)\n{PLAIN}',
        f'{PLAIN}other.mycam.group = "mine"\nMYCAM.group = "mine"\n',
        f'{PLAIN}if True:\n    mycam.group = "mine"\n',
    ],
)
def test_source_that_states_nothing_has_the_defaults(install: Install, source: str) -> None:
    assert stated(install, source) == Method()


def test_a_method_of_a_class_states_under_its_dotted_name(install: Install) -> None:
    source = "class Deep:\n  def run(self): ...\nrun.group = 'no'\nDeep.run.group = 'mine'\n"
    install("camkit-deep", "[camkit.methods]\ndeep = camkit_deep:Deep.run\n", camkit_deep=source)
    assert Registry().find("method", "deep").facts == Method(group="mine")


def test_a_plugin_registered_from_code_states_what_its_function_does() -> None:
    class Callable:
        group = "mine"

        def __call__(self, probe: Probe) -> None: ...

    class Plugin:
        @hookimpl
        def camkit_methods(self) -> list[Spec]:
            return [Spec("lab", Callable()), Spec("far", "nowhere.at:all")]

    registry = Registry(autoload=False)
    registry.register(Plugin())
    assert registry.find("method", "lab").facts == Method(group="mine")
    assert registry.find("method", "far").facts == Method()


def test_adapters_and_renderers_have_no_facts() -> None:
    rows = [*Registry().contributions("adapter"), *Registry().contributions("renderer")]
    assert {row.facts for row in rows} == {None}


def test_what_camkit_states_reads_the_same_from_source_and_from_the_function() -> None:
    for kind, cls in (("method", camkit_core.Method), ("metric", camkit_core.Metric)):
        for row in (
            each for each in Registry().contributions(kind) if each.distribution == "camkit"
        ):
            loaded = cls.of(row.load())
            names = {name for name in vars(loaded) if name not in ("expected_failures", "edit")}
            assert {n: getattr(row.facts, n) for n in names} == {
                n: getattr(loaded, n) for n in names
            }, row.name
            assert misstated(cls, row.load()) == []
