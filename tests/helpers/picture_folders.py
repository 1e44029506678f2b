"""Folders of small pictures, a network that explains them, and runs in other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from helpers.checkout import ROOT

BROKEN = ("b/cut.jpg", "b/empty.jpg", "text.jpg", "gone.jpg")


class Tiny(nn.Module):
    """Two convolutions and a head of three classes, with weights that are the same each time."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.body = nn.Sequential(
                nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), nn.ReLU()
            )
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images))


def transform(picture: Image.Image) -> Tensor:
    """A picture as `Tiny` takes it: 32 x 32."""
    values = torch.from_numpy(np.array(picture.resize((32, 32)))).permute(2, 0, 1)
    return values / 127.5 - 1


def filled(folder: Path, count: int = 56, broken: bool = True) -> Path:
    """A folder with pictures in nested folders, and four that cannot be read."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / "abc"[number % 3] / f"deep {number % 2}" / f"{number:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (4 + number % 3, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((48, 40)).save(path)
    if broken:
        whole = (folder / "a" / "deep 0" / "000.jpg").read_bytes()
        (folder / "b" / "cut.jpg").write_bytes(whole[:300])
        (folder / "b" / "empty.jpg").touch()
        (folder / "text.jpg").write_text("no picture")
        (folder / "gone.jpg").symlink_to("nowhere.jpg")
    return folder


def in_another_process(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python program that runs in a process of its own, with the helpers of the tests."""
    paths = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def tiny() -> tuple[nn.Module, Callable[[Image.Image], Tensor]]:
    """The network and its preprocessing, as a factory gives them to the command."""
    return Tiny(), transform
