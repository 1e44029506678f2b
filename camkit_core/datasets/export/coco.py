"""Boxes or masks of thresholded maps, as a COCO data set."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from PIL import Image

from ...errors import ImportFailed
from ...results.provenance import camkit_version
from ...results.whole_files import written_whole
from ..opened import ExplainedDataset
from ..windows import Windows
from .regions import Region, Size, regions, size_of


def to_coco(
    maps: ExplainedDataset,
    output: str | Path,
    threshold: float = 0.5,
    masks: bool = False,
    transform: Any = None,
) -> Path:
    """Write thresholded maps as COCO annotations; returns the path.

    Each connected part of a map where it has at least `threshold` of its maximum is an annotation,
    in the pixels of the original picture. Where the picture is not there any more, it is in the
    pixels of the model's input, which are then the image's size (`"of_input": true`). A category's
    id is the class's number plus one, as some tools keep 0 for the background. An annotation has
    the `score` of its class (probability, or else the score), `method` and `target`.

    Args:
        maps: the data set.
        output: a file ending in .json.
        threshold: in (0, 1].
        masks: whether annotations have a `segmentation`: run lengths (RLE), compressed.
        transform: as of `dataset_report`.

    Raises:
        PathError: if it cannot be written.
        ImportFailed: for masks, if pycocotools is not installed.
    """
    encode = _encoder() if masks else None
    with (
        written_whole(output) as temporary,
        temporary.open("w", encoding="utf-8") as file,
        TemporaryFile("w+", encoding="utf-8", dir=temporary.parent) as images,
    ):
        writer = _Writer(maps, Windows(maps.metadata, transform), threshold, encode, images)
        file.write(f'{{"info": {json.dumps(_info(maps, threshold))}, "licenses": [],\n')
        file.write('"annotations": [\n')
        for number, annotation in enumerate(writer.annotations()):
            file.write(("" if number == 0 else ",\n") + json.dumps(annotation, allow_nan=False))
        file.write('\n], "images": [\n')
        images.seek(0)
        shutil.copyfileobj(images, file)
        categories = ",\n".join(json.dumps(item) for item in writer.categories.values())
        file.write(f'\n], "categories": [\n{categories}\n]}}\n')
    return Path(output)


def _info(maps: ExplainedDataset, threshold: float) -> dict[str, Any]:
    model = maps.metadata.get("model")
    return {
        "description": f"maps of {model or 'a model'} from {threshold:g} of their maximum on",
        "contributor": f"camkit {camkit_version()}",
        "threshold": threshold,
    }


class _Writer:
    """Makes annotations row by row, and gathers the categories that they name.

    The images that they name are written to a file meanwhile: there may be millions. The rows of
    one follow one another.
    """

    def __init__(
        self, maps: ExplainedDataset, windows: Windows, threshold: float, encode: Any, images: Any
    ) -> None:
        self.maps, self.windows, self.threshold, self.encode = maps, windows, threshold, encode
        self._images = images
        self._image_now: dict[str, Any] = {"id": 0, "file_name": None}
        self.categories: dict[Any, dict[str, Any]] = {}
        self._unnumbered = 0

    def annotations(self) -> Iterator[dict[str, Any]]:
        number = 0
        for row in self.maps:
            if row.error is not None or len(row.grid) != 2:
                continue
            image, size, windows = self._image(row)
            category = self._category(row)
            for region in regions(row, size, windows, self.threshold):
                number += 1
                yield {
                    "id": number,
                    "image_id": image,
                    "category_id": category,
                    "bbox": [round(side, 2) for side in region.box],
                    "area": round(region.area, 2),
                    "iscrowd": 0,
                    **self._segmentation(region, size),
                    **_score(row),
                    "method": row.method,
                    "target": row.target,
                }

    def _image(self, row: Any) -> tuple[int, Size, Windows | None]:
        known = self._image_now
        if row.id != known["file_name"]:
            size, there = size_of(row, self.maps.metadata)
            known = {
                "id": known["id"] + 1,
                "file_name": row.id,
                "height": size[0],
                "width": size[1],
                **({} if there else {"of_input": True}),
            }
            self._images.write((",\n" if known["id"] > 1 else "") + json.dumps(known))
            self._image_now = known
        windows = None if "of_input" in known else self.windows
        return known["id"], (known["height"], known["width"]), windows

    def _category(self, row: Any) -> int:
        name = row.class_name or row.target
        key = name if row.class_index is None else row.class_index
        if key not in self.categories:
            if row.class_index is None:
                self._unnumbered += 1
                number = 1_000_000 + self._unnumbered
            else:
                number = row.class_index + 1
                name = row.class_name or f"class {row.class_index}"
            self.categories[key] = {"id": number, "name": name, "supercategory": ""}
        return int(self.categories[key]["id"])

    def _segmentation(self, region: Region, size: Size) -> Mapping[str, Any]:
        if self.encode is None:
            return {"segmentation": []}
        whole = Image.fromarray(region.mask).resize(size[::-1], Image.Resampling.NEAREST)
        encoded = self.encode(np.asfortranarray(np.asarray(whole), np.uint8))
        return {"segmentation": {"size": list(size), "counts": encoded["counts"].decode("ascii")}}


def _score(row: Any) -> dict[str, float]:
    value = row.score if row.probability is None else row.probability
    return {} if value is None or not math.isfinite(value) else {"score": round(float(value), 6)}


def _encoder() -> Any:
    try:
        from pycocotools.mask import encode
    except ImportError as error:
        raise ImportFailed(
            f"masks of COCO need pycocotools, which cannot be imported ({error}): "
            f'python -m pip install "camkit[data]"'
        ) from error
    return encode
