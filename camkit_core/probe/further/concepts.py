"""Several maps of each image: the concepts that a layer's activations are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Concepts:
    """K concepts of each of N images; of each image, or of all together, the largest share first.

    Attributes:
        maps: (N, K, h, w), where each concept is, in [0, 1].
        features: (N, K, C), the activations where a concept's map is 1.
        shares: (N, K), how much of the activations each concept stands for; 1 in sum.
        scores: (N, K, classes), what the model would say if a concept were all that it sees: its
            logits with `features` at every position. None for a model without class scores.
        chosen: LongTensor (N,), the concept whose map is `Explanation.cam`.
    """

    maps: Tensor
    features: Tensor
    shares: Tensor
    scores: Tensor | None
    chosen: Tensor

    def misfit(self, images: int) -> str:
        """What is wrong with them for a number of images, in words; "" if nothing is."""
        shape = tuple(self.maps.shape[:2])
        named = {"maps": self.maps, "features": self.features, "shares": self.shares}
        named |= {} if self.scores is None else {"scores": self.scores}
        wrong = [name for name, each in named.items() if tuple(each.shape[:2]) != shape]
        if wrong or shape[0] != images or tuple(self.chosen.shape) != (images,):
            shapes = ", ".join(f"{name} {tuple(each.shape)}" for name, each in named.items())
            return f"for {images} images concepts of the shapes {shapes}"
        return ""

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, as a file has it."""
        return {
            "concepts": self.maps,
            "concept_features": self.features,
            "concept_shares": self.shares,
            "concept_chosen": self.chosen,
            **({} if self.scores is None else {"concept_scores": self.scores}),
        }

    def summary(self, image: int, names: Sequence[str] | None) -> list[dict[str, Any]]:
        """The concepts of one image in words and numbers, ready for JSON."""
        rows = []
        for index, share in enumerate(self.shares[image].tolist()):
            row: dict[str, Any] = {"share": share, "chosen": index == int(self.chosen[image])}
            if self.scores is not None:
                scores = self.scores[image, index]
                best = int(scores.argmax())
                name = names[best] if names else None
                row |= {"target": best, "class": name, "score": float(scores[best])}
            rows.append(row)
        return rows
