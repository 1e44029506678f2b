"""How alike the detections in an edited image are to one in the plain image, as D-RISE has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import cosine_similarity

from .detection import DetectionTarget, overlap
from .detections import are_detections, detections_in
from .protocol import Score


@dataclass(frozen=True, eq=False)
class SimilarDetection:
    """The best of overlap, times likeness of the class scores, times objectness.

    arXiv 2006.03204, equations 3 to 6. Where a detector states no objectness, a candidate's largest
    class score says how sure it is of an object.

    Attributes:
        box: of the detection, as x1, y1, x2, y2.
        class_scores: of the detection, (K,).
    """

    box: tuple[float, float, float, float]
    class_scores: Tensor

    def __call__(self, sample: Any) -> Tensor:
        found = detections_in(sample)
        assert found.class_scores is not None
        alike = cosine_similarity(found.class_scores, self.class_scores[None], dim=1)
        objectness = found.class_scores.amax(1)
        return (overlap(found.boxes, self.box) * alike * objectness).amax()


def similar_detection(target: Score, sample: Any) -> Score:
    """The same target by D-RISE's likeness; the target itself where that cannot be told.

    Args:
        target: settled on the plain image.
        sample: the plain image's part of the model's output.
    """
    if not isinstance(target, DetectionTarget) or target.box is None or target.category is None:
        return target
    if not are_detections(sample) or sample.get("class_scores") is None:
        return target
    found = detections_in(sample)
    boxes, scores = found.of_class(int(target.category))
    best = (scores * overlap(boxes, target.box)).argmax()
    assert found.class_scores is not None
    return SimilarDetection(target.box, found.class_scores[best].detach())
