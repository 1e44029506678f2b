"""Made-up packages: metadata and a few modules in a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from camkit_core.plugins.policy import ALLOWED, BLOCKED, PREFERRED, STRICT

Install = Callable[..., Path]

CAMKIT = """\
[camkit.methods]
gradcam = camkit_methods.gradcam:gradcam
gradcam++ = camkit_methods.gradcam_plusplus:gradcam_plusplus
[camkit.adapters]
torchvision.models.resnet = camkit_archs.resnet:adapter
"""
GOOD = "[camkit.methods]\nmycam = camkit_good:mycam\n"
GOOD_CODE = 'def mycam(probe):\n    """Sum the channels."""\n    return probe.activations.sum(1)\n'
HOOK = """\
from camkit_core.plugins.hookspecs import Spec, hookimpl

@hookimpl
def camkit_methods():
    yield Spec("hooky-a", "camkit_hook_code:a", "From a hook")
    yield Spec("hooky-b", "camkit_hook_code:b")
"""


def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts packages on the path that are metadata and a few modules, as pip would."""
    modules: set[str] = set()
    for variable in (ALLOWED, BLOCKED, PREFERRED, STRICT):
        monkeypatch.delenv(variable, raising=False)

    def install(
        name: str, entry_points: str, version: str = "1.0", root: str = "", **files: str
    ) -> Path:
        site = tmp_path / (root or name)
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        header = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: About {name}\n"
        (info / "METADATA").write_text(header)
        (info / "entry_points.txt").write_text(entry_points)
        for module, text in files.items():
            (site / f"{module}.py").write_text(text)
        modules.update(files)
        monkeypatch.syspath_prepend(str(site))
        return site

    install("camkit", CAMKIT, "0.1.0")
    yield install
    for module in modules:
        sys.modules.pop(module, None)
