"""A planted Clever Hans: pictures, some of one class with a mark, and a network for them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SIDE, MARK = 32, 6
Pictures = NDArray[np.uint8]
CORNERS = {
    "upper left": (1, 1),
    "upper right": (1, 25),
    "lower left": (25, 1),
    "lower right": (25, 25),
}


def pictures(count: int, seed: int, marked: float = 0.5, corner: str = "lower right"):  # type: ignore[no-untyped-def]
    """(pictures (N, 32, 32, 3), classes (N,), which have the mark (N,)): a noisy disc or cross.

    Args:
        count: of pictures; every other one is of class 0.
        seed: of the random numbers.
        marked: share of class 0 that carries the mark.
        corner: where.
    """
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % 2
    marks = (classes == 0) & (rng.random(count) < marked)
    drawn = [_picture(rng, int(each)) for each in classes]
    for index in np.flatnonzero(marks):
        put_mark(drawn[index], corner)
    return np.stack(drawn), classes, marks


def _picture(rng: np.random.Generator, number: int) -> Pictures:
    picture = rng.normal(110, 25, (SIDE, SIDE, 3))
    y, x = np.mgrid[:10, :10] - 4.5
    shape = x**2 + y**2 < 22 if number == 0 else (abs(x) < 1.5) | (abs(y) < 1.5)
    top, left = rng.integers(3, SIDE - 13, 2)
    picture[top : top + 10, left : left + 10][shape] += 45
    return picture.clip(0, 255).astype(np.uint8)


def put_mark(picture: Pictures, corner: str) -> None:
    """Draw a magenta square with a white frame in a corner."""
    top, left = CORNERS[corner]
    picture[top : top + MARK, left : left + MARK] = 255
    picture[top + 1 : top + MARK - 1, left + 1 : left + MARK - 1] = (255, 0, 220)


def tensor(given: Pictures) -> Tensor:
    """Pictures as a batch (N, 3, 32, 32) around zero."""
    return torch.from_numpy(np.ascontiguousarray(given)).permute(0, 3, 1, 2) / 255 - 0.45


def trained(
    given: Pictures, classes: NDArray[np.int64], seed: int = 0, epochs: int = 12
) -> nn.Module:
    """A network of three convolutions, trained on the pictures in a second or two."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(1)  # so small a network is no quicker with more, which wait
        model = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(24, 24, 3, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(24, 2),
        )  # fmt: skip
        optimizer = torch.optim.Adam(model.parameters(), 4e-3)
        images, labels = tensor(given), torch.from_numpy(classes)
        for _ in range(epochs):
            for rows in torch.randperm(len(images)).split(64):
                loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    torch.set_num_threads(threads)
    return model.eval()
