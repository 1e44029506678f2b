"""The models of open_clip, which embed images and texts alike: ResNets, ViTs, towers of timm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from torch import Tensor

from camkit_core import Adapter, TargetError

_OWN_VOCABULARY = 49408  # of open_clip's own tokenizer; no other one of its models has as many


def adapter(model: Any, image_size: tuple[int, ...]) -> Adapter:
    """The model as it is, which embeds images alone; the layer is that which the search finds."""
    return Adapter(embed_texts=embed_texts)


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
