"""Train the demo's network from scratch: `python -m camkit_core.demo.train`.

Which classes are in a scene, each decided by itself: binary cross-entropy. Scenes with none of the
classes are among them, so that evidence has to come from the shape. About 15 minutes on 4 cores.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.vgg import VGG

from .network import WEIGHTS, build_network
from .scene import make_scene

log = logging.getLogger("camkit.demo.train")
TEST_SEED = 10_000_000


def scenes(first: int, count: int) -> tuple[Tensor, Tensor]:
    """Pictures (count, 3, H, W), uint8, and labels (count, K), float32, of consecutive seeds."""
    with ProcessPoolExecutor() as pool:
        made = list(pool.map(_scene, range(first, first + count), chunksize=64))
    pictures = torch.from_numpy(np.stack([image for image, _ in made])).movedim(-1, 1)
    return pictures.contiguous(), torch.from_numpy(np.stack([labels for _, labels in made])).float()


def _scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    scene = make_scene(seed)
    return scene.image, scene.labels


def train(count: int, epochs: int, seed: int, batch: int = 64) -> VGG:
    """A network trained on `count` scenes."""
    torch.manual_seed(seed)
    network = build_network()
    pictures, labels = scenes(0, count)
    steps = epochs * (count // batch)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    loss_of = nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for chosen in _batches(count, batch):
            loss = loss_of(network(_augmented(pictures[chosen])), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss)
        log.info("epoch %d: loss %.4f", epoch + 1, total * batch / count)
    network.eval()
    return network


def _batches(count: int, batch: int) -> Iterator[Tensor]:
    order = torch.randperm(count)
    return iter(order[: count // batch * batch].split(batch))  # type: ignore[no-untyped-call]


def _augmented(pictures: Tensor) -> Tensor:
    # A mirrored scene is a scene, so is one in other colours.
    if torch.rand(()) < 0.5:
        pictures = pictures.flip(-1)
    return pictures[:, torch.randperm(3)].float() / 127.5 - 1


@torch.no_grad()
def accuracy(network: nn.Module, count: int, first: int = TEST_SEED) -> float:
    """The share of right present-or-absent answers on scenes not trained on."""
    pictures, labels = scenes(first, count)
    answers = [network(block.float() / 127.5 - 1) > 0 for block in torch.split(pictures, 100)]
    return float((torch.cat(answers) == labels.bool()).float().mean())


def main() -> None:
    """Train, test, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    network = train(args.scenes, args.epochs, args.seed)
    reached = accuracy(network, 2000)
    log.info("test accuracy %.4f", reached)
    record = {
        "test_accuracy": f"{reached:.4f}",
        "test_scenes": "2000",
        "scenes": str(args.scenes),
        "epochs": str(args.epochs),
        "seed": str(args.seed),
        "torch": torch.__version__,
    }
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, args.output, record)


if __name__ == "__main__":
    main()
