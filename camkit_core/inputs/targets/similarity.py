"""Targets of models that embed images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import TargetError
from ...pytree import outline


@dataclass(frozen=True, eq=False)
class SimilarityTarget:
    """The cosine similarity of an image's embedding to a vector: another image's, or a text's.

    Args:
        embedding: (D,).
        key: what the model's output calls the image's embedding; None if it is a tensor, or the
            only one (D,) in it.
    """

    embedding: Tensor
    key: str | None = None

    def __call__(self, sample: Any) -> Tensor:
        own = vector(sample, self.key)
        if own.shape != self.embedding.shape:
            raise TargetError(
                f"expected an embedding {tuple(self.embedding.shape)} from the model, as the one "
                f"to compare with, got {tuple(own.shape)}"
            )
        return torch.cosine_similarity(own, self.embedding.to(own), dim=0)


def vector(sample: Any, key: str | None, at_least: int = 1) -> Tensor:
    """The vector in one sample of the output, of at least that many axes; TargetError if none."""
    found = sample
    if key is not None:
        found = sample.get(key) if isinstance(sample, Mapping) else getattr(sample, key, None)
    if isinstance(found, Tensor) and at_least <= found.ndim <= 1:
        return found
    wanted = f"{key!r}, a vector for each image," if key else "a vector for each image"
    raise TargetError(f"expected {wanted} from the model, got {outline(sample)}")
