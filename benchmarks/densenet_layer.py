"""DenseNet: should the map be of the last norm's output, or of what the classifier reads?

    python benchmarks/densenet_layer.py

Trains a small torchvision DenseNet on the demo's scenes and explains each class of 200 scenes of
two objects from both tensors. A hit is a map whose maximum lies on the class's own object (grown
by five pixels); the share is that of the heatmap on it.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.densenet import DenseNet

import camkit_core as camkit
from camkit_core.demo.network import preprocess
from camkit_core.demo.scene import CLASSES, make_scene
from camkit_core.demo.train import TEST_SEED, scenes

METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam")


def trained(count: int, epochs: int) -> DenseNet:
    """A DenseNet with maps of 14x14, trained on `count` scenes."""
    torch.manual_seed(0)
    network = DenseNet(12, (3, 3, 3), 24, num_classes=len(CLASSES))
    network.features.pool0 = nn.Identity()
    pictures, labels = scenes(0, count)
    steps = epochs * (count // 64)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for chosen in torch.randperm(count)[: count // 64 * 64].split(64):
            x = pictures[chosen][:, torch.randperm(3)].float() / 127.5 - 1
            loss = nn.functional.binary_cross_entropy_with_logits(network(x), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total * 64 / count:.4f}", flush=True)
    return network.eval()


def grown(mask: np.ndarray) -> Tensor:
    wide = torch.from_numpy(mask)[None, None].float()
    return torch.nn.functional.max_pool2d(wide, 11, 1, 5)[0, 0] > 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=8000)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    network = trained(args.scenes, args.epochs)
    layers = {"before the ReLU": network.features.norm5, "what the classifier reads": None}
    hits = {(name, method): [] for name in layers for method in METHODS}
    shares = {key: [] for key in hits}
    for seed in range(200):
        kinds = np.random.default_rng(seed).choice(CLASSES, 2, replace=False)
        scene = make_scene(TEST_SEED + seed, [str(kind) for kind in kinds])
        targets = [CLASSES.index(kind) for kind in kinds]
        for name, layer in layers.items():
            found = camkit.compare(network, preprocess(scene.image), METHODS, targets, layer)
            for row, target in enumerate(targets):
                own = grown(scene.masks[target])
                for method in METHODS:
                    heat = found[row, method].heatmap[0]
                    hits[name, method].append(bool(own.flatten()[heat.argmax()]))
                    shares[name, method].append(float(heat[own].sum() / heat.sum().clamp(min=1e-9)))
    for (name, method), values in hits.items():
        share = np.mean(shares[name, method])
        print(f"{name:28s} {method:12s} hits {np.mean(values):.3f}  share {share:.3f}")


if __name__ == "__main__":
    main()
