"""Train the zoo from nothing: `python -m camkit_core.testing.ground_truth.training`.

Which classes are in a scene, each decided by itself: binary cross-entropy. A scene turned,
mirrored, in other colours or as a negative is a scene of the same classes. At first the objects
are white on black, and their paint and the background fade in: without that, a transformer sees
nothing in a picture for many epochs.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from .controls import network_controls
from .networks import FAMILIES, WEIGHTS, build, put, weights_of
from .scenes import make_scene

Array = np.ndarray[Any, Any]
log = logging.getLogger("camkit.evaluation.training")
SCENES = 40_000
EPOCHS = {"mnasnet": 3}  # in which each scene is seen once; the others take
USUAL_EPOCHS = 4
BATCH = 64
RATES = {"vit": 2e-3}  # of learning; the others take
RATE = 4e-3
SLOWEST = ("mnasnet", "resnet", "densenet", "vit", "vgg")
FADE = 0.4  # of the steps, until scenes are as they are


@dataclass(frozen=True)
class Scenes:
    """What a network is trained on.

    Attributes:
        pictures: (N, 3, H, W), uint8.
        objects: (N, 1, H, W), bool: the pixels of any object.
        labels: (N, K), float32.
    """

    pictures: Tensor
    objects: Tensor
    labels: Tensor

    def batch(self, chosen: Tensor, faded: float) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1], changed at random; at `faded` 0 white on black."""
        painted = self.pictures[chosen][:, torch.randperm(3)].float() / 127.5 - 1
        if faded < 1:
            painted = faded * painted + (1 - faded) * (2 * self.objects[chosen].float() - 1)
        return _augmented(painted)


def train(family: str, seed: int, scenes: Scenes, epochs: int) -> nn.Module:
    """A network of a family, trained.

    Args:
        family: which.
        seed: of its first weights and of the order of the scenes.
        scenes: what it sees.
        epochs: how often it sees each.
    """
    torch.manual_seed(seed)
    network = build(family, seed).to(memory_format=torch.channels_last)
    labels = scenes.labels
    steps, step = epochs * (len(labels) // BATCH), 0
    rate = RATES.get(family, RATE)
    optimizer = torch.optim.AdamW(_groups(network), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.2
    )
    loss_of = nn.BCEWithLogitsLoss()
    network.train()
    for epoch in range(epochs):
        total = 0.0
        for chosen in _batches(len(labels)):
            batch = scenes.batch(chosen, min(1.0, step / (FADE * steps)))
            loss = loss_of(network(batch), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
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


def _augmented(batch: Tensor) -> Tensor:
    if torch.rand(()) < 0.5:
        batch = batch.flip(-1)
    if torch.rand(()) < 0.5:
        batch = batch.flip(-2)
    if torch.rand(()) < 0.5:
        batch = batch.transpose(-1, -2)
    if torch.rand(()) < 0.5:
        batch = -batch
    return batch.contiguous(memory_format=torch.channels_last)


def make_scenes(count: int, first: int = 0) -> Scenes:
    """Scenes of consecutive seeds."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        made = list(pool.map(_scene, range(first, first + count), chunksize=64))
    pictures, objects, labels = (
        torch.from_numpy(np.stack(part)) for part in zip(*made, strict=True)
    )
    return Scenes(pictures.movedim(-1, 1).contiguous(), objects[:, None], labels.float())


def _scene(seed: int) -> tuple[Array, Array, Array]:
    scene = make_scene(seed)
    objects = np.asarray(sum(one.mask for one in scene.objects), bool)
    return scene.picture(), objects, scene.labels


def train_and_save(
    family: str, seed: int, data: Path, folder: Path, epochs: int, threads: int
) -> Path:
    """Train one network on stored scenes, look whether it is fit to be explained, and store it."""
    torch.set_num_threads(threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    scenes = Scenes(**torch.load(data, mmap=True))
    start, busy = time.perf_counter(), time.process_time()
    network = train(family, seed, scenes, epochs)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    path = weights_of(family, seed, folder)
    weights = {name: _half(value) for name, value in network.state_dict().items()}
    put(network, weights)
    controls = network_controls(network)
    record = {
        "family": family,
        "seed": str(seed),
        "scenes": str(len(scenes.labels)),
        "epochs": str(epochs),
        "seconds": f"{seconds:.0f} on {threads} threads, {busy:.0f} of processor time",
        "torch": torch.__version__,
        **{control.what: f"{control.found:.4f}" for control in controls},
    }
    save_file(weights, path, record)
    path.chmod(0o644)  # safetensors lets nobody else read it
    for control in controls:
        log.info("%s-%d, %s", family, seed, control)
    log.info("%s-%d, %s s, %s", family, seed, record["seconds"], path.name)
    return path


def _half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).contiguous()


def train_all(
    families: Sequence[str],
    seeds: int,
    folder: Path,
    count: int = SCENES,
    epochs: int | None = None,
) -> list[Path]:
    """Train the networks of several families and seeds, side by side; returns their files.

    A file that is there already is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    slowest_first = sorted(families, key=SLOWEST.index)
    asked = list(product(range(seeds), slowest_first))
    missing = [(f, s) for s, f in asked if not weights_of(f, s, folder).exists()]
    if missing:
        data = folder / "scenes.pt"
        torch.save(vars(make_scenes(count)), data)
        cores = os.cpu_count() or 1
        workers = min(cores, len(missing))
        each = cores // workers
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            waiting = [
                pool.submit(
                    train_and_save, family, seed, data, folder, _epochs(family, epochs), each
                )
                for family, seed in missing
            ]
            for one in waiting:
                one.result()
        data.unlink()
    return [weights_of(family, seed, folder) for seed, family in asked]


def _epochs(family: str, asked: int | None) -> int:
    return asked or EPOCHS.get(family, USUAL_EPOCHS)


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    parser.add_argument("--seeds", type=int, default=1, help="networks of each family")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--epochs", type=int, help="in place of each family's own")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where the weights go")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train_all(args.families, args.seeds, args.folder, args.scenes, args.epochs)


if __name__ == "__main__":
    main()
