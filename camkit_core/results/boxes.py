"""The boxes that a detector finds, as an explanation keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..forward.recording import Recording
from ..inputs.targets.detections import are_detections, detections_in, rounded
from ..pytree import has_samples, sample_of

Boxes = dict[str, Any]  # boxes (K, 4), labels (K,), scores (K,), and K names, of one image


_found: WeakKeyDictionary[Recording, list[Boxes]] = WeakKeyDictionary()


def boxes_of(recording: Recording) -> list[Boxes] | None:
    """For each image the boxes that the detector keeps, best first; None if it is no detector."""
    output = recording.output
    if not are_detections(output[0] if has_samples(output) else output):
        return None
    if recording not in _found:
        count = len(recording.images)
        _found[recording] = [_kept(sample_of(output, row, count)) for row in range(count)]
    return _found[recording]


def _kept(sample: Any) -> Boxes:
    found = detections_in(sample)
    kept = found.kept
    tensors = {"boxes": found.boxes, "labels": found.labels, "scores": found.scores}
    return {name: tensor[kept].detach() for name, tensor in tensors.items()}


def named(boxes: Boxes, class_names: Sequence[str] | None) -> Boxes:
    """The same boxes with `names`, one for each: that of its class, or "class 3" without names."""
    labels = boxes["labels"].tolist()
    known = class_names or ()
    names = tuple(known[n] if 0 <= n < len(known) else f"class {n}" for n in labels)
    return {**boxes, "names": names}


def in_words(boxes: Boxes) -> list[str]:
    """Each box of an image in words, such as "dog 0.83 at [12, 20, 64, 80]"."""
    rows = zip(boxes["names"], boxes["scores"].tolist(), boxes["boxes"].tolist(), strict=True)
    return [f"{name} {score:.2f} at {rounded(box)}" for name, score, box in rows]


def as_arrays(images: Sequence[Boxes]) -> Mapping[str, Tensor]:
    """The boxes of all images by name, and the image that each is in, for a file."""
    if not images:
        return {}
    counts = torch.tensor([len(boxes["boxes"]) for boxes in images], device="cpu")
    joined = {name: torch.cat([each[name] for each in images]) for name in ("boxes", *_BESIDE)}
    image = torch.arange(len(images), device="cpu").repeat_interleave(counts)
    return {_BESIDE.get(name, name): tensor for name, tensor in joined.items()} | {
        "box_images": image
    }


_BESIDE = {"labels": "box_labels", "scores": "box_scores"}  # by their names in a file
