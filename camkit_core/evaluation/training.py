"""Train the zoo from nothing: `python -m camkit_core.evaluation.training`.

Which classes are in a scene, each decided by itself: binary cross-entropy. A scene turned,
mirrored, in other colours or as a negative is a scene of the same classes.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from .controls import network_controls
from .networks import FAMILIES, WEIGHTS, build, weights_of
from .scenes import make_scene

log = logging.getLogger("camkit.evaluation.training")
SCENES = 40_000
EPOCHS = 4
BATCH = 64
RATES = {"vit": 1e-3}  # of learning; the others take
RATE = 4e-3


def train(family: str, seed: int, pictures: Tensor, labels: Tensor, epochs: int) -> nn.Module:
    """A network of a family, trained.

    Args:
        family: which.
        seed: of its first weights and of the order of the scenes.
        pictures: (N, 3, H, W), uint8.
        labels: (N, K), float32.
        epochs: how often each scene is seen.
    """
    torch.manual_seed(seed)
    network = build(family, seed).to(memory_format=torch.channels_last)
    steps = epochs * (len(pictures) // BATCH)
    rate = RATES.get(family, RATE)
    optimizer = torch.optim.AdamW(_groups(network), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.2
    )
    loss_of = nn.BCEWithLogitsLoss()
    network.train()
    for epoch in range(epochs):
        total = 0.0
        for chosen in _batches(len(pictures)):
            loss = loss_of(network(_augmented(pictures[chosen])), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        log.info("%s-%d, epoch %d: loss %.4f", family, seed, epoch + 1, total * BATCH / len(labels))
    return network.eval().to(memory_format=torch.contiguous_format)


def _groups(network: nn.Module) -> list[dict[str, object]]:
    """Weights decay; norms and biases do not."""
    weights = [one for one in network.parameters() if one.ndim > 1]
    others = [one for one in network.parameters() if one.ndim <= 1]
    return [{"params": weights, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]


def _batches(count: int) -> Iterator[Tensor]:
    order = torch.randperm(count)
    return iter(torch.split(order[: count // BATCH * BATCH], BATCH))


def _augmented(pictures: Tensor) -> Tensor:
    batch = pictures[:, torch.randperm(3)].float() / 127.5 - 1
    if torch.rand(()) < 0.5:
        batch = batch.flip(-1)
    if torch.rand(()) < 0.5:
        batch = batch.flip(-2)
    if torch.rand(()) < 0.5:
        batch = batch.transpose(-1, -2)
    if torch.rand(()) < 0.5:
        batch = -batch
    return batch.contiguous(memory_format=torch.channels_last)


def scenes(count: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures (count, 3, H, W), uint8, and labels (count, K), float32, of consecutive seeds."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        made = list(pool.map(_scene, range(first, first + count), chunksize=64))
    pictures = torch.from_numpy(np.stack([picture for picture, _ in made])).movedim(-1, 1)
    return pictures.contiguous(), torch.from_numpy(np.stack([labels for _, labels in made])).float()


def _scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    scene = make_scene(seed)
    return scene.picture(), scene.labels


def train_and_save(
    family: str, seed: int, data: Path, folder: Path, epochs: int, threads: int
) -> Path:
    """Train one network on stored scenes, look whether it is fit to be explained, and store it."""
    torch.set_num_threads(threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stored = torch.load(data, mmap=True)
    start, busy = time.perf_counter(), time.process_time()
    network = train(family, seed, stored["pictures"], stored["labels"], epochs)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    path = weights_of(family, seed, folder)
    weights = {name: _half(value) for name, value in network.state_dict().items()}
    network.load_state_dict({name: _float(value) for name, value in weights.items()})
    controls = network_controls(network)
    record = {
        "family": family,
        "seed": str(seed),
        "scenes": str(len(stored["labels"])),
        "epochs": str(epochs),
        "seconds": f"{seconds:.0f} on {threads} threads, {busy:.0f} of processor time",
        "torch": torch.__version__,
        **{control.what: f"{control.found:.4f}" for control in controls},
    }
    save_file(weights, path, record)
    for control in controls:
        log.info("%s-%d, %s", family, seed, control)
    log.info("%s-%d, %s s, %s", family, seed, record["seconds"], path.name)
    return path


def _half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).contiguous()


def _float(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def train_all(
    families: Sequence[str], seeds: int, folder: Path, count: int = SCENES, epochs: int = EPOCHS
) -> list[Path]:
    """Train the networks of several families and seeds, side by side; returns their files.

    A file that is there already is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = list(product(range(seeds), families))
    missing = [(f, s) for s, f in asked if not weights_of(f, s, folder).exists()]
    if missing:
        data = folder / "scenes.pt"
        pictures, labels = scenes(count)
        torch.save({"pictures": pictures, "labels": labels}, data)
        cores = os.cpu_count() or 1
        workers = min(cores, len(missing))
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            waiting = [
                pool.submit(train_and_save, family, seed, data, folder, epochs, cores // workers)
                for family, seed in missing
            ]
            for one in waiting:
                one.result()
        data.unlink()
    return [weights_of(family, seed, folder) for seed, family in asked]


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    parser.add_argument("--seeds", type=int, default=1, help="networks of each family")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where the weights go")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train_all(args.families, args.seeds, args.folder, args.scenes, args.epochs)


if __name__ == "__main__":
    main()
