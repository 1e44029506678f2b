"""How to read each metric, in one line; the report prints those of the metrics it holds."""

from __future__ import annotations

HOW_TO_READ = {
    "insertion": "The class's mean probability while the blurred image becomes clear, the map's "
    "highest pixels first. High: what the map names first is enough for the class.",
    "deletion": "The class's mean probability while the image is covered, the map's highest pixels "
    "first. Low: what the map names first is needed for the class.",
    "road": "Half of the probability without the lowest pixels, less that without the highest, the "
    "gaps filled from their surroundings. High: the map's order is that of importance; 0: it is "
    "no better than any.",
    "road_morf": "The class's mean probability without the highest pixels, the gaps filled from "
    "their surroundings. Low: they were needed.",
    "road_lerf": "The class's mean probability without the lowest pixels, the gaps filled from "
    "their surroundings. High: they were not needed.",
    "average_drop": "The per cent of the class's probability that is lost when the image is "
    "multiplied by the map. Low is good, and easy for a map that keeps everything: see area.",
    "average_increase": "The per cent of images whose probability rises when the image is "
    "multiplied by the map.",
    "average_gain": "The per cent of what is missing to certainty that is gained when the image is "
    "multiplied by the map.",
    "adcc": "Average drop, coherency and complexity in one harmonic mean. High: a small map that "
    "keeps the probability and explains itself.",
    "sensitivity": "How far the map moves when the image changes a little. Low: it is stable, as "
    "any map is that ignores the model.",
    "randomisation": "The rank correlation of the map with those of a model whose weights are more "
    "and more shuffled. Near 1: it does not show what the model learned.",
    "area": "The heatmap's mean over the image. Not better or worse; near 1 the map is the whole "
    "image.",
}

MAKERS = {
    "uniform": "one everywhere",
    "centre": "a Gaussian in the middle",
    "edges": "the image's edges (Sobel)",
    "random": "the layer's channels, weighed at random",
}
