"""Source texts, rewritten for camkit."""

from __future__ import annotations

import pytest

from camkit_core.cli.migration.homes import names
from camkit_core.cli.migration.rewrite import rewritten

HOME = "camkit_methods.compat.torchcam"


def changed(code: str, native: bool = False) -> str:
    return rewritten(code, native).code


def left(code: str, native: bool = False) -> list[str]:
    return [f"{line}: {why}" for line, why in rewritten(code, native).left]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import torchcam", f"import {HOME} as torchcam"),
        ("import torchcam as tc", f"import {HOME} as tc"),
        ("import os, torchcam as tc, re", f"import os, {HOME} as tc, re"),
        ("import torchcam.methods as m  # why", f"import {HOME}.methods as m  # why"),
        ("import torchcam.utils", f"import {HOME}.utils, {HOME} as torchcam"),
        ("from torchcam import methods, utils as u", f"from {HOME} import methods, utils as u"),
        ("from torchcam.methods import CAM as C", f"from {HOME}.methods import CAM as C"),
        ("from torchcam.methods import *", f"from {HOME}.methods import *"),
        ("from torchcam.cams import ScoreCAM", f"from {HOME}.methods import ScoreCAM"),
        ("a = 1; from torchcam.utils import overlay_mask; b = 2",) * 2,
        (
            "from torchcam.methods.activation import ScoreCAM",
            f"from {HOME}.methods.activation import ScoreCAM",
        ),
        (
            "from torchcam.methods import (\n    CAM,  # old\n    GradCAM,\n)",
            f"from {HOME}.methods import (\n    CAM,  # old\n    GradCAM,\n)",
        ),
        (
            "def f():\n\tif 1: import torchcam; return torchcam\n",
            f"def f():\n\tif 1: import {HOME} as torchcam; return torchcam\n",
        ),
        (
            "try:\n    import torchcam\nexcept ImportError:\n    torchcam = None\n",
            f"try:\n    import {HOME} as torchcam\nexcept ImportError:\n    torchcam = None\n",
        ),
    ],
)
def test_imports_change_and_the_names_that_they_bind_do_not(before: str, after: str) -> None:
    if before == after:
        after = before.replace("torchcam.utils", f"{HOME}.utils")
    assert changed(before) == after
    assert left(before) == []
    assert changed(after) == after


@pytest.mark.parametrize(
    "code",
    [
        "import os\n",
        "from . import torchcam\n",
        "from .torchcam import methods\n",
        "import torchcam_tools, captum\n",
        "from captum.attr import Saliency as S, IntegratedGradients\nx = S(model)\n",
        "torchcam = 1\nprint(torchcam.methods)\n",
        "# from torchcam.methods import CAM\n",
    ],
)
def test_other_code_stays(code: str) -> None:
    assert changed(code) == code


def test_uses_behind_a_module_go_on() -> None:
    rest = "\nwith torchcam.methods.CAM(*args, **kwargs) as cam:\n    cam(1)\n"
    code = f"import {HOME}.methods, {HOME} as torchcam\n{rest}"
    assert changed(f"import torchcam.methods\n{rest}") == code


def test_names_that_camkit_does_not_have_keep_their_import() -> None:
    code = "from torchcam.methods import (\n    CAM,  # old\n    NewCAM,\n)\n"
    assert changed(code) == (
        f"from {HOME}.methods import (\n    CAM,  # old\n    )\n"
        "from torchcam.methods import NewCAM\n"
    )
    assert left(code) == [f"1: camkit's {HOME}.methods has no NewCAM"]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os\nimport torchcam.nope\n", "2: camkit has no torchcam.nope"),
        ("from torchcam.Methods import CAM\n", "did you mean torchcam.methods?"),
        ("from torchcam.nope import *\n", "1: camkit has no torchcam.nope"),
        ("\nx = 'torchcam.methods'\n", "2: the string 'torchcam.methods' may be a name to import"),
        ("m = __import__('torchcam')\n", "1: the string 'torchcam' may be a name to import"),
    ],
)
def test_what_stays_is_said_with_its_line(code: str, why: str) -> None:
    assert changed(code) == code
    assert len(left(code)) == 1
    assert why in left(code)[0]


def test_strings_that_are_imported_change() -> None:
    code = "m = importlib.import_module('{}.methods')\npatch(\"{}.methods.CAM\", new=x)\n"
    assert changed(code.format("torchcam", "torchcam")) == code.format(HOME, HOME)


def test_a_string_with_the_name_of_nothing_stays() -> None:
    code = "import_module('torchcam.nope')\nlabel = 'torchcam for all'\n"
    assert changed(code) == code
    assert len(left(code)) == 1


def test_the_native_form_has_camkits_names_where_they_do_alike() -> None:
    code = "from torchcam.methods import CAM\n"
    assert changed(code, native=True) == f"from {HOME}.methods import CAM\n"
    assert left(code) == []
    assert "1: CAM is in its compat form" in left(code, native=True)[0]


def test_names_are_read_from_the_source_without_an_import() -> None:
    assert {"CAM", "LeGrad", "core", "gradient"} <= names(f"{HOME}.methods")
    assert {"methods", "utils", "explain", "metrics"} <= names(HOME)
    assert "np" in names(f"{HOME}.utils")
    assert names("camkit_methods.compat.nope") == frozenset()


@pytest.mark.parametrize("rest", ["", ", Saliency"])
def test_captums_grad_cam_becomes_camkits_call(rest: str) -> None:
    use = "g = LayerGradCam(m, n).attribute(x, target=3)\n"
    code = f"from captum.attr import LayerGradCam{rest}\n{use}"
    kept = "from captum.attr import Saliency\n" if rest else ""
    call = "g = camkit_core.explain(m, x, target=3, layer=n).cam[:, None]\n"
    assert changed(code, native=True) == f"{kept}import camkit_core\n{call}"
    assert "from camkit_methods.compat.captum import LayerGradCam\n" in changed(code)
