"""How to read each metric, in one line; the report prints those of the metrics it holds."""

from __future__ import annotations

HOW_TO_READ = {
    "insertion": "The score's mean while the image is uncovered, the map's highest pixels first. "
    "High: what the map names first is enough for the class.",
    "deletion": "The score's mean while the image is covered, the map's highest pixels first. "
    "Low: what the map names first is needed for the class.",
    "road": "What is left without the lowest pixels, less what is left without the highest "
    "(ROAD). High: the map's order is that of importance.",
    "road_morf": "The score after the highest pixels were replaced by their surroundings (ROAD). "
    "Low: they were needed.",
    "road_lerf": "The score after the lowest pixels were replaced by their surroundings (ROAD). "
    "High: they were not needed.",
    "average_drop": "The share of the score that is lost when only what the map keeps is seen. Low "
    "is good, and easy for a map that keeps everything: see area.",
    "average_increase": "How often the score rises when only what the map keeps is seen.",
    "average_gain": "By how much the score rises when only what the map keeps is seen.",
    "adcc": "Average drop, coherency and complexity in one harmonic mean. High: a small map that "
    "keeps the score and explains itself.",
    "sensitivity": "How much the map changes when the image changes a little. Low: it is stable, "
    "which any map is that ignores the model.",
    "randomisation": "How alike the map stays when the model's weights are randomised. High: it "
    "does not show what the model learned.",
    "area": "The heatmap's mean over the image. Not better or worse; near 1 the map is the whole "
    "image.",
}

MAKERS = {
    "uniform": "one everywhere",
    "centre": "a Gaussian in the middle",
    "edges": "the image's edges (Sobel)",
    "random": "the layer's channels, weighed at random",
}
