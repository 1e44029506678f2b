"""A broken plugin costs only itself, and an error names its package."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

import pytest

from camkit_core.errors import PluginError, UnknownName
from camkit_core.plugins import Registry
from camkit_core.plugins.facts import Method
from camkit_core.plugins.hookspecs import Spec
from helpers.fake_packages import GOOD, GOOD_CODE, HOOK, Install
from helpers.registries import code, names, problem_with


def test_a_plugin_that_cannot_be_imported_names_its_package(install: Install) -> None:
    install("camkit-imp", "[camkit.methods]\nbroken = camkit_imp:f\n", camkit_imp="import nowhere")
    row = Registry().find("method", "broken")
    with pytest.raises(PluginError) as raised:
        row.load()
    assert str(raised.value) == (
        "method 'broken' cannot be loaded: plugin camkit-imp 1.0 (broken = camkit_imp:f) failed "
        "with ModuleNotFoundError: No module named 'nowhere'\n"
        "to do without it: CAMKIT_DISABLE_PLUGINS=camkit-imp\n"
        "to remove it: python -m pip uninstall camkit-imp"
    )
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise SystemExit('no GPU')", "failed with SystemExit: no GPU"),
        ("x = 1", "AttributeError: module 'camkit_imp' has no attribute 'f'"),
        ("f = 3", "is no callable but a int"),
    ],
)
def test_a_plugin_that_stops_or_is_stale_is_an_error_when_loaded(
    install: Install, source: str, expected: str
) -> None:
    install("camkit-imp", "[camkit.methods]\nbroken = camkit_imp:f\n", camkit_imp=source)
    with pytest.raises(PluginError, match=expected):
        Registry().find("method", "broken").load()


def test_an_interrupt_is_not_swallowed(install: Install) -> None:
    stops = "raise KeyboardInterrupt"
    install("camkit-stop", "[camkit.methods]\nstop = camkit_stop:f\n", camkit_stop=stops)
    with pytest.raises(KeyboardInterrupt):
        Registry().find("method", "stop").load()
    install("camkit-halt", "[camkit]\nhalt = camkit_halt\n", camkit_halt=stops)
    with pytest.raises(KeyboardInterrupt):
        Registry().problems()


def test_a_failure_is_not_remembered(install: Install) -> None:
    site = install("camkit-good", GOOD, camkit_good="import camkit_later\n" + GOOD_CODE)
    row = Registry().find("method", "mycam")
    with pytest.raises(PluginError, match="camkit_later"):
        row.load()
    (site / "camkit_later.py").touch()
    importlib.invalidate_caches()
    assert row.load().__name__ == "mycam"
    del sys.modules["camkit_later"]


DECORATED = "from camkit_core.plugins.hookspecs import Spec, hookimpl\n@hookimpl\n"
HALF = 'Spec("half", "camkit_hook:f")'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            f"{DECORATED}def camkit_method(): ...",
            "there is no hook 'camkit_method'; did you mean 'camkit_methods'?",
        ),
        ("def camkit_methods(): ...", "lacks the decorator @hookimpl"),
        ("def camkit_method(): ...", "did you mean 'camkit_methods'?"),
        (f"{DECORATED}def camkit_methods(register): ...", "PluginValidationError"),
        (f"{DECORATED}def camkit_methods(): ...", "must return a list of Spec or of functions"),
        (f"{DECORATED}def camkit_methods(): return {{'a': 'm:f'}}", "functions, not a dict"),
        (
            f"import itertools\n{DECORATED}def camkit_methods():\n"
            "  return map(lambda n: Spec(f'm{n}', 'm:f'), itertools.count())",
            "camkit_methods lists more than 10,000 contributions",
        ),
        ("raise GeneratorExit", "is left out: GeneratorExit"),
        ("class Odd(BaseException): ...\nraise Odd('!')", "is left out: Odd: !"),
        (f"{DECORATED}def camkit_methods(): raise GeneratorExit", "is left out: GeneratorExit"),
        (
            "class Mute(Exception):\n  def __str__(self): raise SystemExit\nraise Mute",
            "is left out: Mute: (its text cannot be made: SystemExit)",
        ),
        (
            "from camkit_core import PluginError\nclass Mute(PluginError):\n"
            "  def __str__(self): raise ValueError\nraise Mute",
            "is left out: (its text cannot be made: ValueError)",
        ),
        ("def __getattr__(name): raise GeneratorExit", "is left out: "),
        ("def __dir__(): raise GeneratorExit", "is left out: GeneratorExit"),
        (f"{DECORATED}def camkit_methods(): return [Spec('a\\x1b[2J', 'm:f')]", "'a\\x1b[2J'"),
        (f"{DECORATED}def camkit_methods(): return ['m:f']", "list Spec or functions, not a str"),
        (f"{DECORATED}def camkit_methods():\n  yield {HALF}\n  1 / 0", "division"),
        (
            "from camkit_core.plugins.hookspecs import hookimpl\n@hookimpl(wrapper=True)\n"
            "def camkit_methods():\n  yield",
            "is a hook wrapper",
        ),
        (
            f"{DECORATED}def camkit_methods(): return [{HALF}]\n"
            "@hookimpl\ndef camkit_renderers(nonsense): ...",
            "nonsense",
        ),
        (f"{DECORATED}def camkit_methods(): return [Spec('a b', 'm:f')]", "'a b'"),
        (f"{DECORATED}def camkit_methods(): return [Spec('a', 'nowhere')]", "'a' must"),
        ("def something_else(): ...", "implements none of the hooks"),
    ],
)
def test_a_broken_hook_plugin_costs_only_itself(
    install: Install, source: str, expected: str
) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook=source)
    install("camkit-zz", "[camkit]\nmine = camkit_zz\n", camkit_zz=HOOK)
    assert names(Registry()) == ["gradcam", "gradcam++", "hooky-a", "hooky-b"]
    text = problem_with("camkit-hook")
    assert text.startswith("plugin camkit-hook 0.5 (camkit:mine) is left out: ")
    assert expected in text


@pytest.mark.parametrize(
    ("entry_points", "expected"),
    [
        ("[camkit.methods]\nno equals sign\n", "camkit-bad 1.0 is left out"),
        ("[camkit.methods]\nplain = camkit_bad\n", "must be a callable or 'package.module:attr"),
        ("[camkit.methods]\na b = camkit_bad:f\n", "name is letters, digits"),
        ("[camkit.methods]\nt = camkit_bad:f\nt = camkit_bad:g\n", "is registered already"),
        (
            "[camkit.methods]\n" + "".join(f"m{n} = camkit_bad:f\n" for n in range(10_001)),
            "it declares more than 10,000 plugins",
        ),
    ],
)
def test_malformed_entry_points_cost_only_their_package(
    install: Install, entry_points: str, expected: str
) -> None:
    install("camkit-bad", entry_points)
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    assert {"mycam", "gradcam"} <= set(names(Registry()))
    assert expected in problem_with("camkit-bad")


def test_importing_a_plugin_leaves_the_working_directory_and_the_results_of_commands(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moves = "import os\nos.chdir('/')\nprint('hello')\n"
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook=moves + HOOK)
    folder = install("camkit-good", GOOD, camkit_good=moves + GOOD_CODE)
    monkeypatch.chdir(folder)
    Registry().find("method", "mycam").load()
    assert os.getcwd() == str(folder)
    assert capsys.readouterr() == ("", "hello\nhello\n")


def test_a_callable_whose_attributes_fail_is_listed(install: Install) -> None:
    class Odd:
        def __getattr__(self, name: str) -> object:
            raise AttributeError if name.startswith("__") else RuntimeError(name)

        @property
        def __doc__(self) -> str:  # type: ignore[override]
            raise RuntimeError

        def __call__(self) -> None: ...

    registry = Registry()
    registry.register(code(camkit_methods=lambda: [Spec("odd", Odd())]))
    row = registry.find("method", "odd")
    assert row.summary == ""
    assert row.facts == Method()


def test_metadata_without_a_name_costs_only_its_package(install: Install) -> None:
    site = install("camkit-nameless", GOOD)
    (site / "camkit_nameless-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\n")
    assert names(Registry()) == ["gradcam", "gradcam++"]
    assert [problem.message for problem in Registry().problems()] == [
        "ValueError: its metadata has no name"
    ]


def test_metadata_that_is_no_text_costs_only_its_package(install: Install) -> None:
    site = install("camkit-latin", GOOD)
    entry_points = site / "camkit_latin-1.0.dist-info" / "entry_points.txt"
    entry_points.write_bytes(b"[camkit.methods]\n\xe9 = a:b\n")
    assert names(Registry()) == ["gradcam", "gradcam++"]
    [problem] = Registry().problems()
    assert str(site) in problem.distribution
    assert problem.message.startswith("UnicodeDecodeError")


def test_an_unknown_name_suggests_and_names_plugins_that_could_explain_it(
    install: Install,
) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook="import nowhere")
    install("camkit-bad", "[camkit.renderers]\nframe = camkit_bad\n")
    with pytest.raises(UnknownName) as raised:
        Registry().find("method", "gradcan")
    first, *notes = str(raised.value).splitlines()
    assert "no method named 'gradcan'. Did you mean 'gradcam'?" in first
    assert [note.partition(" is left out")[0] for note in notes] == [
        "plugin camkit-hook 0.5 (camkit:mine)"
    ]
