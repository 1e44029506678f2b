"""Train the small networks that camkit ships, from nothing.

    python benchmarks/train_networks.py                                 20 minutes on four cores
    python benchmarks/train_networks.py --seeds 3 --folder weights      three of each family

Weights that are in the folder already are kept. Each network learns which classes are in a scene:
one binary cross-entropy for each class. A scene that is turned, mirrored, in other colours or a
negative has the same classes, so each batch is changed in these ways. At first the objects are
white on black, and their paint and the background fade in; without that, a transformer learns
nothing for many epochs.
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

from camkit_core.testing.ground_truth.controls import network_controls
from camkit_core.testing.ground_truth.networks import FAMILIES, WEIGHTS, build, put, weights_of
from camkit_core.testing.ground_truth.scenes import make_scene

Array = np.ndarray[Any, Any]
log = logging.getLogger("camkit.train_networks")
SCENES = 40_000
EPOCHS = {"mnasnet": 3}  # each scene is seen once in an epoch; the other families take
USUAL_EPOCHS = 4
BATCH = 64
RATES = {"vit": 2e-3}  # of learning; the other families take
USUAL_RATE = 4e-3
SLOWEST_FIRST = ("mnasnet", "resnet", "densenet", "vit", "vgg")
FADE = 0.4  # the share of the steps in which the scenes fade in


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

    def batch(self, indices: Tensor, faded: float) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1], changed at random; at `faded` 0 white on black."""
        painted = self.pictures[indices][:, torch.randperm(3)].float() / 127.5 - 1
        if faded < 1:
            painted = faded * painted + (1 - faded) * (2 * self.objects[indices].float() - 1)
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
    rate = RATES.get(family, USUAL_RATE)
    optimizer = torch.optim.AdamW(_parameter_groups(network), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.2
    )
    loss_of = nn.BCEWithLogitsLoss()
    network.train()
    for epoch in range(epochs):
        total = 0.0
        for indices in _batches(len(labels)):
            batch = scenes.batch(indices, min(1.0, step / (FADE * steps)))
            loss = loss_of(network(batch), labels[indices])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            total += loss.item()
        log.info("%s-%d, epoch %d: loss %.4f", family, seed, epoch + 1, total * BATCH / len(labels))
    return network.eval().to(memory_format=torch.contiguous_format)


def _parameter_groups(network: nn.Module) -> list[dict[str, object]]:
    """Weights decay; norms and biases do not."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
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
    objects = np.asarray(sum(glyph.mask for glyph in scene.objects), bool)
    return scene.picture(), objects, scene.labels


def train_and_save(
    family: str, seed: int, data: Path, folder: Path, epochs: int, threads: int
) -> Path:
    """Train one network on stored scenes, run its controls, and store both in `folder`."""
    torch.set_num_threads(threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    scenes = Scenes(**torch.load(data, mmap=True))
    start, busy = time.perf_counter(), time.process_time()
    network = train(family, seed, scenes, epochs)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    folder.mkdir(parents=True, exist_ok=True)
    path = weights_of(family, folder)
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
        **{control.what: f"{control.value:.4f}" for control in controls},
    }
    save_file(weights, path, record)
    path.chmod(0o644)  # safetensors makes files that only their owner can read
    for control in controls:
        log.info("%s-%d, %s", family, seed, control)
    log.info("%s-%d, %s s, %s", family, seed, record["seconds"], path.name)
    return path


def _half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).contiguous()


def folder_of(folder: Path, seed: int) -> Path:
    """Where the networks of a seed are; those of seed 0, which camkit ships, in `folder` itself."""
    return folder / f"seed-{seed}" if seed else folder


def train_all(
    families: Sequence[str],
    seeds: int,
    folder: Path,
    count: int = SCENES,
    epochs: int | None = None,
) -> list[Path]:
    """Train the networks of several families and seeds, side by side; returns their files.

    A file that is there already is kept.

    Args:
        families: which.
        seeds: how many networks of each.
        folder: that of all weights.
        count: how many scenes.
        epochs: in place of each family's own number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    slowest_first = sorted(families, key=SLOWEST_FIRST.index)
    paths = {
        (family, seed): weights_of(family, folder_of(folder, seed))
        for seed, family in product(range(seeds), slowest_first)
    }
    missing = [key for key, path in paths.items() if not path.exists()]
    if missing:
        data = folder / "scenes.pt"
        torch.save(vars(make_scenes(count)), data)
        cores = os.cpu_count() or 1
        workers = min(cores, len(missing))
        threads = cores // workers
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            running = []
            for family, seed in missing:
                number = epochs or EPOCHS.get(family, USUAL_EPOCHS)
                arguments = (family, seed, data, folder_of(folder, seed), number, threads)
                running.append(pool.submit(train_and_save, *arguments))
            for future in running:
                future.result()
        data.unlink()
    return list(paths.values())


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    parser.add_argument("--seeds", type=int, default=1, help="networks of each family")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--epochs", type=int, help="in place of each family's own number")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where the weights go")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train_all(args.families, args.seeds, args.folder, args.scenes, args.epochs)


if __name__ == "__main__":
    main()
