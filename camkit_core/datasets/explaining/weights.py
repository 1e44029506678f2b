"""Whether two models are the same: a hash of their weights."""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import Tensor, nn

_BLOCK = 1 << 26  # values that are brought from a GPU at a time


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of all weights and buffers with their names, on whatever device they are."""
    digest = sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        if isinstance(value, Tensor) and not value.is_meta:
            digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
            _add(digest, value)
    return digest.hexdigest()


def _add(digest: object, value: Tensor) -> None:
    flat = value.detach().contiguous().flatten()
    for start in range(0, len(flat), _BLOCK):
        part = flat[start : start + _BLOCK].cpu().contiguous()
        digest.update(part.view(torch.uint8).numpy())  # type: ignore[attr-defined]
