"""The command, called in this process on a made-up picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from camkit_core.cli import main


def picture(path: Path, seed: int = 0) -> str:
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


def explain(*arguments: str, weights: str = "none") -> int:
    return main(["explain", *arguments, *_model(weights)])


def compare(*arguments: str, weights: str = "none") -> int:
    return main(["compare", *arguments, *_model(weights)])


def _model(weights: str) -> list[str]:
    return ["--model", "resnet18", "--weights", weights, "--size", "64", "--device", "cpu"]


def names(tmp_path: Path, first: str = "ant") -> str:
    (tmp_path / "names.txt").write_text("\n".join([first, *map("class {}".format, range(999))]))
    return str(tmp_path / "names.txt")
