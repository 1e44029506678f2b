"""Pictures of explanations, written to a folder with what they show and where they come from."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from torch import Tensor

from ...results.explanation import Explanation
from ...results.files import write_picture
from ...results.provenance import of_renderer
from ...results.whole_files import written_whole
from .answers import json_text
from .files import DEFAULT_RENDERER, FileNames, short_enough, slug
from .output import Output


class Pictures:
    """Writes pictures to a folder, each to a file of its own.

    Args:
        output: an existing folder, and the name of the only file if it was said.
        renderer: name of the renderer; None writes the raw values in place of a picture.
        sidecars: whether to put a JSON file beside each picture.
        drawn_on: "original" or "input"; see `Explanation.render`.
    """

    def __init__(
        self, output: Output, renderer: str | None, sidecars: bool, drawn_on: str = "original"
    ) -> None:
        self.output = output
        self.renderer = renderer
        self.sidecars = sidecars
        self.drawn_on = drawn_on
        self.names = FileNames()

    def write(self, stem: str, explanation: Explanation) -> dict[str, Any]:
        """Write the picture of one explanation, and the files that belong to it.

        Args:
            stem: the beginning of the file names.
            explanation: the explanation of a single image.

        Returns:
            What the picture shows, ready for JSON, with the paths written.
        """
        base, ending = self._file(stem, explanation)
        record = _record(explanation)
        if self.renderer:
            record |= of_renderer(self.renderer, {})
        written = {"picture": f"{base}{ending}"}
        with ExitStack() as together:  # all of them are there in the end, or none
            path = together.enter_context(written_whole(written["picture"]))
            self._draw(explanation, self.renderer, path, record)
            if explanation.guided is not None:
                written["guided_picture"] = f"{base}_guided.png"
                path = together.enter_context(written_whole(written["guided_picture"]))
                guided_record = record | of_renderer("guided_gradcam", {})
                self._draw(explanation, "guided_gradcam", path, guided_record)
            if self.sidecars:
                path = together.enter_context(written_whole(f"{base}.json"))
                path.write_text(json_text(record), encoding="utf-8")
        return {**record, **written}

    def _file(self, stem: str, explanation: Explanation) -> tuple[Path, str]:
        """The path without its ending, and the ending."""
        if self.output.name is not None:
            base, ending = os.path.splitext(self.output.name)
            return self.output.folder / self.names.unused(base), ending
        drawn = None if self.renderer in (None, DEFAULT_RENDERER) else self.renderer
        name = self.names.unused(_name(stem, explanation, drawn))
        return self.output.folder / name, ".png" if self.renderer else ".npz"

    def _draw(
        self, explanation: Explanation, renderer: str | None, path: Path, record: dict[str, Any]
    ) -> None:
        if renderer is None:
            explanation.save(path)
        else:
            write_picture(explanation.render(renderer, on=self.drawn_on), path, record)


def _record(explanation: Explanation) -> dict[str, Any]:
    record = explanation.summary()
    # JSON has no NaN, which is the score of a model that overflows.
    score = record["score"]
    return {**record, "score": score if score is not None and math.isfinite(score) else None}


def _name(stem: str, explanation: Explanation, renderer: str | None) -> str:
    """The name of a file: image, method, target, and the renderer where it is not the usual one."""
    method = re.sub(r"[^\w.+-]", "-", explanation.method)
    drawn = "" if renderer is None else f"_{slug(renderer)}"
    return short_enough(stem, f"_{method}_{_target_slug(explanation)}{drawn}")


def _target_slug(explanation: Explanation) -> str:
    if not isinstance(explanation.target, Tensor):
        words, score = explanation.describe(), f" {float(explanation.score[0]):.2f}"
        return slug(words.partition(score)[0]) or "target"
    index, names = int(explanation.target[0]), explanation.class_names
    return str(index) if names is None else _class_slug(index, names)


def _class_slug(index: int, names: Sequence[str]) -> str:
    class_slug = slug(names[index])
    if not class_slug:
        return str(index)
    shared = sum(slug(name) == class_slug for name in names) > 1
    return f"{class_slug}-{index}" if shared else class_slug
