"""Spellings of names: how papers and other libraries write a method, and who is meant by it."""

from __future__ import annotations

import doctest

import pytest

from camkit_core.errors import UnknownName
from camkit_core.plugins import Registry, get_registry, names
from helpers.fake_packages import Install

SPELLINGS = {
    "gradcam": ["grad-cam", "Grad-CAM", "GRAD.cam", "grad_cam"],
    "gradcam++": [
        "grad-cam++",
        "gradcampp",
        "grad-campp",
        "gradcamplusplus",
        "gradcam-plusplus",
        "grad-cam-plusplus",
        "Grad-CAM++",
        "GradCAMPlusPlus",
    ],
    "xgradcam": ["xgrad-cam", "XGrad-CAM"],
    "ablationcam": ["ablation-cam"],
    "scorecam": ["score-cam"],
    "guided_backprop": ["guidedbackprop", "guided-backprop", "GuidedBackProp"],
    "fullgrad": ["full-grad", "Full_Grad"],
    "smoothgradcam++": [
        "smooth-grad-cam++",
        "smoothgrad-cam++",
        "smoothgradcampp",
        "smooth-grad-campp",
        "Smooth Grad-CAM++".replace(" ", "-"),
    ],
    "sscam": ["ss-cam"],
    "iscam": ["is-cam"],
    "groupcam": ["group-cam"],
    "reciprocam": ["recipro-cam"],
    "finercam": ["finer-cam"],
    "shapleycam": ["shapley-cam"],
    "kpcacam": ["kpca-cam"],
    "refinecam": ["refine-cam"],
    "gradcam_elementwise": ["GradCAMElementWise"],
}


def declaring(install: Install, package: str, *methods: str) -> None:
    """Installs a package with methods of these names."""
    module = package.replace("-", "_")
    entries = "".join(f"{method} = {module}:f\n" for method in methods)
    install(package, f"[camkit.methods]\n{entries}", **{module: "def f(probe): ..."})


def test_the_examples_hold() -> None:
    assert doctest.testmod(names).failed == 0


@pytest.mark.parametrize(
    ("name", "spelling"), [(name, each) for name, all_ in SPELLINGS.items() for each in all_]
)
def test_other_spellings_of_the_methods_are_known(name: str, spelling: str) -> None:
    for wanted in (spelling, spelling.upper(), f"camkit:{spelling}", f"camkit:{spelling.upper()}"):
        row = get_registry().find("method", wanted)
        assert (row.distribution, row.name) == ("camkit", name)


def test_spellings_of_another_packages_method_are_known_as_well(install: Install) -> None:
    declaring(install, "camkit-x", "my-cam++")
    for spelling in ("mycam++", "MyCAMpp", "my_cam_plusplus", "camkit-x:MyCAM++"):
        assert Registry().find("method", spelling).name == "my-cam++"


def test_an_exact_name_goes_first(install: Install) -> None:
    declaring(install, "camkit-x", "grad-cam")
    assert Registry().find("method", "Grad_CAM").distribution == "camkit-x"
    assert Registry().find("method", "GradCAM").distribution == "camkit"
    assert Registry().find("method", "camkit:Grad_CAM").name == "gradcam"


def test_a_spelling_that_fits_several_names_is_none_of_them(install: Install) -> None:
    declaring(install, "camkit-x", "my-cam++", "mycampp")
    with pytest.raises(UnknownName, match=r"the name fits my-cam\+\+ and mycampp"):
        Registry().find("method", "my-cam-pp")
    with pytest.raises(UnknownName, match=r"fits camkit-x:my-cam\+\+ and camkit-x:mycampp"):
        Registry().find("method", "camkit-x:my-cam-pp")
    assert Registry().find("method", "my_cam++").name == "my-cam++"
    assert Registry().find("method", "MyCAMpp").name == "mycampp"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("method", "gradcamp"),
        ("method", "grad cam"),
        ("method", "gradcam+"),
        ("adapter", "torchvision.models.res.net"),
        ("renderer", "side-by--sid"),
    ],
)
def test_other_names_are_unknown(kind: str, name: str) -> None:
    with pytest.raises(UnknownName, match="Known:"):
        get_registry().find(kind, name)
