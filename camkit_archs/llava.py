"""LLaVA, PaliGemma and Gemma 3, of Hugging Face: the image tokens that the language model reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from camkit_core import Adapter, LayerError, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int], call: Mapping[str, Any]) -> Adapter:
    """The projected image tokens: `multi_modal_projector`, (N, h * w, C).

    The vision tower's layers, by their names, are read alike, with or without a class token.
    """
    if call.get("image_sizes") is not None:
        raise LayerError(
            f"camkit reads the image tokens of {type(model).__name__} for images of one size; "
            f"those of `image_sizes` lie in another way: name a layer, and pass "
            f"reshape_transform= from its output to (N, C, h, w)"
        )
    patch = model.config.vision_config.patch_size
    height, width = (side // patch for side in image_size)
    return Adapter(model.model.multi_modal_projector, with_or_without_class(height, width))


def gemma3_adapter(model: Any, image_size: tuple[int, int], call: Mapping[str, Any]) -> Adapter:
    """The same of Gemma 3, whose projector averages patches to `mm_tokens_per_image` tokens."""
    projector = model.model.multi_modal_projector
    of_tokens = tokens_to_grid(projector.tokens_per_side, projector.tokens_per_side)
    of_patches = tokens_to_grid(projector.patches_per_image, projector.patches_per_image)

    def reshape(tokens: Tensor) -> Tensor:
        whole = tokens.ndim == 3 and tokens.shape[1] == projector.patches_per_image**2
        return of_patches(tokens) if whole else of_tokens(tokens)

    return Adapter(projector, reshape)


def with_or_without_class(height: int, width: int) -> Callable[[Tensor], Tensor]:
    """A reshape for tokens with a class token before them, as in the tower, or without one."""
    without, with_class = tokens_to_grid(height, width), tokens_to_grid(height, width, prefix=1)

    def reshape(tokens: Tensor) -> Tensor:
        has_class = tokens.ndim == 3 and tokens.shape[1] == height * width + 1
        return with_class(tokens) if has_class else without(tokens)

    return reshape
