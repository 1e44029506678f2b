"""Targets of models that embed images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...arguments import checked
from ...errors import TARGET_ERRORS, TargetError, TargetTypeError, shown
from ...pytree import located, outline
from .advice import part
from .found import scores_in


@dataclass(frozen=True, eq=False)
class SimilarityTarget:
    """The cosine similarity of an image's embedding to a vector: another image's, or a text's.

    Args:
        embedding: (D,).
        key: the name of the image's embedding in the model's output; None if the output is the
            embedding.

    Raises:
        TargetTypeError: for an embedding that is no tensor, or a key that is no name.
        TargetError: for an embedding of other axes.
    """

    embedding: Tensor
    key: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.embedding, Tensor) or self.embedding.is_complex():
            raise TargetTypeError(
                f"SimilarityTarget takes embedding= as a tensor (D,); got {shown(self.embedding)}"
            )
        if self.embedding.ndim != 1:
            raise TargetError(
                f"SimilarityTarget takes embedding= as a tensor (D,), of one image or text; got "
                f"{shown(self.embedding)}"
            )
        checked("SimilarityTarget", "key", self.key, str | None, TARGET_ERRORS)

    def __call__(self, sample: Any) -> Tensor:
        embedding = vector(sample, self.key)
        if embedding.shape != self.embedding.shape:
            raise TargetError(
                f"expected an embedding {tuple(self.embedding.shape)} from the model, as the one "
                f"to compare with, got {tuple(embedding.shape)}"
            )
        return torch.cosine_similarity(embedding, self.embedding.to(embedding), dim=0)


def vector(sample: Any, key: str | None, at_least: int = 1) -> Tensor:
    """The vector in one sample's output, of at least that many axes; TargetError if none.

    Without a key it is the output itself, or the only tensor that can be scores.
    """
    if key is None:
        found = scores_in(sample)
        value = None if found is None else found[1]
    else:
        value = sample.get(key) if isinstance(sample, Mapping) else getattr(sample, key, None)
    if isinstance(value, Tensor) and at_least <= value.ndim <= 1:
        return value
    wanted = f"{key!r}, a vector for each image," if key else "a vector for each image"
    raise TargetError(f"expected {wanted} from the model, got {outline(sample)}{_which(sample)}")


def _which(sample: Any) -> str:
    """Which part of the output could be meant."""
    fitting = [where for where, tensor in located(sample) if tensor.ndim == 1]
    several = fitting if fitting != ["output"] else []
    return f"; pass {' or '.join(map(part, several))}" if several else ""
