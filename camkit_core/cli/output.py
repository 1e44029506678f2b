"""Explanations as files: each picture with what it shows and where it comes from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..inputs.models.preprocessing import Picture
from ..results.explanation import Explanation
from ..results.files import write_picture
from ..results.provenance import of_renderer
from .files import FileNames, atomically, slug


class Pictures:
    """Writes pictures to a folder, each under a name of its own.

    Args:
        folder: where to; it exists.
        renderer: name of the renderer; None for the raw values in place of a picture.
        sidecars: whether to put a JSON file beside each picture.
    """

    def __init__(self, folder: Path, renderer: str | None, sidecars: bool) -> None:
        self.folder = folder
        self.renderer = renderer
        self.sidecars = sidecars
        self.names = FileNames()

    def write(self, stem: str, explanation: Explanation, seen: Picture) -> dict[str, Any]:
        """Write the picture of a single image's explanation, and what belongs to it.

        Args:
            stem: what the file names begin with.
            explanation: of one image.
            seen: the picture (H, W, 3), uint8 RGB, that the model saw.

        Returns:
            What the picture is of, ready for JSON, with the paths written.
        """
        base = self.names.unused(_name(stem, explanation))
        drawn = of_renderer(self.renderer, {}) if self.renderer else {}
        record = _record(explanation) | drawn
        path = self.folder / f"{base}{'.png' if self.renderer else '.npz'}"
        self._draw(explanation, self.renderer, seen, path, record)
        written = {"picture": str(path)}
        if explanation.guided is not None:
            path = self.folder / f"{base}_guided.png"
            guided = record | of_renderer("guided_gradcam", {})
            self._draw(explanation, "guided_gradcam", seen, path, guided)
            written["guided_picture"] = str(path)
        if self.sidecars:
            with atomically(self.folder / f"{base}.json") as temporary:
                temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return {**record, **written}

    def _draw(
        self,
        explanation: Explanation,
        renderer: str | None,
        seen: Picture,
        path: Path,
        record: dict[str, Any],
    ) -> None:
        with atomically(path) as temporary:
            if renderer is None:
                explanation.save(temporary)
            else:
                write_picture(explanation.render(renderer, 0, seen), temporary, record)


def _record(explanation: Explanation) -> dict[str, Any]:
    record = explanation.summary()
    # JSON knows no NaN; a model that overflowed has no score.
    return {**record, "score": record["score"] if math.isfinite(record["score"]) else None}


def _name(stem: str, explanation: Explanation) -> str:
    method = re.sub(r"[^\w.+-]", "-", explanation.method)
    return f"{stem}_{method}_{_target(explanation)}"


def _target(explanation: Explanation) -> str:
    if not isinstance(explanation.target, Tensor):
        return "target"
    index, names = int(explanation.target[0]), explanation.class_names
    return str(index) if names is None else _class_slug(index, names)


def _class_slug(index: int, names: Sequence[str]) -> str:
    own = slug(names[index])
    if not own:
        return str(index)
    shared = sum(slug(name) == own for name in names) > 1
    return f"{own}-{index}" if shared else own
