"""Wheels built and unpacked as pip does it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def installed_wheels(projects: Sequence[Path], folder: Path) -> Path:
    """The wheels of projects, built and unpacked into one folder, as pip does it."""
    wheels, site = folder / "wheels", folder / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = ["wheel", *map(str, projects), "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    subprocess.run([*pip, *build], check=True, cwd=folder)
    install = ["install", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, *install, *map(str, wheels.glob("*.whl"))], check=True, cwd=folder)
    return site
