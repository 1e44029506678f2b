"""Plugins change nothing for who does not ask for them."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from helpers.fake_packages import Install


def test_importing_camkit_scans_nothing(install: Install) -> None:
    import subprocess

    program = (
        "from importlib import metadata\n"
        "def refuse(*_, **__): raise AssertionError('scanned')\n"
        "metadata.distributions = refuse\n"
        "import camkit_core, camkit_core.cli, camkit_core.plugins\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.filterwarnings("error")
def test_broken_plugins_change_nothing_for_who_does_not_ask_for_them(
    fresh: Install, capfd: Any
) -> None:
    import torch

    import camkit_core as camkit
    from helpers.small_nets import small_net

    fresh("camkit-imp", "[camkit.methods]\nbroken = camkit_imp:f\n", camkit_imp="import nowhere")
    fresh("camkit-exit", "[camkit]\nmine = camkit_exit\n", camkit_exit="raise SystemExit")
    fresh("camkit-typo", "[camkit]\nmine = camkit_typo\n", camkit_typo="def camkit_method(): ...")
    net = small_net("resnet", torch.float32)
    assert camkit.explain(net.model, net.images, "gradcam", 1).method == "gradcam"
    assert capfd.readouterr() == ("", "")


def test_camkit_adds_nothing_to_pytest() -> None:
    from importlib import metadata

    assert not [row for row in metadata.entry_points(group="pytest11") if "camkit" in row.value]
