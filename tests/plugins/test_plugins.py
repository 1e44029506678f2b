"""Plugins: found in metadata, imported when used, and a broken one costs only itself."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import json
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pluggy
import pytest
import tomllib

import camkit_core
from camkit_core import errors
from camkit_core.cli import main
from camkit_core.cli.lists import table
from camkit_core.errors import CamkitDeprecation, PluginError, UnknownName
from camkit_core.plugins import Registry, contribution, get_registry, hookspecs
from camkit_core.plugins.builtins import DECLARED
from camkit_core.plugins.contribution import Contribution, Source
from camkit_core.plugins.hookspecs import Spec, hookimpl
from camkit_core.plugins.registration import PluginSet
from helpers.checkout import ROOT
from helpers.fake_packages import GOOD, GOOD_CODE, HOOK, Install

Capture = pytest.CaptureFixture[str]


def names(registry: Registry, kind: str = "method") -> list[str]:
    return [row.name for row in registry.contributions(kind)]


def problem_with(distribution: str) -> str:
    [text] = [str(one) for one in Registry().problems() if one.distribution == distribution]
    return text


def code(**hooks: Callable[[], object]) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(hook) for name, hook in hooks.items()})


# Found, and not imported


def test_a_package_is_listed_from_its_metadata(install: Install) -> None:
    install("camkit-good", GOOD, "0.3", camkit_good=GOOD_CODE)
    row = Registry().find("method", "mycam")
    assert (row.origin, row.value, row.status) == ("camkit-good 0.3", "camkit_good:mycam", "")
    assert row.qualified == "camkit-good:mycam"
    assert row.summary == "Sum the channels."
    assert "camkit_good" not in sys.modules


def test_only_the_plugin_that_is_asked_for_is_imported(install: Install) -> None:
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    install("camkit-other", "[camkit.methods]\nother = camkit_other:f\n", camkit_other="f = print")
    assert Registry().find("method", "MyCam").load().__name__ == "mycam"
    assert "camkit_good" in sys.modules
    assert "camkit_other" not in sys.modules


def test_built_ins_are_found_as_anything_else(install: Install) -> None:
    registry = Registry()
    row = registry.find("method", "gradcam")
    assert (row.distribution, row.version) == ("camkit", "0.1.0")
    assert row.load() is importlib.import_module("camkit_methods.gradcam").gradcam
    assert row.summary.startswith("Weight each channel by the mean of its gradient")
    assert registry.problems() == ()


def test_without_metadata_camkits_own_are_there(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "distributions", lambda: iter(()))
    registry = Registry()
    assert registry.find("method", "gradcam").load().__name__ == "gradcam"
    assert registry.find("renderer", "overlay").origin == "camkit"
    assert registry.problems() == ()


def test_what_is_there_without_metadata_is_what_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == DECLARED


def test_the_table_of_built_ins_is_the_one_that_its_command_writes() -> None:
    command = runpy.run_path(str(ROOT / ".ci" / "declare_builtins.py"))
    written = command["BUILTINS"].read_text(encoding="utf-8")
    assert written == command["module"](), "run: python .ci/declare_builtins.py"


def test_the_docstring_of_a_submodule_is_read_without_importing_its_package(
    install: Install,
) -> None:
    site = install("camkit-deep", "[camkit.methods]\ndeep = camkit_deep.sub.mod:Deep.run\n")
    (site / "camkit_deep" / "sub").mkdir(parents=True)
    (site / "camkit_deep" / "__init__.py").write_text("raise SystemExit")
    source = 'class Deep:\n  def run(self):\n    """\n    Two words.\n\n    More."""\n'
    (site / "camkit_deep" / "sub" / "mod.py").write_text(source)
    importlib.invalidate_caches()
    assert Registry().find("method", "deep").summary == "Two words."
    assert "camkit_deep" not in sys.modules


@pytest.mark.parametrize("source", ["from math import sqrt as mycam", "def mycam(:", "\0"])
def test_without_a_docstring_the_package_speaks_for_itself(install: Install, source: str) -> None:
    install("camkit-good", GOOD, camkit_good=source)
    assert Registry().find("method", "mycam").summary == "About camkit-good"


def test_the_scan_runs_once_and_again_only_if_it_failed(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, scans, real = Registry(), [], metadata.distributions

    def distributions() -> object:
        scans.append(1)
        if len(scans) == 1:
            raise OSError("the disk is away")
        return real()

    monkeypatch.setattr(metadata, "distributions", distributions)
    with pytest.raises(OSError, match="the disk is away"):
        registry.problems()
    assert names(registry) == names(registry) == names(Registry())
    assert len(scans) == 3  # one that failed, one for each registry


def test_a_plugin_may_use_the_registry_while_it_is_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.plugins.registry._default", Registry())
    asks = f"from camkit_core.plugins import get_registry\nget_registry().problems()\n{HOOK}"
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook=asks)
    assert "hooky-a" in names(get_registry())
    assert get_registry().problems() == ()


def test_threads_see_one_registry(install: Install) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook=HOOK)
    registry, seen = Registry(), []
    ask = lambda: seen.append(registry.find("method", "hooky-a").origin)  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["camkit-hook 1.0"] * 16


# Copies and clashes


def test_two_copies_on_the_path_count_once_the_first(install: Install) -> None:
    install("camkit-good", GOOD, "0.2", root="old", camkit_good=GOOD_CODE)
    install("camkit_Good", GOOD.replace("mycam =", "newcam ="), "0.3", root="new")
    rows = [row for row in Registry().contributions("method") if row.distribution != "camkit"]
    assert [(row.name, row.version) for row in rows] == [("newcam", "0.3")]


def test_a_newer_copy_without_plugins_hides_an_older_one_with_some(install: Install) -> None:
    install("camkit-good", GOOD, "0.2", root="old", camkit_good=GOOD_CODE)
    install("camkit-good", "[console_scripts]\nx = y:z\n", "0.3", root="new")
    assert names(Registry()) == ["gradcam", "gradcam++"]


@pytest.mark.parametrize("order", [("aa", "bb"), ("bb", "aa")])
def test_two_packages_of_one_name_are_an_error_for_that_name_only(
    install: Install, order: tuple[str, str]
) -> None:
    for letter in order:
        entry = f"[camkit.methods]\nfancy = camkit_{letter}:f\n"
        version = {"aa": "1.0", "bb": "2.0"}[letter]
        install(f"camkit-{letter}", entry, version, **{f"camkit_{letter}": "def f(): ..."})
    registry = Registry()
    listed = r"camkit-aa:fancy \(1\.0\), camkit-bb:fancy \(2\.0\)"
    with pytest.raises(PluginError, match=rf"several packages have a method.*{listed}"):
        registry.find("method", "fancy")
    assert registry.find("method", "Camkit_BB:fancy").load().__module__ == "camkit_bb"
    assert registry.find("method", "gradcam").distribution == "camkit"
    rows = [row for row in registry.contributions("method") if row.name == "fancy"]
    assert [(row.distribution, row.status) for row in rows] == [
        ("camkit-aa", "conflict"),
        ("camkit-bb", "conflict"),
    ]


def test_a_built_in_keeps_its_name(install: Install) -> None:
    evil = "[camkit.methods]\nGradCAM = camkit_evil:f\n"
    install("aaa-evil", evil, camkit_evil="def f(): ...")
    registry = Registry()
    assert registry.find("method", "gradcam").distribution == "camkit"
    assert registry.find("method", "aaa-evil:gradcam").status == "shadowed"


def test_case_and_separators_do_not_count_but_plus_does(install: Install) -> None:
    install("camkit-x", "[camkit.methods]\nmy_long.cam = camkit_x:f\n", camkit_x="def f(): ...")
    registry = Registry()
    assert registry.find("method", "My-Long_CAM").name == "my_long.cam"
    assert registry.find("method", "GradCAM++").name == "gradcam++"
    assert registry.find("method", "GradCAM").name == "gradcam"


def test_a_package_that_is_gone_takes_part_in_no_clash(install: Install) -> None:
    entry = "[camkit.methods]\nmycam = camkit_gone:f\n"
    install("camkit-gone", entry)
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    registry = Registry()
    assert registry.find("method", "mycam").distribution == "camkit-good"
    gone = registry.find("method", "camkit-gone:mycam")
    assert gone.status == "missing"
    with pytest.raises(PluginError, match="ModuleNotFoundError: No module named 'camkit_gone'"):
        gone.load()


# Broken plugins


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
    ],
)
def test_malformed_entry_points_cost_only_their_package(
    install: Install, entry_points: str, expected: str
) -> None:
    install("camkit-bad", entry_points)
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    assert {"mycam", "gradcam"} <= set(names(Registry()))
    assert expected in problem_with("camkit-bad")


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


# Hooks, and plugins registered from code


def test_a_module_may_implement_the_hooks(install: Install) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook=HOOK)
    row = Registry().find("method", "hooky-a")
    assert (row.origin, row.summary) == ("camkit-hook 0.5", "From a hook")
    assert "camkit_hook_code" not in sys.modules


def test_what_is_declared_twice_in_the_same_words_counts_once(install: Install) -> None:
    entries = "[camkit]\nmine = camkit_hook\n[camkit.methods]\nhooky-a = camkit_hook_code:a\n"
    install("camkit-hook", entries, camkit_hook=HOOK, camkit_hook_code="def a(): ...")
    assert names(Registry()).count("hooky-a") == 1
    assert Registry().find("method", "hooky-a").status == ""


def test_what_is_registered_from_code_goes_first_until_it_is_unregistered(
    install: Install,
) -> None:
    def mine() -> None:
        """Do it my way."""

    registry, plugin = Registry(), code(camkit_methods=lambda: ())
    plugin.camkit_methods = hookimpl(lambda: [Spec("gradcam", mine)])
    registry.register(plugin)
    assert registry.find("method", "gradcam").load() is mine
    assert registry.find("method", "gradcam").summary == "Do it my way."
    assert registry.find("method", "camkit:gradcam").status == "shadowed"
    assert Registry().find("method", "gradcam").distribution == "camkit"
    registry.unregister(plugin)
    assert registry.find("method", "gradcam").distribution == "camkit"


def test_a_wrong_plugin_registered_from_code_is_an_error_and_leaves_nothing(
    install: Install,
) -> None:
    registry = Registry()
    with pytest.raises(PluginError, match="did you mean 'camkit_methods'"):
        registry.register(code(camkit_method=lambda: ()), "wrong")
    registry.register(code(camkit_methods=lambda: ()), "wrong")
    with pytest.raises(PluginError, match="'wrong' is registered already"):
        registry.register(code(camkit_methods=lambda: ()), "wrong")
    registry.unregister("wrong")
    with pytest.raises(PluginError, match="no plugin named 'wrong'"):
        registry.unregister("wrong")


def test_a_function_goes_by_its_own_name(install: Install) -> None:
    def mycam(probe: object) -> None:
        """Mine."""

    registry = Registry()
    registry.register(code(camkit_methods=lambda: [mycam]))
    assert registry.find("method", "mycam").load() is mycam


def test_the_latest_plugin_registered_from_code_wins(install: Install) -> None:
    registry = Registry()
    for target in (dict, list):
        hook = hookimpl(lambda target=target: [Spec("mine", target)])
        registry.register(SimpleNamespace(camkit_methods=hook))
    assert registry.find("method", "mine").load() is list


def test_an_object_may_implement_the_hooks_under_any_name(install: Install) -> None:
    source = (
        "from camkit_core.plugins.hookspecs import Spec, hookimpl\nclass Plugin:\n"
        "  @hookimpl(specname='camkit_methods')\n"
        "  def mine(self): return [Spec('obj', 'camkit_hook:f')]\nplugin = Plugin()\n"
    )
    install("camkit-hook", "[camkit]\nmine = camkit_hook:plugin\n", camkit_hook=source)
    assert "obj" in names(Registry())


def test_a_deprecation_names_the_package_and_is_shown(install: Install) -> None:
    old = pluggy.HookspecMarker("camkit")(
        lambda: None, warn_on_impl=CamkitDeprecation("camkit_methods will go")
    )
    plugins = PluginSet()
    plugins.manager = pluggy.PluginManager("camkit")
    plugins.manager.add_hookspecs(SimpleNamespace(camkit_methods=old))
    hook = hookimpl(lambda: [Spec("mine", dict)])
    with pytest.warns(CamkitDeprecation, match="plugin lab 1.0: camkit_methods will go"):
        plugins.add(SimpleNamespace(camkit_methods=hook), "lab", Source("lab", "1.0"))
    assert [one.name for one in plugins.all()] == ["mine"]
    assert issubclass(CamkitDeprecation, FutureWarning)  # which Python shows by default


# Adapters


def a_class(path: str, *bases: type) -> type:
    module, _, name = path.rpartition(".")
    return type(name, bases, {"__module__": module, "__qualname__": name})


def adapters(install: Install, distribution: str, *keys: str) -> None:
    module = distribution.replace("-", "_")
    lines = "".join(f"{key} = {module}:f\n" for key in keys)
    install(distribution, f"[camkit.adapters]\n{lines}", **{module: "def f(): ..."})


def chosen(cls: type) -> str:
    found = Registry().adapter_for(cls)
    return found.qualified if found else "none"


def test_the_longest_name_of_the_nearest_class_is_the_adapter(install: Install) -> None:
    adapters(install, "lab-a", "zoo", "zoo.vit", "zoo.vit.ViT", "zoo.vi", "torch")
    base = a_class("torch.nn.modules.module.Module")
    vit = a_class("zoo.vit.ViT", base)
    assert chosen(a_class("__main__.Net", vit)) == "lab-a:zoo.vit.ViT"
    assert chosen(a_class("zoo.vit.Other", base)) == "lab-a:zoo.vit"
    assert chosen(a_class("zoo.vitamin.Net", base)) == "lab-a:zoo"
    assert chosen(a_class("zoological.Net", base)) == "lab-a:torch"
    assert chosen(a_class("elsewhere.Net")) == "none"
    assert "lab_a" not in sys.modules


def test_a_built_in_adapter_keeps_its_name_and_a_longer_one_wins(install: Install) -> None:
    resnet = a_class("torchvision.models.resnet.ResNet")
    adapters(install, "aaa-lab", "torchvision.models.resnet")
    assert chosen(resnet) == "camkit:torchvision.models.resnet"
    adapters(install, "bbb-lab", "torchvision.models.resnet.ResNet")
    assert chosen(resnet) == "bbb-lab:torchvision.models.resnet.ResNet"


def test_two_adapters_of_one_name_are_an_error_for_its_models(install: Install) -> None:
    adapters(install, "lab-a", "zoo.vit")
    adapters(install, "lab-b", "zoo.vit")
    with pytest.raises(PluginError, match=r"lab-a:zoo\.vit \(1\.0\), lab-b:zoo\.vit"):
        Registry().adapter_for(a_class("zoo.vit.ViT"))
    assert chosen(a_class("torchvision.models.resnet.ResNet")).startswith("camkit:")


def test_an_adapters_name_is_a_python_path(install: Install) -> None:
    adapters(install, "lab-a", "zoo.my_net", "zoo.my.net")
    assert Registry().find("adapter", "zoo.my_net").status == ""
    with pytest.raises(UnknownName, match=r"Did you mean 'zoo\.my_net'"):
        Registry().find("adapter", "Zoo.My_Net")


def test_an_adapter_registered_from_code_goes_before_a_built_in(install: Install) -> None:
    registry = Registry()
    registry.register(code(camkit_adapters=lambda: [Spec("torchvision.models.resnet", dict)]))
    found = registry.adapter_for(a_class("torchvision.models.resnet.ResNet"))
    assert found is not None
    assert found.load() is dict


# The commands


def test_a_list_is_aligned_and_problems_go_to_stderr(fresh: Install, capsys: Capture) -> None:
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook="import nowhere")
    fresh("camkit-evil", "[camkit.methods]\ngradcam = camkit_evil:f\n", camkit_evil="def f(): ...")
    assert main(["list-methods"]) == 0
    out, err = capsys.readouterr()
    heading, *rows, others, last = out.splitlines()
    assert (heading, others) == ("the five", "of other packages")
    rows.append(last)
    assert [row.split()[0] for row in rows] == ["gradcam", "gradcam++", "camkit-evil:gradcam"]
    assert rows[0].endswith("  camkit 0.1.0")
    assert rows[2].endswith("  camkit-evil 1.0 (shadowed)")
    assert len({row.rindex("  camkit") for row in rows}) == 1
    assert err.count("\n") == 1
    assert err.startswith("camkit: plugin camkit-hook 0.5 (camkit:mine) is left out: ")


def test_json_holds_the_problems_and_stderr_nothing(fresh: Install, capsys: Capture) -> None:
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook="import nowhere")
    assert main(["list-archs", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["schema"] == 1
    assert document["adapters"][0]["value"] == "camkit_archs.resnet:adapter"
    assert document["problems"][0]["distribution"] == "camkit-hook"


def test_each_kind_has_its_list(fresh: Install, capsys: Capture) -> None:
    assert main(["list-archs"]) == 0
    assert capsys.readouterr().out.startswith("torchvision.models.resnet  The last residual block")
    assert main(["list-renderers"]) == 0
    assert capsys.readouterr().out == ""


def test_a_table_fits_the_terminal() -> None:
    row = Contribution("method", "cam", "camkit", "1", "m:f", stated="long " * 30)
    assert max(map(len, table([row], 60))) == 60
    assert "..." in table([row], 60)[0]
    assert "..." not in table([row], 300)[0]


def test_listing_imports_nothing_heavy_and_no_plugin(install: Install) -> None:
    site = install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    script = (
        "import sys; from camkit_core.cli import main; main(['list-methods']); heavy = {'torch', "
        "'numpy', 'PIL', 'cv2', 'camkit_good', 'camkit_methods'}; print(sorted(heavy & "
        "set(sys.modules)))"
    )
    paths = [str(site), str(site.parent / "camkit"), str(Path(camkit_core.__file__).parents[1])]
    path = f"import sys; sys.path[:0] = {paths}; "
    run = [sys.executable, "-c", path + script]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "mycam" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("module", [hookspecs, contribution, errors])
def test_the_examples_run(install: Install, module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
