"""An explanation: the maps, what they explain, how they were made, and notes for the reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..arguments import position
from ..errors import InputError
from ..inputs.targets.detection import DetectionTarget
from ..inputs.targets.questions import no_class
from ..maps import heatmaps
from ..probe.further.concepts import Concepts
from .boxes import Boxes, in_words, named
from .originals import Original, ground

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from ..plugins.lookup import Renderer


@dataclass(frozen=True, eq=False)
class Explanation:
    """The maps of N images by one method for one target each. Holds no model and no graph.

    In shapes, (h, w) and (H, W) stand for the grid and the images' size; for signals these are (l)
    and (L), for volumes and videos (d, h, w) and (D, H, W).

    Attributes:
        cam: (N, h, w), float32 (float64 of a float64 model), signed, at the layer's grid: the
            method's formula and nothing else. For several layers, their mean (see `explain`).
        logits: (N, K) class scores; None if the model gives none.
        target: LongTensor (N,) of classes, or a list of N callables; one named "no_class" where a
            method that asks for no class explains a model that has none.
        score: (N,), the value of each image's target; 0 where there is no class.
        layer: name of what is explained, which `layer=` takes; several are joined by ", ".
        method: the method's name.
        adapter: what chose the layer and its reshape, and where it comes from.
        notes: what a reader should know: why a map is blank, which fallback was taken.
        reasons: for each image why its heatmap is empty, or None if it is not.
        images: (N, C, H, W), as the model was given them.
        options: the method's options as given.
        guided: (N, C, H, W) guided gradients times the heatmap, if asked for; else None.
        class_names: names of the classes, where the model carries one for each of its scores, as
            transformers' `config.id2label` and ultralytics' `names` are; else None.
        provenance: method, options, layers and versions, ready for JSON.
        boxes: of a detector, for each image a dict of the boxes that it keeps after thresholds and
            non-maximum suppression, best first: `boxes` (K, 4) as x1, y1, x2, y2 in pixels of
            `images`, `labels` (K,), `scores` (K,) and K `names`. None for any other model.
        concepts: the maps of several concepts in each image, and what the model says of each, by a
            method that gives them, as "dff" does; else None.
        originals: the pictures that `images` were made of, and where these lie in them; None where
            the model was given a tensor.
    """

    cam: Tensor
    logits: Tensor | None
    target: Tensor | list[Any]
    score: Tensor
    layer: str
    method: str
    adapter: str
    notes: tuple[str, ...]
    reasons: tuple[str | None, ...]
    images: Tensor
    options: dict[str, Any] = field(default_factory=dict)
    guided: Tensor | None = None
    class_names: Sequence[str] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    boxes: list[Boxes] | None = None
    originals: tuple[Original, ...] | None = None
    concepts: Concepts | None = None

    def __post_init__(self) -> None:
        if self.boxes is not None:  # an explanation that is given names has boxes of these names
            boxes = [named(each, self.class_names) for each in self.boxes]
            object.__setattr__(self, "boxes", boxes)

    def __len__(self) -> int:
        return len(self.cam)

    def __repr__(self) -> str:
        targets = "; ".join(self.describe(index) for index in range(min(len(self), 3)))
        more = ", ..." if len(self) > 3 else ""
        return f"<Explanation {self.method} at {self.layer}: {targets}{more}>"

    @cached_property
    def heatmap(self) -> Tensor:
        """(N, H, W) float32 in [0, 1] at input size.

        ReLU, linear resizing (align_corners=False), division by each map's own maximum; all
        zero where there is no evidence.
        """
        return heatmaps(self.cam, self.images.shape[2:])

    def describe(self, index: int = 0) -> str:
        """Class and score of one image, e.g. "pug 9.81"; "no class" where there is none.

        For a detected object also its box, e.g. "dog 0.83 at [12, 20, 64, 80]".
        """
        self._check(index)
        if self._no_class(index):
            return "no class"
        score = f"{float(self.score[index]):.2f}"
        if not isinstance(self.target, Tensor):
            function = self.target[index]
            if isinstance(function, DetectionTarget):
                return function.described(score, self.class_names)
            return f"{getattr(function, '__name__', 'target')} {score}"
        category = int(self.target[index])
        name = self.class_names[category] if self.class_names else f"class {category}"
        return f"{name} {score}"

    def blank(self, index: int = 0) -> str | None:
        """Why the heatmap of one image is empty; None if it is not."""
        self._check(index)
        return self.reasons[index]

    def render(
        self,
        renderer: str | Renderer = "overlay",
        index: int = 0,
        image: Any = None,
        transform: Callable[[Any], Any] | None = None,
        on: str = "original",
        **options: Any,
    ) -> Image:
        """A picture of one image's map, on the original picture where that is known.

        Args:
            renderer: name of an installed renderer (`camkit list-renderers`), or a function.
            index: which image of the batch.
            image: the picture to draw on, as PIL, uint8 or float in [0, 1]; by default the
                original picture, or where a tensor was explained, the tensor made visible.
            transform: what made the model's input of `image`, so that the map lies in its place.
                Without it, the map is stretched over an image of another size, with a warning.
            on: "input" draws on the model's input made visible, also where the original is known.
            options: the renderer's own.

        Raises:
            UnknownName: if no such renderer is installed.
            InputError: if there is no such image, `image` is not a picture, or the map is of a
                signal or a volume, which has no picture.
        """
        from ..plugins.lookup import find_renderer

        self._check(index)
        draw = find_renderer(renderer, options)
        known = self.originals[index] if self.originals else None
        picture, original = ground(self.images[index], known, image, transform, on)
        return draw(self.lying_in(original), index, picture)

    def lying_in(self, original: Original | None) -> Explanation:
        """This explanation, drawn as lying in `original`; for None as covering a whole picture."""
        originals = None if original is None else (original,) * len(self)
        if originals == self.originals:
            return self
        changed = replace(self, originals=originals)
        if "heatmap" in vars(self):  # computed once
            vars(changed)["heatmap"] = self.heatmap
        return changed

    def on_original(self, index: int = 0) -> Tensor:
        """The heatmap of one image in its original picture: (H0, W0) float32 in [0, 1], on the CPU.

        It is 0 where the model did not see the picture; `originals[index].window` says where.

        Raises:
            InputError: if it is not known where the model's input lies in the picture.
        """
        self._check(index)
        known = self.originals[index].window if self.originals else None
        if known is None:
            raise InputError(
                "it is not known where the model's input lies in a picture; explain the picture "
                "itself, as in explain(camkit.load_model('resnet50'), 'photo.jpg')"
            )
        return torch.from_numpy(known.placed(self.heatmap[index].detach().cpu().numpy()))

    def save(
        self, path: str | Path, renderer: str | Renderer = "overlay", index: int = 0, **options: Any
    ) -> Path:
        """Write a picture (.png, .jpg, ...) or the raw values (.npz); returns the path.

        A PNG carries its provenance as text. The file is written whole or not at all.

        Raises:
            InputError: for a file type that cannot be written; a PathError for a place that
                cannot.
        """
        from .arrays import arrays_and_metadata
        from .file_types import refuse_unknown_type
        from .files import write_arrays, write_picture
        from .provenance import of_renderer

        self._check(index)
        path = Path(path)
        if path.suffix == ".npz":
            return write_arrays(path, *arrays_and_metadata(self))
        refuse_unknown_type(path)
        record = self.summary(index) | of_renderer(renderer, options)
        return write_picture(self.render(renderer, index, **options), path, record)

    def summary(self, index: int = 0) -> dict[str, Any]:
        """What one image's map explains, and where it comes from, ready for JSON."""
        self._check(index)
        category = int(self.target[index]) if isinstance(self.target, Tensor) else None
        names, found = self.class_names, self.boxes[index] if self.boxes else None
        return {
            **self.provenance,
            "target": category if category is not None else self.describe(index),
            "class": names[category] if names and category is not None else None,
            "score": None if self._no_class(index) else float(self.score[index]),
            **(self.originals[index].record(found) if self.originals else {}),
            "blank": self.blank(index),
            "notes": list(self.notes),
            **({} if found is None else {"boxes": in_words(found)}),
            **({} if self.concepts is None else {"concepts": self.concepts.summary(index, names)}),
        }

    def to_numpy(self) -> np.ndarray[Any, Any]:
        """The heatmap as a numpy array (N, H, W), float32 in [0, 1]."""
        values: np.ndarray[Any, Any] = self.heatmap.cpu().numpy()
        return values

    def widget(self, index: int = 0) -> Any:
        """One image's map to look into, in a notebook: opacity, colours, threshold, values.

        Raises:
            ImportFailed: if anywidget is not installed (the extra `widget`).
            InputError: for the map of a signal or a volume.
        """
        from .viewer.widget import widget_of

        self._check(index)
        return widget_of([[self]], index)

    def to_captum(self) -> Tensor:
        """The map in captum's form, as of `LayerGradCam`: (N, 1, h, w), signed, at the grid."""
        return self.cam[:, None]

    def _repr_html_(self) -> str:
        from .viewer.notebook import explanation_block

        return explanation_block(self)

    def _no_class(self, index: int) -> bool:
        return not isinstance(self.target, Tensor) and self.target[index] is no_class

    def _check(self, index: int) -> None:
        position(index, len(self), "image", "the explanation")
