"""The models of open_clip, which embed images and texts alike: ResNets, ViTs, towers of timm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from torch import Tensor

from camkit_core import Adapter, TargetError, tokens_to_grid

_OWN_VOCABULARY = 49408  # of open_clip's own tokenizer; no other one of its models has as many


def adapter(model: Any, image_size: tuple[int, ...]) -> Adapter:
    """The model as it is, which embeds images alone.

    Of a ViT whose class token is read, the layer is the last block's first norm, as in other ViTs:
    before that norm, blocks far from it in length have smaller gradients. Of any other tower, it is
    the layer that the search finds.
    """
    tower, found = model.visual, Adapter(embed_texts=embed_texts)
    blocks = getattr(getattr(tower, "transformer", None), "resblocks", None)
    read_by_class_token = getattr(tower, "pool_type", "") == "tok"
    if not blocks or not read_by_class_token or getattr(tower, "attn_pool", None) is not None:
        return found
    height, width = (side // step for side, step in zip(image_size, tower.patch_size, strict=True))
    return Adapter(blocks[-1].ln_1, tokens_to_grid(height, width, 1), embed_texts=embed_texts)


def embed_texts(model: Any, texts: Sequence[str], tokenizer: Callable[..., Any] | None) -> Tensor:
    """The texts' embeddings (T, D)."""
    tokens = (tokenizer or _tokenizer(model))(list(texts))
    device = next(model.parameters()).device
    embedded: Tensor = model.encode_text(tokens.to(device))
    return embedded


def _tokenizer(model: Any) -> Callable[..., Any]:
    """open_clip's own tokenizer, where the model's vocabulary is that.

    Raises:
        TargetError: for another vocabulary.
    """
    vocabulary, length = model.vocab_size, model.context_length
    if vocabulary != _OWN_VOCABULARY:
        raise TargetError(
            f"the {type(model).__name__} has a vocabulary of {vocabulary} tokens, which is not "
            f"that of open_clip's own tokenizer; pass the one of its name, TextTarget(text, "
            f"tokenizer=open_clip.get_tokenizer(name)), with the name that the model was created "
            f"by, or the text's embedding, TextTarget(embedding)"
        )
    return _own(length)


@lru_cache(maxsize=4)  # it takes half a second to make
def _own(length: int) -> Callable[..., Any]:
    from open_clip import SimpleTokenizer

    tokenizer: Callable[..., Any] = SimpleTokenizer(context_length=length)
    return tokenizer
