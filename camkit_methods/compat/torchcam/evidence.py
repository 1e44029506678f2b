"""A prediction with its maps, and the folder that it is saved to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from camkit_core import ArgumentTypeError, CamkitError

from .utils import overlay_mask


class FolderExists(CamkitError, FileExistsError):
    """The folder to save to is there already."""


@dataclass(frozen=True)
class PredictionExplanation:
    """One image's logits (1, K), and the maps (h, w) of its predicted and expected class."""

    logits: Tensor
    predicted_class_idx: int
    expected_class_idx: int | None
    cams: Mapping[int, tuple[Tensor, ...]]
    method: str
    target_layers: tuple[str, ...]
    model: str
    input_shape: tuple[int, ...]
    versions: Mapping[str, str]
    class_names: tuple[str, ...] | None = None

    def save(self, directory: str | Path, image: Image.Image, alpha: float = 0.5) -> Path:
        """Write maps (.npy), pictures (.png) and manifest.json into a new folder.

        Args:
            directory: the folder, which must not be there.
            image: the picture that the overlays are drawn on.
            alpha: its share in them.

        Returns:
            The folder; if anything fails, nothing of it is left.

        Raises:
            ArgumentTypeError: if the image is no PIL image.
            FolderExists: if the folder is there already (a FileExistsError).
        """
        if not isinstance(image, Image.Image):
            raise ArgumentTypeError("`image` must be a PIL image")
        folder = Path(directory)
        if folder.exists():
            raise FolderExists(f"{folder} exists already; name a new folder")
        folder.mkdir(parents=True)
        try:
            classes = {
                str(each): self._saved(each, folder, image, alpha) for each in sorted(self.cams)
            }
            manifest = {**self._manifest(image, alpha), "classes": classes}
            text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False)
            (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder)
            raise
        return folder

    def _saved(
        self, category: int, folder: Path, image: Image.Image, alpha: float
    ) -> dict[str, Any]:
        """Write one class's files, and say what they are."""
        logits = self.logits[0]
        return {
            **self._reference(category),
            "logit": logits[category].item(),
            "probability": logits.softmax(0)[category].item(),
            "artifacts": list(self._files(category, folder, image, alpha)),
        }

    def _files(
        self, category: int, folder: Path, image: Image.Image, alpha: float
    ) -> Iterator[dict[str, Any]]:
        maps = self.cams[category]
        joined = len(maps) == 1
        layers = [self.target_layers] if joined else [(name,) for name in self.target_layers]
        for index, (names, cam) in enumerate(zip(layers, maps, strict=True)):
            stem, array = f"class-{category}-layer-{index}", cam.numpy()
            np.save(folder / f"{stem}.npy", array, allow_pickle=False)
            grey = (255 * np.clip(array, 0, 1)).round().astype(np.uint8)
            Image.fromarray(grey).save(folder / f"{stem}-heatmap.png")
            drawn = overlay_mask(image, Image.fromarray(array), alpha=alpha)
            drawn.save(folder / f"{stem}-overlay.png")
            yield {
                "target_layers": list(names),
                "map": f"{stem}.npy",
                "heatmap": f"{stem}-heatmap.png",
                "overlay": f"{stem}-overlay.png",
            }

    def _manifest(self, image: Image.Image, alpha: float) -> dict[str, Any]:
        expected = self.expected_class_idx
        return {
            "schema_version": 1,
            "prediction": self._reference(self.predicted_class_idx),
            "expected": None if expected is None else self._reference(expected),
            "method": self.method,
            "target_layers": list(self.target_layers),
            "model": self.model,
            "input_shape": list(self.input_shape),
            "versions": dict(self.versions),
            "image_size": list(image.size),
            "alpha": alpha,
        }

    def _reference(self, category: int) -> dict[str, Any]:
        name = None if self.class_names is None else self.class_names[category]
        return {"class_idx": category, "class_name": name}
