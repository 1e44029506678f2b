"""DenseNet: should camkit explain the last norm's output, or the tensor that the classifier reads?

    python benchmarks/densenet_layer.py

Explains both glyphs of 200 scenes that the shipped DenseNet gets right, from both tensors. A hit is
a map whose maximum lies in the glyph's box. The energy is the share of the map on the glyph, less
that of a uniform map.
"""

from __future__ import annotations

import warnings

import numpy as np

import camkit_core as camkit
from camkit_core.testing.ground_truth.networks import preprocess, trained
from camkit_core.testing.ground_truth.scenes import CLASSES
from camkit_core.testing.ground_truth.scores import energy, pointing
from camkit_core.testing.ground_truth.tier1 import right_scenes

METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam")


def main() -> None:
    warnings.simplefilter("ignore")
    network = trained("densenet")
    scenes, _ = right_scenes(network, 200)
    images = preprocess(np.stack([scene.picture() for scene in scenes]))
    targets = [[CLASSES.index(scene.objects[row].kind) for scene in scenes] for row in (0, 1)]
    layers = {"before the ReLU": network.features.norm5, "what the classifier reads": None}
    for name, layer in layers.items():
        comparison = camkit.compare(network, images, METHODS, targets, layer)
        for method in METHODS:
            pairs = [
                (heat.double().numpy(), scene.objects[row])
                for row in (0, 1)
                for heat, scene in zip(comparison[row, method].heatmap, scenes, strict=True)
            ]
            hits = np.nanmean([pointing(heat, glyph.box) for heat, glyph in pairs])
            share = np.nanmean([energy(heat, glyph.mask) for heat, glyph in pairs])
            print(f"{name:28s} {method:12s} hits {hits:.3f}  energy {share:.3f}")


if __name__ == "__main__":
    main()
