"""How long `camkit list-methods` takes among many packages, and that it imports none of them.

    python benchmarks/listing.py

The packages are 300 unrelated distributions and five with plugins behind typed entry points: one
plugin imports torch, one sleeps, two cannot be imported. Prints the best of nine runs, and that of
a Python that does nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 0.35  # seconds
RUNS = 9
IMPORTED = "import pathlib; pathlib.Path(__file__).with_suffix('.imported').touch()\n"
CODE = {
    "plain": "def plain(probe): ...\n",
    "torchy": "import torch\ndef torchy(probe): ...\n",
    "sleepy": "import time; time.sleep(3)\ndef sleepy(probe): ...\n",
    "broken": "import nowhere\n",
    "exits": "raise SystemExit\n",
}


def package(root: Path, name: str, entry_points: str = "") -> None:
    """Write a distribution that has nothing but metadata."""
    info = root / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    if entry_points:
        (info / "entry_points.txt").write_text(entry_points)


def seconds(*command: str, path: str) -> float:
    """The shortest time of a few runs."""
    environment = os.environ | {"PYTHONPATH": path}
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], env=environment, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(300):
            scripts = f"[console_scripts]\nx{number} = unrelated_{number}:main\n"
            package(root, f"unrelated-{number}", scripts if number % 2 else "")
        for name, code in CODE.items():
            module = f"camkit_{name}"
            package(root, f"camkit-{name}", f"[camkit.methods]\n{name} = {module}:{name}\n")
            (root / f"{module}.py").write_text(IMPORTED + code)
        bare = seconds("-c", "pass", path=str(root))
        listing = seconds("-m", "camkit_core", "list-methods", path=str(root))
        imported = sorted(path.stem for path in root.glob("*.imported"))
    print(f"python {bare:.3f} s, camkit list-methods {listing:.3f} s (at most {LIMIT} s)")
    print(f"plugin modules imported: {', '.join(imported) or 'none'}")


if __name__ == "__main__":
    main()
