"""Two plugins of one name, and two copies of one package."""

from __future__ import annotations

import pytest

from camkit_core.errors import PluginError
from camkit_core.plugins import Registry
from helpers.fake_packages import GOOD, GOOD_CODE, Install
from helpers.registries import names


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
