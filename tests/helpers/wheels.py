"""Wheels built and unpacked as pip does it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def installed_wheel(project: Path, folder: Path) -> Path:
    """The wheel of a project, built and unpacked into a folder of its own, as pip does it."""
    wheels, site = folder / "wheels", folder / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = ["wheel", str(project), "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    subprocess.run([*pip, *build], check=True, cwd=folder)
    (wheel,) = wheels.glob("*.whl")
    install = ["install", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run([*pip, *install], check=True, cwd=folder)
    return site
